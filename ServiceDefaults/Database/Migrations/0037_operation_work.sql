-- Long-running work of this service. Whoever holds a row's lease works on it; when the lease runs out the next one goes on from the checkpoint.

CREATE TABLE operation_work (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  operation_type text NOT NULL,
  -- The message that told of it; its end repeats it.
  started jsonb NOT NULL,
  args jsonb NOT NULL CHECK (octet_length(args::text) <= 1048576),
  checkpoint jsonb CHECK (octet_length(checkpoint::text) <= 1048576),
  -- On whose behalf.
  actor text NOT NULL,
  correlation_id uuid NOT NULL,
  traceparent text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'ended')),
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Rises with every lease: whoever lost one changes nothing any more.
  fence bigint NOT NULL DEFAULT 0,
  leased_until timestamptz,
  cancelled_by text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  PRIMARY KEY (org_id, id),
  CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
SELECT ops_tenant_table('operation_work');
CREATE INDEX operation_work_due ON operation_work (next_attempt_at) WHERE state <> 'ended';
CREATE INDEX operation_work_ended ON operation_work (ended_at) WHERE state = 'ended';
CREATE POLICY upkeep ON operation_work TO {{service}}_owner USING (true);
CREATE POLICY relay ON operation_work TO {{service}}_relay USING (true);
GRANT SELECT, UPDATE ON operation_work TO {{service}}_relay;
