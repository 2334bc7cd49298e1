-- Long-running work as people see it. Who works on it tells it by messages; the moves a state may make are held here.

CREATE TABLE operations (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  operation_type text NOT NULL,
  -- Who works on it.
  service text NOT NULL,
  display_name text NOT NULL,
  -- Whose it is.
  user_id text NOT NULL,
  entity_type text,
  entity_id text,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'in_progress', 'cancelling', 'completed', 'failed', 'cancelled')),
  progress_percentage double precision NOT NULL DEFAULT 0 CHECK (progress_percentage BETWEEN 0 AND 100),
  current_step int NOT NULL DEFAULT 0,
  total_steps int NOT NULL,
  -- Names and weights, in their order.
  steps jsonb NOT NULL,
  step_description text,
  done bigint,
  total bigint,
  failed bigint,
  skipped bigint,
  bytes bigint,
  message text,
  context jsonb,
  tags text[] NOT NULL DEFAULT '{}',
  result jsonb,
  error_message text,
  attempt int NOT NULL DEFAULT 0,
  max_attempts int NOT NULL,
  -- Of the report written last, within its attempt.
  sequence bigint NOT NULL DEFAULT 0,
  queued_at timestamptz NOT NULL,
  -- The attempt at hand, or the last one.
  started_at timestamptz,
  advanced_at timestamptz,
  reported_at timestamptz,
  retry_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at timestamptz,
  cancelled_by text,
  cancel_reason text,
  -- Time booked by cause. The present one runs since cause_since, and the status says what it is.
  queue_ms bigint NOT NULL DEFAULT 0 CHECK (queue_ms >= 0),
  retry_ms bigint NOT NULL DEFAULT 0 CHECK (retry_ms >= 0),
  work_ms bigint NOT NULL DEFAULT 0 CHECK (work_ms >= 0),
  cause_since timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL))
  -- A report touches no indexed column and finds room on its page: nothing but the row itself is written.
) WITH (fillfactor = 60);

SELECT ops_tenant_table('operations');
REVOKE DELETE ON operations FROM {{service}}_app;
CREATE POLICY upkeep ON operations TO {{service}}_owner USING (true);

CREATE INDEX operations_by_time ON operations (org_id, queued_at DESC, id DESC);
CREATE INDEX operations_by_status ON operations (org_id, status, queued_at DESC, id DESC);
CREATE INDEX operations_by_type ON operations (org_id, operation_type, queued_at DESC, id DESC);
CREATE INDEX operations_by_user ON operations (org_id, user_id, queued_at DESC, id DESC);
CREATE INDEX operations_by_entity ON operations (org_id, entity_type, entity_id, queued_at DESC, id DESC) WHERE entity_id IS NOT NULL;
CREATE INDEX operations_ended ON operations (completed_at) WHERE completed_at IS NOT NULL;

-- An index over arrays is of no use under row-level security: its operators may not look at rows before the policy has.
CREATE TABLE operation_tags (
  org_id uuid NOT NULL DEFAULT current_org(),
  tag text NOT NULL,
  queued_at timestamptz NOT NULL,
  operation_id uuid NOT NULL,
  PRIMARY KEY (org_id, tag, queued_at, operation_id),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('operation_tags');
REVOKE UPDATE, DELETE ON operation_tags FROM {{service}}_app;
CREATE INDEX operation_tags_of ON operation_tags (org_id, operation_id);

CREATE FUNCTION operation_may_go(from_status text, to_status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (from_status, to_status) IN (
    ('queued', 'in_progress'), ('queued', 'cancelling'), ('queued', 'cancelled'), ('queued', 'failed'),
    ('in_progress', 'queued'), ('in_progress', 'cancelling'), ('in_progress', 'completed'), ('in_progress', 'failed'), ('in_progress', 'cancelled'),
    ('cancelling', 'cancelled'), ('cancelling', 'completed'), ('cancelling', 'failed'))
$$;

-- Whole milliseconds on both sides, so that parts of a span add up to it.
CREATE FUNCTION ms_between(since timestamptz, until timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT floor(extract(epoch FROM until) * 1000)::bigint - floor(extract(epoch FROM since) * 1000)::bigint
$$;

-- Whoever changes the status says by cause_since when that was; the time until then is booked to the cause that ran.
CREATE FUNCTION move_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ms bigint;
BEGIN
  IF NOT operation_may_go(OLD.status, NEW.status) THEN
    RAISE EXCEPTION 'An operation cannot go from % to %.', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_legal_move';
  END IF;
  -- Clocks differ from machine to machine: no cause ends before it began.
  NEW.cause_since := greatest(OLD.cause_since, NEW.cause_since);
  ms := ms_between(OLD.cause_since, NEW.cause_since);
  IF OLD.status <> 'queued' THEN
    NEW.work_ms := OLD.work_ms + ms;
  ELSIF OLD.attempt = 0 THEN
    NEW.queue_ms := OLD.queue_ms + ms;
  ELSE
    NEW.retry_ms := OLD.retry_ms + ms;
  END IF;
  IF NEW.status IN ('completed', 'failed', 'cancelled') THEN
    NEW.completed_at := NEW.cause_since;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER operations_legal_move BEFORE UPDATE ON operations
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION move_operation();

CREATE FUNCTION refuse_change_after_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'An operation that is % changes no more.', OLD.status
    USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_end_is_final';
END $$;
CREATE TRIGGER operations_end_is_final BEFORE UPDATE ON operations
  FOR EACH ROW WHEN (OLD.completed_at IS NOT NULL AND OLD.status = NEW.status) EXECUTE FUNCTION refuse_change_after_end();

CREATE FUNCTION refuse_illegal_operation_start() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'An operation cannot start as %.', NEW.status
    USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_legal_start';
END $$;
CREATE TRIGGER operations_legal_start BEFORE INSERT ON operations
  FOR EACH ROW WHEN (NEW.status <> 'queued') EXECUTE FUNCTION refuse_illegal_operation_start();
