-- Operations that wait for people or for others, and where that time goes.

ALTER TABLE operations
  ADD COLUMN plan jsonb,
  -- What the time since cause_since goes by, until the operation has ended.
  ADD COLUMN cause text NOT NULL DEFAULT 'queue' CHECK (cause IN ('queue', 'approval', 'lock', 'rate_limit', 'external', 'retry', 'work')),
  -- The operation in the way, while the cause is lock.
  ADD COLUMN blocked_by uuid,
  ADD COLUMN approval_ms bigint NOT NULL DEFAULT 0 CHECK (approval_ms >= 0),
  ADD COLUMN lock_ms bigint NOT NULL DEFAULT 0 CHECK (lock_ms >= 0),
  ADD COLUMN rate_limit_ms bigint NOT NULL DEFAULT 0 CHECK (rate_limit_ms >= 0),
  ADD COLUMN external_ms bigint NOT NULL DEFAULT 0 CHECK (external_ms >= 0),
  DROP CONSTRAINT operations_status_check,
  DROP CONSTRAINT operations_check,
  ADD CONSTRAINT operations_status_check CHECK (status IN ('queued', 'waiting_for_approval', 'approved', 'in_progress', 'waiting_external', 'cancelling',
    'completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out')),
  ADD CONSTRAINT operations_check CHECK ((status IN ('completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out')) = (completed_at IS NOT NULL));

UPDATE operations SET cause = CASE WHEN status <> 'queued' THEN 'work' WHEN attempt > 0 THEN 'retry' ELSE 'queue' END WHERE completed_at IS NULL;

ALTER TABLE timeline DROP CONSTRAINT timeline_event_check, ADD CONSTRAINT timeline_event_check CHECK (event IN (
  'started', 'approval_asked', 'plan_changed', 'voted', 'reminded', 'escalated', 'approved', 'attempt_began', 'attempt_failed', 'cancel_asked', 'retry_asked',
  'completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out'));

CREATE OR REPLACE FUNCTION operation_may_go(from_status text, to_status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (from_status, to_status) IN (
    ('queued', 'in_progress'), ('queued', 'waiting_for_approval'), ('queued', 'cancelling'), ('queued', 'cancelled'), ('queued', 'failed'), ('queued', 'expired'),
    ('waiting_for_approval', 'approved'), ('waiting_for_approval', 'denied'), ('waiting_for_approval', 'expired'),
    ('waiting_for_approval', 'cancelling'), ('waiting_for_approval', 'cancelled'), ('waiting_for_approval', 'failed'),
    ('approved', 'in_progress'), ('approved', 'waiting_for_approval'), ('approved', 'cancelling'), ('approved', 'cancelled'), ('approved', 'failed'),
    ('approved', 'expired'),
    ('in_progress', 'queued'), ('in_progress', 'waiting_for_approval'), ('in_progress', 'waiting_external'), ('in_progress', 'cancelling'),
    ('in_progress', 'completed'), ('in_progress', 'failed'), ('in_progress', 'cancelled'), ('in_progress', 'timed_out'),
    ('waiting_external', 'in_progress'), ('waiting_external', 'queued'), ('waiting_external', 'cancelling'),
    ('waiting_external', 'completed'), ('waiting_external', 'failed'), ('waiting_external', 'cancelled'), ('waiting_external', 'timed_out'),
    ('cancelling', 'cancelled'), ('cancelling', 'completed'), ('cancelling', 'failed'), ('cancelling', 'timed_out'),
    ('failed', 'queued'), ('timed_out', 'queued'))
$$;

-- Whoever changes the status or the cause says by cause_since when that was; the time until then is booked to the cause that ran. That an
-- operation had failed, until it is tried again, counts as waiting for the next attempt.
CREATE OR REPLACE FUNCTION move_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ms bigint;
  ran text := CASE WHEN OLD.completed_at IS NULL THEN OLD.cause ELSE 'retry' END;
BEGIN
  IF OLD.status <> NEW.status THEN
    IF NOT operation_may_go(OLD.status, NEW.status) THEN
      RAISE EXCEPTION 'An operation cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_legal_move';
    END IF;
    NEW.cause := CASE NEW.status
      WHEN 'waiting_for_approval' THEN 'approval'
      WHEN 'approved' THEN 'queue'
      WHEN 'queued' THEN CASE OLD.attempt WHEN 0 THEN 'queue' ELSE 'retry' END
      WHEN 'waiting_external' THEN 'external'
      ELSE 'work'
    END;
  END IF;
  IF NEW.cause <> 'lock' THEN
    NEW.blocked_by := NULL;
  END IF;
  -- Clocks differ from machine to machine: no cause ends before it began.
  NEW.cause_since := greatest(OLD.cause_since, NEW.cause_since);
  ms := ms_between(OLD.cause_since, NEW.cause_since);
  CASE ran
    WHEN 'queue' THEN NEW.queue_ms := OLD.queue_ms + ms;
    WHEN 'approval' THEN NEW.approval_ms := OLD.approval_ms + ms;
    WHEN 'lock' THEN NEW.lock_ms := OLD.lock_ms + ms;
    WHEN 'rate_limit' THEN NEW.rate_limit_ms := OLD.rate_limit_ms + ms;
    WHEN 'external' THEN NEW.external_ms := OLD.external_ms + ms;
    WHEN 'retry' THEN NEW.retry_ms := OLD.retry_ms + ms;
    ELSE NEW.work_ms := OLD.work_ms + ms;
  END CASE;
  NEW.completed_at := CASE WHEN NEW.status IN ('completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out') THEN NEW.cause_since END;
  RETURN NEW;
END $$;
DROP TRIGGER operations_legal_move ON operations;
CREATE TRIGGER operations_legal_move BEFORE UPDATE ON operations
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR (OLD.cause IS DISTINCT FROM NEW.cause AND OLD.completed_at IS NULL)) EXECUTE FUNCTION move_operation();

DROP TRIGGER operations_legal_start ON operations;
CREATE TRIGGER operations_legal_start BEFORE INSERT ON operations
  FOR EACH ROW WHEN (NEW.status NOT IN ('queued', 'waiting_for_approval')) EXECUTE FUNCTION refuse_illegal_operation_start();

-- p_started as before, and with plan: an operation that has one waits for the agreement to it.
CREATE OR REPLACE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  WITH started AS (
    SELECT DISTINCT ON (id) * FROM jsonb_to_recordset(p_started) AS s (
      id uuid, operation_type text, service text, display_name text, user_id text, queued_at timestamptz, steps jsonb, max_attempts int,
      entity_type text, entity_id text, context jsonb, tags text[], plan jsonb, actor text, correlation_id uuid)
    ORDER BY id
  ), added AS (
    INSERT INTO operations (id, operation_type, service, display_name, user_id, entity_type, entity_id, total_steps, steps, context, tags,
      max_attempts, queued_at, cause_since, plan, status, cause)
    SELECT id, operation_type, service, display_name, user_id, entity_type, entity_id, jsonb_array_length(steps), steps, context,
      coalesce(tags, '{}'), max_attempts, queued_at, queued_at, nullif(plan, 'null'),
      CASE WHEN nullif(plan, 'null') IS NULL THEN 'queued' ELSE 'waiting_for_approval' END, CASE WHEN nullif(plan, 'null') IS NULL THEN 'queue' ELSE 'approval' END
    FROM started ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, queued_at, tags
  ), tagged AS (
    INSERT INTO operation_tags (tag, queued_at, operation_id)
    SELECT DISTINCT t.tag, added.queued_at, added.id FROM added CROSS JOIN LATERAL unnest(added.tags) AS t (tag)
  ), told AS (
    SELECT s.queued_at AS at, s.id, 0 AS nth, jsonb_build_object(
      'operation_id', s.id, 'at', s.queued_at, 'event', 'started', 'actor', s.actor, 'correlation_id', s.correlation_id,
      'details', jsonb_build_object('operationType', s.operation_type, 'service', s.service, 'userId', s.user_id)) AS entry
    FROM started s JOIN added USING (id)
    UNION ALL
    SELECT s.queued_at, s.id, 1, jsonb_build_object(
      'operation_id', s.id, 'at', s.queued_at, 'event', 'approval_asked', 'actor', s.actor, 'correlation_id', s.correlation_id, 'details', s.plan)
    FROM started s JOIN added USING (id) WHERE nullif(s.plan, 'null') IS NOT NULL
  )
  SELECT coalesce(jsonb_agg(entry ORDER BY at, id, nth), '[]') INTO v_entries FROM told;
  RETURN v_entries;
END $$;

-- p_reports as before, and with cause and blocked_by.
CREATE OR REPLACE FUNCTION apply_reports(p_reports jsonb, p_is_last boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_begun jsonb;
  v_failed jsonb;
BEGIN
  WITH reports AS (
    SELECT * FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, at timestamptz, started_at timestamptz, correlation_id uuid)
  ), begun AS (
    UPDATE operations o SET
      status = CASE WHEN o.status IN ('queued', 'approved') THEN 'in_progress' ELSE o.status END,
      cause_since = CASE WHEN o.status IN ('queued', 'approved') THEN r.started_at ELSE o.cause_since END,
      attempt = r.attempt, sequence = -1, started_at = r.started_at, retry_at = NULL, error_message = NULL, progress_percentage = 0
    FROM reports r
    WHERE o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL AND r.attempt > o.attempt
    RETURNING o.id, o.service, o.attempt, o.max_attempts, r.started_at, r.correlation_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', started_at, 'event', 'attempt_began', 'actor', service, 'correlation_id', correlation_id,
    'details', jsonb_build_object('attempt', attempt, 'maxAttempts', max_attempts)) ORDER BY started_at, id), '[]')
  INTO v_begun FROM begun;

  WITH reports AS (
    SELECT *, coalesce(told_cause, 'work') AS cause FROM jsonb_to_recordset(p_reports) AS r (
      id uuid, attempt int, sequence bigint, at timestamptz, advanced_at timestamptz, step int, percent double precision, done bigint,
      total bigint, failed bigint, skipped bigint, bytes bigint, message text, replanned_at bigint, retry_at timestamptz, error text, told_cause text,
      blocked_by uuid, correlation_id uuid)
  ), moves AS (
    SELECT r.*, o.retry_at IS NULL AND r.retry_at IS NOT NULL AS is_failing,
      CASE
        WHEN o.status NOT IN ('in_progress', 'waiting_external') THEN o.status
        WHEN r.retry_at IS NOT NULL THEN 'queued'
        WHEN r.cause = 'external' THEN 'waiting_external'
        ELSE 'in_progress'
      END AS next_status,
      CASE WHEN o.status IN ('in_progress', 'waiting_external') AND r.retry_at IS NULL THEN r.cause ELSE o.cause END AS next_cause
    FROM operations o JOIN reports r USING (id) WHERE o.org_id = current_org()
  ), applied AS (
    UPDATE operations o SET
      sequence = r.sequence,
      progress_percentage = CASE WHEN r.replanned_at > o.sequence THEN r.percent ELSE greatest(o.progress_percentage, r.percent) END,
      current_step = r.step,
      step_description = o.steps -> (r.step - 1) ->> 'name',
      done = r.done, total = r.total, failed = r.failed, skipped = r.skipped, bytes = r.bytes, message = r.message,
      advanced_at = r.advanced_at, reported_at = r.at, updated_at = clock_timestamp(),
      retry_at = coalesce(r.retry_at, o.retry_at),
      error_message = coalesce(r.error, o.error_message),
      status = r.next_status,
      cause = r.next_cause,
      blocked_by = r.blocked_by,
      cause_since = CASE WHEN r.next_status <> o.status OR r.next_cause <> o.cause THEN r.at ELSE o.cause_since END
    FROM moves r
    WHERE o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL AND r.attempt = o.attempt AND (p_is_last OR r.sequence > o.sequence)
    RETURNING o.id, o.service, o.attempt, r.at, r.retry_at, r.error, r.correlation_id, r.is_failing
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', at, 'event', 'attempt_failed', 'actor', service, 'reason', error, 'correlation_id', correlation_id,
    'details', jsonb_build_object('attempt', attempt, 'retryAt', retry_at)) ORDER BY at, id), '[]')
  INTO v_failed FROM applied WHERE is_failing;
  RETURN v_begun || v_failed;
END $$;

-- p_ended as before.
CREATE OR REPLACE FUNCTION end_operations(p_ended jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  -- Nothing is completed that was not worked on, even if no report of that work came.
  UPDATE operations o SET status = 'in_progress', cause_since = e.ended_at
  FROM jsonb_to_recordset(p_ended) AS e (id uuid, outcome text, ended_at timestamptz)
  WHERE o.org_id = current_org() AND o.id = e.id AND o.status IN ('queued', 'approved') AND e.outcome = 'completed';

  WITH ended AS (
    SELECT * FROM jsonb_to_recordset(p_ended) AS e (
      id uuid, outcome text, ended_at timestamptz, error text, result jsonb, cancelled_by text, correlation_id uuid)
  ), applied AS (
    UPDATE operations o SET
      status = e.outcome,
      cause_since = e.ended_at,
      progress_percentage = CASE e.outcome WHEN 'completed' THEN 100 ELSE o.progress_percentage END,
      result = nullif(e.result, 'null'),
      error_message = CASE e.outcome WHEN 'completed' THEN NULL ELSE coalesce(e.error, o.error_message) END,
      cancelled_by = CASE e.outcome WHEN 'cancelled' THEN coalesce(o.cancelled_by, e.cancelled_by) ELSE o.cancelled_by END,
      retry_at = NULL,
      updated_at = clock_timestamp()
    FROM ended e
    WHERE o.org_id = current_org() AND o.id = e.id AND o.completed_at IS NULL
    RETURNING o.id, o.status, o.completed_at, o.service, o.attempt, o.cancelled_by, o.cancel_reason, o.error_message, e.correlation_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', completed_at, 'event', status, 'actor', CASE status WHEN 'cancelled' THEN coalesce(cancelled_by, service) ELSE service END,
    'reason', CASE status WHEN 'completed' THEN NULL WHEN 'cancelled' THEN cancel_reason ELSE error_message END,
    'correlation_id', correlation_id, 'details', jsonb_build_object('attempt', attempt)) ORDER BY completed_at, id), '[]')
  INTO v_entries FROM applied;
  RETURN v_entries;
END $$;
