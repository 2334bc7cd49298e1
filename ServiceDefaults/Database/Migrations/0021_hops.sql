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

CREATE FUNCTION ops_forget_hops(older_than timestamptz) RETURNS void LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
  week text;
BEGIN
  FOR week IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'hops'::regclass AND c.relname ~ '^hops_\d{8}$'
      AND to_timestamp(right(c.relname, 8) || ' 00+00', 'YYYYMMDD HH24TZH') + interval '7 days' <= older_than
  LOOP
    EXECUTE format('DROP TABLE %I', week);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION ops_forget_hops FROM PUBLIC;
