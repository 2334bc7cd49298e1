-- Nobody looks rows up by a whole JSON document or by bytes. Sorting thirty thousand of them each time a table has grown by a tenth took
-- about a fifth of the processor time of a young database under load. What an index computes from a row is looked up for equality
-- only, which needs no statistics either.

CREATE FUNCTION ops_leave_statistics(name regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  unread record;
BEGIN
  FOR unread IN
    SELECT attname FROM pg_attribute
    WHERE attrelid = name AND attnum > 0 AND NOT attisdropped AND atttypid IN ('jsonb'::regtype, 'bytea'::regtype) AND coalesce(attstattarget, -1) <> 0
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', name, unread.attname);
  END LOOP;
  FOR unread IN
    SELECT i.indexrelid::regclass AS index, a.attnum FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum <= i.indnkeyatts AND i.indkey[a.attnum - 1] = 0
    WHERE i.indrelid = name AND coalesce(a.attstattarget, -1) <> 0
  LOOP
    EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS 0', unread.index, unread.attnum);
  END LOOP;
END $$;

-- A new week does not take it over from its table.
CREATE OR REPLACE FUNCTION ops_ensure_partitions(parent text) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  since timestamptz;
  child text;
  key text := pg_get_partkeydef(parent::regclass);
BEGIN
  key := substring(key FROM '\((.*)\)');
  FOR i IN -1..2 LOOP
    since := date_trunc('week', now(), 'UTC') + i * interval '7 days';
    child := parent || '_' || to_char(since AT TIME ZONE 'UTC', 'YYYYMMDD');
    IF to_regclass(child) IS NULL THEN
      -- Rows that strayed into the default partition must leave it before their week can be attached.
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
      EXECUTE format('WITH strays AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM strays',
        parent || '_default', key, since, key, since + interval '7 days', child);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, since, since + interval '7 days');
      PERFORM ops_leave_statistics(child::regclass);
    END IF;
  END LOOP;
END $$;

-- Run at every start, after all migrations, for the tables made since.
CREATE FUNCTION ops_leave_statistics() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ops_leave_statistics(c.oid::regclass) FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relkind = 'r', c.oid;
END $$;
