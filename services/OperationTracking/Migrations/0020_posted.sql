-- Operations that callers post and work on themselves, and operations that are tried again after their end.

CREATE TABLE posted_operations (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  -- Of what was asked for: tells the same request from another one with the same id.
  request_hash bytea NOT NULL,
  start_within_seconds int,
  end_within_seconds int,
  silent_for_seconds int NOT NULL,
  -- Since when it waits to be begun.
  waits_since timestamptz NOT NULL,
  -- Who began the attempt at hand, or the last one.
  held_by text,
  -- When one of its limits may be reached, and it is to be looked at; null when none can be.
  due_at timestamptz,
  PRIMARY KEY (org_id, operation_id),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);
SELECT ops_tenant_table('posted_operations');
REVOKE DELETE ON posted_operations FROM {{service}}_app;
CREATE POLICY relay ON posted_operations FOR SELECT TO {{service}}_relay USING (true);
GRANT SELECT ON posted_operations TO {{service}}_relay;
CREATE INDEX posted_operations_due ON posted_operations (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX operations_posted_open ON operations (org_id) WHERE service = 'caller' AND completed_at IS NULL;

-- How often it was to be begun at first; set when it is tried again and max_attempts rises.
ALTER TABLE operations ADD COLUMN attempts_each int;

-- The entries of what the caller of an operation does name its user, or who else it was.
CREATE FUNCTION told_by(p_entries jsonb, p_actor text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_agg(CASE entry ->> 'actor' WHEN 'caller' THEN jsonb_set(entry, '{actor}', to_jsonb(p_actor)) ELSE entry END ORDER BY nth), '[]')
  FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS entries (entry, nth)
$$;

-- p_started: one, as add_operations reads it. Answers false when the id is another operation's; the same request again changes nothing.
CREATE FUNCTION post_operation(p_started jsonb, p_hash bytea, p_start_within int, p_end_within int, p_silent_for int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid := (p_started -> 0 ->> 'id')::uuid;
  v_at timestamptz := (p_started -> 0 ->> 'queued_at')::timestamptz;
  v_entries jsonb := add_operations(p_started);
BEGIN
  IF v_entries = '[]' THEN
    RETURN EXISTS (SELECT FROM posted_operations WHERE org_id = current_org() AND operation_id = v_id AND request_hash = p_hash);
  END IF;
  INSERT INTO posted_operations (operation_id, request_hash, start_within_seconds, end_within_seconds, silent_for_seconds, waits_since, due_at)
  VALUES (v_id, p_hash, p_start_within, p_end_within, p_silent_for, v_at, v_at + make_interval(secs => p_start_within));
  PERFORM tell_timeline(v_entries);
  RETURN true;
END $$;

-- The caller holds the row and has seen that it may be begun; answers the attempt, which is the fence too.
CREATE FUNCTION begin_posted(p_id uuid, p_by text, p_at timestamptz, p_correlation uuid) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  v operations;
BEGIN
  UPDATE operations SET
    cause_since = CASE WHEN status IN ('queued', 'approved', 'waiting_external') OR cause <> 'work' THEN p_at ELSE cause_since END,
    status = CASE status WHEN 'cancelling' THEN status ELSE 'in_progress' END,
    cause = 'work', blocked_by = NULL,
    attempt = attempt + 1, max_attempts = greatest(max_attempts, attempt + 1), sequence = 0,
    started_at = p_at, advanced_at = p_at, reported_at = p_at, updated_at = clock_timestamp(), retry_at = NULL, error_message = NULL,
    progress_percentage = 0, current_step = 1, step_description = steps -> 0 ->> 'name',
    done = NULL, total = NULL, failed = NULL, skipped = NULL, bytes = NULL, message = NULL
  WHERE org_id = current_org() AND id = p_id RETURNING * INTO v;
  UPDATE posted_operations SET held_by = p_by, due_at = p_at + make_interval(secs => least(end_within_seconds, silent_for_seconds))
  WHERE org_id = current_org() AND operation_id = p_id;
  PERFORM tell_timeline(jsonb_build_array(jsonb_build_object(
    'operation_id', p_id, 'at', p_at, 'event', 'attempt_began', 'actor', p_by, 'correlation_id', p_correlation,
    'details', jsonb_build_object('attempt', v.attempt, 'maxAttempts', v.max_attempts))));
  RETURN v.attempt;
END $$;

-- The caller holds the row and has seen that its lease is live. p_last and p_ended as hear_ended reads them.
CREATE FUNCTION end_posted(p_last jsonb, p_ended jsonb, p_by text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb := apply_reports(p_last, true);
BEGIN
  PERFORM tell_timeline(told_by(v_entries || end_operations(p_ended), p_by));
END $$;

-- The caller holds the row and has seen that nobody has begun it: there is nobody to wait for.
CREATE FUNCTION cancel_posted(p_id uuid, p_by text, p_reason text, p_at timestamptz, p_correlation uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ask_cancel(p_id, p_by, p_reason, p_at, p_correlation);
  PERFORM tell_timeline(end_operations(jsonb_build_array(jsonb_build_object(
    'id', p_id, 'outcome', 'cancelled', 'ended_at', p_at, 'cancelled_by', p_by, 'correlation_id', p_correlation))));
END $$;

-- The caller holds the row and has seen that it may be tried again. What is still told of the attempt that failed is no longer news, whatever
-- its sequence.
CREATE FUNCTION retry_operation(p_id uuid, p_by text, p_at timestamptz, p_correlation uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v operations;
BEGIN
  UPDATE operations SET
    status = 'queued', cause_since = p_at, sequence = 9223372036854775807,
    attempts_each = coalesce(attempts_each, max_attempts), max_attempts = attempt + coalesce(attempts_each, max_attempts),
    result = NULL, cancelled_by = NULL, cancel_reason = NULL, updated_at = clock_timestamp()
  WHERE org_id = current_org() AND id = p_id RETURNING * INTO v;
  UPDATE posted_operations SET waits_since = p_at, due_at = p_at + make_interval(secs => start_within_seconds)
  WHERE org_id = current_org() AND operation_id = p_id;
  PERFORM tell_timeline(jsonb_build_array(jsonb_build_object(
    'operation_id', p_id, 'at', p_at, 'event', 'retry_asked', 'actor', p_by, 'correlation_id', p_correlation,
    'details', jsonb_build_object('attempt', v.attempt, 'maxAttempts', v.max_attempts))));
END $$;

-- When a posted operation reaches the next of its limits. While nobody listened, nobody could be heard of.
CREATE FUNCTION posted_due_at(o operations, p posted_operations, p_listening_since timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN o.completed_at IS NOT NULL THEN NULL
    WHEN o.status IN ('queued', 'waiting_for_approval', 'approved') THEN p.waits_since + make_interval(secs => p.start_within_seconds)
    ELSE least(
      o.started_at + make_interval(secs => p.end_within_seconds),
      greatest(o.started_at, o.reported_at, p_listening_since) + make_interval(secs => p.silent_for_seconds))
  END
$$;

-- Ends those of the operations that have reached a limit, or queues them for their next attempt, and answers which; of the others it is noted
-- when to look again. Done twice it changes nothing more.
CREATE FUNCTION time_out_posted(p_ids uuid[], p_at timestamptz, p_listening_since timestamptz, p_correlation uuid)
RETURNS TABLE (operation_id uuid, has_ended boolean) LANGUAGE plpgsql AS $$
DECLARE
  o operations;
  p posted_operations;
  v_due timestamptz;
  v_outcome text;
  v_error text;
  v_entries jsonb := '[]';
BEGIN
  FOR o IN SELECT x.* FROM operations x WHERE x.org_id = current_org() AND x.id = ANY(p_ids) ORDER BY x.id FOR UPDATE LOOP
    SELECT x.* INTO p FROM posted_operations x WHERE x.org_id = o.org_id AND x.operation_id = o.id;
    v_due := posted_due_at(o, p, p_listening_since);
    IF v_due IS NULL OR v_due > p_at THEN
      UPDATE posted_operations x SET due_at = v_due WHERE x.org_id = o.org_id AND x.operation_id = o.id;
      CONTINUE;
    END IF;

    v_error := NULL;
    IF o.status IN ('queued', 'waiting_for_approval', 'approved') THEN
      v_outcome := 'expired';
      v_error := format('Nobody began it within %s s.', p.start_within_seconds);
    ELSIF o.status = 'cancelling' THEN
      v_outcome := 'cancelled';
    ELSIF o.started_at + make_interval(secs => p.end_within_seconds) <= p_at THEN
      v_outcome := 'timed_out';
      v_error := format('It took longer than %s s.', p.end_within_seconds);
    ELSE
      v_outcome := CASE WHEN o.attempt < o.max_attempts THEN 'queued' ELSE 'failed' END;
      v_error := format('Its worker was not heard of for %s s.', p.silent_for_seconds);
    END IF;

    IF v_outcome = 'queued' THEN
      UPDATE operations x SET status = 'queued', cause_since = p_at, retry_at = p_at, error_message = v_error, updated_at = clock_timestamp()
      WHERE x.org_id = o.org_id AND x.id = o.id;
      UPDATE posted_operations x SET waits_since = p_at, due_at = p_at + make_interval(secs => x.start_within_seconds)
      WHERE x.org_id = o.org_id AND x.operation_id = o.id;
      v_entries := v_entries || jsonb_build_object(
        'operation_id', o.id, 'at', p_at, 'event', 'attempt_failed', 'actor', '{{service}}', 'reason', v_error, 'correlation_id', p_correlation,
        'details', jsonb_build_object('attempt', o.attempt, 'retryAt', p_at));
    ELSE
      v_entries := v_entries || told_by(end_operations(jsonb_build_array(jsonb_build_object(
        'id', o.id, 'outcome', v_outcome, 'ended_at', p_at, 'error', v_error, 'correlation_id', p_correlation))), '{{service}}');
      UPDATE posted_operations x SET due_at = NULL WHERE x.org_id = o.org_id AND x.operation_id = o.id;
    END IF;
    operation_id := o.id;
    has_ended := v_outcome <> 'queued';
    RETURN NEXT;
  END LOOP;
  PERFORM tell_timeline(v_entries);
END $$;

-- As before, but an end that tells of an attempt that is over changes nothing: another one has begun since, or it is to be tried again.
CREATE OR REPLACE FUNCTION hear_ended(p_started jsonb, p_last jsonb, p_ended jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
  v_over uuid[];
BEGIN
  v_entries := add_operations(p_started);
  PERFORM hold_operations(p_ended);
  SELECT coalesce(array_agg(o.id), '{}') INTO v_over
  FROM operations o JOIN jsonb_to_recordset(p_last) AS l (id uuid, attempt int) USING (id)
  WHERE o.org_id = current_org() AND (l.attempt < o.attempt OR (l.attempt = o.attempt AND o.sequence = 9223372036854775807));
  SELECT coalesce(jsonb_agg(x), '[]') INTO p_last FROM jsonb_array_elements(p_last) AS x WHERE (x ->> 'id')::uuid <> ALL (v_over);
  SELECT coalesce(jsonb_agg(x), '[]') INTO p_ended FROM jsonb_array_elements(p_ended) AS x WHERE (x ->> 'id')::uuid <> ALL (v_over);
  v_entries := v_entries || apply_reports(p_last, true);
  v_entries := v_entries || end_operations(p_ended);
  PERFORM tell_timeline(v_entries);
END $$;
