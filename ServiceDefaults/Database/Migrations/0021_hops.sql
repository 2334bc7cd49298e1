-- When messages left and arrived, and when changes reached the feed: what outbox, inbox and feed forget. Written in bulk, by the
-- statements that settle a batch anyway; a week's rows are dropped as a whole.

CREATE TABLE hops (
  org_id uuid NOT NULL DEFAULT current_org(),
  correlation_id uuid NOT NULL,
  what text NOT NULL CHECK (what IN ('sent', 'heard', 'appended', 'delivered')),
  -- The type of the message or of the change.
  name text NOT NULL,
  -- The listener that heard a message.
  listener text,
  -- The message's id, or the change's.
  message_id uuid NOT NULL,
  causation_id uuid,
  traceparent text,
  entity_id text,
  -- In the feed.
  position bigint,
  -- When the row of a sent message was written.
  written_at timestamptz,
  at timestamptz NOT NULL,
  -- When an appended change was first given to a reader of the process that appended it; other processes add a row of their own.
  delivered_at timestamptz
) PARTITION BY RANGE (at);

CREATE INDEX hops_correlation ON hops (org_id, correlation_id);
CREATE INDEX hops_entity ON hops (org_id, entity_id) WHERE entity_id IS NOT NULL;
SELECT ops_partition_table('hops');

ALTER TABLE hops ENABLE ROW LEVEL SECURITY;
ALTER TABLE hops FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON hops FOR INSERT TO {{service}}_app WITH CHECK (org_id = current_org());
CREATE POLICY relay ON hops TO {{service}}_relay USING (true);
GRANT INSERT ON hops TO {{service}}_app;
GRANT SELECT, INSERT ON hops TO {{service}}_relay;

-- Also finds what one request changed. Correlation ids rise with time, so new entries go to the end.
DROP INDEX sync_events_org;
CREATE INDEX sync_events_org_correlation ON sync_events (org_id, (metadata ->> 'correlationId'));

-- Drops the weeks of a partitioned table that ended before then. Whoever writes to the table waits behind the drop, so the drop
-- itself does not wait for long.
CREATE FUNCTION ops_forget_weeks(parent text, older_than timestamptz) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
  week text;
  dropped integer := 0;
BEGIN
  FOR week IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent::regclass AND c.relname ~ ('^' || parent || '_\d{8}$')
      AND to_timestamp(right(c.relname, 8) || ' 00+00', 'YYYYMMDD HH24TZH') + interval '7 days' <= older_than
  LOOP
    EXECUTE format('DROP TABLE %I', week);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION ops_forget_weeks FROM PUBLIC;

-- A bounded number, as with answers; the caller comes again while it finds any.
CREATE FUNCTION ops_forget_heard(older_than timestamptz, at_most integer) RETURNS integer LANGUAGE sql AS $$
  WITH old AS (
    SELECT consumer, message_id FROM inbox WHERE received_at < older_than LIMIT at_most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM inbox i USING old WHERE i.consumer = old.consumer AND i.message_id = old.message_id RETURNING 1
  )
  SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION ops_forget_heard FROM PUBLIC;

CREATE OR REPLACE FUNCTION ops_maintain() RETURNS void LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
  parent text;
BEGIN
  FOR parent IN SELECT name FROM partitioned_tables LOOP
    PERFORM ops_ensure_partitions(parent);
  END LOOP;
  PERFORM ops_forget_changes(now() - interval '30 days');
END $$;
