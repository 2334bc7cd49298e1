-- What operations wait for before they are begun, and what their services say of them beside progress.

-- Of what a service said: which of its reports was merged last. 0 while only a caller said something.
ALTER TABLE operation_metadata
  ADD COLUMN told_attempt int NOT NULL DEFAULT 0,
  ADD COLUMN told_sequence bigint NOT NULL DEFAULT 0;

-- p_reports: those that tell of operations that nobody is at, and of them only what they wait for: attempt 0, or the attempt that is over with retry_at. What has
-- begun since, has ended or waits for approval is left as it is. Of an operation that somebody asked to try again only what was told after that counts.
CREATE FUNCTION apply_waits(p_reports jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_ids uuid[] := ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x);
  v_failed jsonb;
BEGIN
  WITH waits AS (
    SELECT * FROM jsonb_to_recordset(p_reports) AS w (
      id uuid, attempt int, sequence bigint, at timestamptz, retry_at timestamptz, error text, correlation_id uuid)
  ), failed AS (
    UPDATE operations o SET status = 'queued', cause_since = w.at, retry_at = w.retry_at, error_message = coalesce(w.error, o.error_message), updated_at = clock_timestamp()
    FROM waits w
    WHERE o.org_id = current_org() AND o.id = ANY (v_ids) AND o.id = w.id AND o.status IN ('in_progress', 'waiting_external')
      AND w.retry_at IS NOT NULL AND w.attempt = o.attempt AND w.sequence > o.sequence
    RETURNING o.id, o.service, o.attempt, w.at, w.retry_at, w.error, w.correlation_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', at, 'event', 'attempt_failed', 'actor', service, 'reason', error, 'correlation_id', correlation_id,
    'details', jsonb_build_object('attempt', attempt, 'retryAt', retry_at)) ORDER BY at, id), '[]')
  INTO v_failed FROM failed;

  UPDATE operations o SET
    cause = w.cause,
    blocked_by = CASE w.cause WHEN 'lock' THEN w.blocked_by END,
    cause_since = CASE w.cause WHEN o.cause THEN o.cause_since ELSE w.at END,
    sequence = CASE WHEN w.attempt = o.attempt THEN greatest(o.sequence, w.sequence) ELSE o.sequence END,
    updated_at = clock_timestamp()
  FROM (
    SELECT r.id, r.attempt, r.sequence, r.at, r.blocked_by, CASE WHEN r.told_cause = 'queue' AND r.attempt > 0 THEN 'retry' ELSE r.told_cause END AS cause
    FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, sequence bigint, at timestamptz, told_cause text, blocked_by uuid)) w
  WHERE o.org_id = current_org() AND o.id = ANY (v_ids) AND o.id = w.id AND o.status IN ('queued', 'approved')
    AND ((w.attempt, w.sequence) >= (o.attempt, o.sequence) OR (w.attempt = o.attempt AND o.sequence = 9223372036854775807 AND w.at >= o.cause_since));
  RETURN v_failed;
END $$;

-- As before, and with metadata, of which each report tells all that its attempt has said. What is merged with what another attempt or a caller said is dropped
-- when it would be too large.
CREATE OR REPLACE FUNCTION apply_reports(p_reports jsonb, p_is_last boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_waits jsonb;
BEGIN
  IF jsonb_path_exists(p_reports, '$[*].effects ? (@ != null)') THEN
    UPDATE operations o SET effects = r.effects
    FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, sequence bigint, effects jsonb)
    WHERE o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL AND nullif(r.effects, 'null') IS NOT NULL
      AND (r.attempt > o.attempt OR (r.attempt = o.attempt AND (p_is_last OR r.sequence > o.sequence))) AND o.effects IS DISTINCT FROM r.effects;
  END IF;

  IF jsonb_path_exists(p_reports, '$[*].metadata ? (@ != null)') THEN
    INSERT INTO operation_metadata (operation_id, metadata)
    SELECT o.id, '{}' FROM operations o
    WHERE o.org_id = current_org() AND o.completed_at IS NULL
      AND o.id = ANY (ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x WHERE jsonb_typeof(x -> 'metadata') = 'object'))
    ORDER BY o.id
    ON CONFLICT DO NOTHING;
    UPDATE operation_metadata m SET metadata = merged_metadata(m.metadata, r.metadata), told_attempt = r.attempt, told_sequence = r.sequence
    FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, sequence bigint, metadata jsonb)
    WHERE m.org_id = current_org() AND m.operation_id = ANY (ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x)) AND m.operation_id = r.id
      AND jsonb_typeof(r.metadata) = 'object' AND (r.attempt, r.sequence) > (m.told_attempt, m.told_sequence)
      AND octet_length(merged_metadata(m.metadata, r.metadata)::text) <= 262144
      AND EXISTS (SELECT FROM operations o WHERE o.org_id = current_org() AND o.id = m.operation_id AND o.completed_at IS NULL);
  END IF;

  IF NOT jsonb_path_exists(p_reports, '$[*] ? (@.is_wait == true)') THEN
    RETURN apply_progress(p_reports, p_is_last);
  END IF;
  SELECT coalesce(jsonb_agg(x) FILTER (WHERE (x ->> 'is_wait')::boolean), '[]'), coalesce(jsonb_agg(x) FILTER (WHERE NOT (x ->> 'is_wait')::boolean OR x -> 'step' <> '0'), '[]')
  INTO v_waits, p_reports FROM jsonb_array_elements(p_reports) AS x;
  RETURN apply_progress(p_reports, p_is_last) || apply_waits(v_waits);
END $$;
