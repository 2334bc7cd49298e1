-- What messages and callers do to operations, in sets: the rows first and the timeline last, so that all take their locks in one order.
-- The parts answer the entries to tell; who calls them tells all at once.

-- p_started: [{id, operation_type, service, display_name, user_id, queued_at, steps, max_attempts, entity_type, entity_id, context, tags,
-- actor, correlation_id}]. What is there already is left as it is.
CREATE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  WITH started AS (
    SELECT DISTINCT ON (id) * FROM jsonb_to_recordset(p_started) AS s (
      id uuid, operation_type text, service text, display_name text, user_id text, queued_at timestamptz, steps jsonb, max_attempts int,
      entity_type text, entity_id text, context jsonb, tags text[], actor text, correlation_id uuid)
    ORDER BY id
  ), added AS (
    INSERT INTO operations (id, operation_type, service, display_name, user_id, entity_type, entity_id, total_steps, steps, context, tags,
      max_attempts, queued_at, cause_since)
    SELECT id, operation_type, service, display_name, user_id, entity_type, entity_id, jsonb_array_length(steps), steps, context,
      coalesce(tags, '{}'), max_attempts, queued_at, queued_at
    FROM started ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, queued_at, tags
  ), tagged AS (
    INSERT INTO operation_tags (tag, queued_at, operation_id)
    SELECT DISTINCT t.tag, added.queued_at, added.id FROM added CROSS JOIN LATERAL unnest(added.tags) AS t (tag)
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', s.id, 'at', s.queued_at, 'event', 'started', 'actor', s.actor, 'correlation_id', s.correlation_id,
    'details', jsonb_build_object('operationType', s.operation_type, 'service', s.service, 'userId', s.user_id)) ORDER BY s.queued_at, s.id), '[]')
  INTO v_entries FROM started s JOIN added USING (id);
  RETURN v_entries;
END $$;

-- p_reports: the latest of each operation, [{id, attempt, sequence, at, started_at, advanced_at, step, percent, done, total, failed,
-- skipped, bytes, message, replanned_at, retry_at, error, correlation_id}]. An older one than the row knows changes nothing. The share done
-- becomes smaller only by a new attempt or when the plan was changed by a later report than the row's, of sequence replanned_at.
-- p_is_last: they came with the end, and count even if nothing but the end came after the row's.
CREATE FUNCTION apply_reports(p_reports jsonb, p_is_last boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_begun jsonb;
  v_failed jsonb;
BEGIN
  WITH reports AS (
    SELECT * FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, at timestamptz, started_at timestamptz, correlation_id uuid)
  ), begun AS (
    UPDATE operations o SET
      status = CASE o.status WHEN 'queued' THEN 'in_progress' ELSE o.status END,
      cause_since = CASE o.status WHEN 'queued' THEN r.started_at ELSE o.cause_since END,
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
    SELECT * FROM jsonb_to_recordset(p_reports) AS r (
      id uuid, attempt int, sequence bigint, at timestamptz, advanced_at timestamptz, step int, percent double precision, done bigint,
      total bigint, failed bigint, skipped bigint, bytes bigint, message text, replanned_at bigint, retry_at timestamptz, error text, correlation_id uuid)
  ), before AS (
    SELECT o.id, r.retry_at IS NOT NULL AND o.retry_at IS NULL AS is_failing FROM operations o JOIN reports r USING (id) WHERE o.org_id = current_org()
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
      status = CASE WHEN r.retry_at IS NOT NULL AND o.status = 'in_progress' THEN 'queued' ELSE o.status END,
      cause_since = CASE WHEN r.retry_at IS NOT NULL AND o.status = 'in_progress' THEN r.at ELSE o.cause_since END
    FROM reports r
    WHERE o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL AND r.attempt = o.attempt AND (p_is_last OR r.sequence > o.sequence)
    RETURNING o.id, o.service, o.attempt, r.at, r.retry_at, r.error, r.correlation_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', at, 'event', 'attempt_failed', 'actor', service, 'reason', error, 'correlation_id', correlation_id,
    'details', jsonb_build_object('attempt', attempt, 'retryAt', retry_at)) ORDER BY at, id), '[]')
  INTO v_failed FROM applied JOIN before USING (id) WHERE is_failing;
  RETURN v_begun || v_failed;
END $$;

-- p_ended: [{id, outcome, ended_at, error, result, cancelled_by, correlation_id}], each operation once.
CREATE FUNCTION end_operations(p_ended jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  -- Nothing is completed that was not worked on, even if no report of that work came.
  UPDATE operations o SET status = 'in_progress', cause_since = e.ended_at
  FROM jsonb_to_recordset(p_ended) AS e (id uuid, outcome text, ended_at timestamptz)
  WHERE o.org_id = current_org() AND o.id = e.id AND o.status = 'queued' AND e.outcome = 'completed';

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
    'reason', CASE status WHEN 'failed' THEN error_message WHEN 'cancelled' THEN cancel_reason END,
    'correlation_id', correlation_id, 'details', jsonb_build_object('attempt', attempt)) ORDER BY completed_at, id), '[]')
  INTO v_entries FROM applied;
  RETURN v_entries;
END $$;

-- In the order of ids, so that two who change the same take turns instead of waiting for each other for ever.
CREATE FUNCTION hold_operations(p_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM operations o WHERE o.org_id = current_org() AND o.id IN (SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_rows) AS x) ORDER BY o.id FOR UPDATE;
END $$;

CREATE FUNCTION hear_started(p_started jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_timeline(add_operations(p_started));
END $$;

-- Answers which of the operations are known, and whether they have ended.
CREATE FUNCTION hear_reports(p_reports jsonb) RETURNS TABLE (operation_id uuid, has_ended boolean) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_operations(p_reports);
  PERFORM tell_timeline(apply_reports(p_reports, false));
  RETURN QUERY SELECT o.id, o.completed_at IS NOT NULL FROM operations o
    WHERE o.org_id = current_org() AND o.id IN (SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x);
END $$;

CREATE FUNCTION hear_ended(p_started jsonb, p_last jsonb, p_ended jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  v_entries := add_operations(p_started);
  PERFORM hold_operations(p_ended);
  v_entries := v_entries || apply_reports(p_last, true);
  v_entries := v_entries || end_operations(p_ended);
  PERFORM tell_timeline(v_entries);
END $$;

-- The caller holds the row and has seen that it may be cancelled.
CREATE FUNCTION ask_cancel(p_id uuid, p_by text, p_reason text, p_at timestamptz, p_correlation uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE operations SET status = 'cancelling', cause_since = p_at, cancelled_by = p_by, cancel_reason = p_reason, retry_at = NULL, updated_at = clock_timestamp()
  WHERE org_id = current_org() AND id = p_id;
  PERFORM tell_timeline(jsonb_build_array(jsonb_build_object(
    'operation_id', p_id, 'at', p_at, 'event', 'cancel_asked', 'actor', p_by, 'reason', p_reason, 'correlation_id', p_correlation)));
END $$;
