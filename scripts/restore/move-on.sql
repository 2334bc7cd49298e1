-- Gives all entries new positions, dense as before, after the largest there can ever have been: the clock in microseconds runs ahead
-- of any feed. What a reader holds is then out of reach, and it is told so.
BEGIN;
CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT org_id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - earliest + 1 AS by FROM feed_heads;
UPDATE feed f SET position = f.position + m.by FROM moved m WHERE m.org_id = f.org_id;
UPDATE feed_heads h SET position = h.position + m.by, earliest = h.earliest + m.by FROM moved m WHERE m.org_id = h.org_id;
SELECT coalesce(min(earliest), 1) FROM feed_heads;
COMMIT;
