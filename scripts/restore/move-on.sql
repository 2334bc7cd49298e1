-- Gives all entries new positions, dense as before, after the largest there can ever have been: the clock in microseconds runs ahead
-- of any feed. What a reader holds is then out of reach, and it is told so. Whatever else notes positions of a feed moves with it.
BEGIN;
CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT org_id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - earliest + 1 AS by FROM feed_heads;
UPDATE feed_heads h SET position = h.position + m.by, earliest = h.earliest + m.by FROM moved m WHERE m.org_id = h.org_id;
DO $$
DECLARE
  noting text;
BEGIN
  FOR noting IN
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'feed_heads'
      AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('org_id', 'position') AND NOT a.attisdropped) = 2
  LOOP
    EXECUTE format('UPDATE %I f SET position = f.position + m.by FROM moved m WHERE m.org_id = f.org_id', noting);
  END LOOP;
END $$;
SELECT coalesce(min(earliest), 1) FROM feed_heads;
COMMIT;
