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

-- Attaching a week locks the default partition against everybody, and whoever reads the table waits behind that: so it gives up soon.
ALTER FUNCTION ops_ensure_partitions SET lock_timeout = '200ms';

-- The weeks of a partitioned table that ended before then, the oldest first. Each is dropped by a function below or one like it, in a
-- transaction of its own. ops_maintain and ops_forget_changes stay for builds that know no other way.
CREATE FUNCTION ops_weeks_before(older_than timestamptz, parent text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = parent::regclass
    AND to_timestamp(substring(c.relname FROM ('^' || parent || '_(\d{8})$')) || ' 00+00', 'YYYYMMDD HH24TZH') + interval '7 days' <= older_than
  ORDER BY c.relname
$$;

-- A drop locks the whole table against everybody, and so gives up soon as well.
CREATE FUNCTION ops_drop_week(week text) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS %I', week);
  RETURN 1;
END $$;
REVOKE ALL ON FUNCTION ops_drop_week FROM PUBLIC;

-- A week of captured changes goes once all of them were sent.
CREATE FUNCTION ops_drop_sent_week(week text) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  unsent boolean := true;
BEGIN
  -- Two replicas that read the week would wait for each other's drop.
  PERFORM pg_advisory_xact_lock(hashtext('opsplatform partitions'));
  IF to_regclass(week) IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE sync_status <> ''processed'')', week) INTO unsent;
  END IF;
  RETURN CASE WHEN unsent THEN 0 ELSE ops_drop_week(week) END;
END $$;
REVOKE ALL ON FUNCTION ops_drop_sent_week FROM PUBLIC;
