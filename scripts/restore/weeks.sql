-- Makes the weekly partitions between the backup and now: what comes in from that time must not stray into the default ones.
BEGIN;
SELECT set_config('restore.taken_at', :'taken_at', true) \g /dev/null
SET LOCAL ROLE :"owner";
DO $$
DECLARE
  parent text;
  week timestamptz;
  child text;
BEGIN
  FOR parent IN SELECT name FROM partitioned_tables LOOP
    FOR week IN SELECT generate_series(
      date_trunc('week', current_setting('restore.taken_at')::timestamptz - interval '1 day', 'UTC'), now(), interval '7 days') LOOP
      child := parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
      IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, week, week + interval '7 days');
      END IF;
    END LOOP;
  END LOOP;
END $$;
COMMIT;
