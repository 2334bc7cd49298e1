-- Metadata that is not merged, as it would be too large together with what another attempt or a caller said, is told of in the timeline.

-- The last attempt of which that was told.
ALTER TABLE operation_metadata ADD COLUMN refused_attempt int NOT NULL DEFAULT 0;

ALTER TABLE timeline DROP CONSTRAINT timeline_event_check, ADD CONSTRAINT timeline_event_check CHECK (event IN (
  'started', 'approval_asked', 'plan_changed', 'voted', 'reminded', 'escalated', 'approved', 'attempt_began', 'attempt_failed', 'metadata_refused',
  'cancel_asked', 'retry_asked', 'closed', 'completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out'));

ALTER FUNCTION apply_reports(jsonb, boolean) RENAME TO apply_told;

-- As before; what is newer than the last report merged has just not been. Every report tells it again, so it is noted of which attempt it was told.
CREATE FUNCTION apply_reports(p_reports jsonb, p_is_last boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  c_max_bytes CONSTANT int := 262144;
  v_entries jsonb := apply_told(p_reports, p_is_last);
  v_refused jsonb;
BEGIN
  IF NOT jsonb_path_exists(p_reports, '$[*].metadata ? (@ != null)') THEN
    RETURN v_entries;
  END IF;
  WITH refused AS (
    UPDATE operation_metadata m SET refused_attempt = r.attempt
    FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, sequence bigint, at timestamptz, metadata jsonb, correlation_id uuid)
    JOIN operations o ON o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL
    WHERE m.org_id = current_org() AND m.operation_id = ANY (ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x)) AND m.operation_id = r.id
      AND jsonb_typeof(r.metadata) = 'object' AND r.attempt > m.refused_attempt AND (r.attempt, r.sequence) > (m.told_attempt, m.told_sequence)
      AND octet_length(merged_metadata(m.metadata, r.metadata)::text) > c_max_bytes
    RETURNING o.id, r.at, o.service, r.correlation_id, r.attempt, octet_length(merged_metadata(m.metadata, r.metadata)::text) AS bytes
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'operation_id', id, 'at', at, 'event', 'metadata_refused', 'actor', service, 'correlation_id', correlation_id,
    'reason', format('It would have %s bytes with what is kept already, and may have %s.', bytes, c_max_bytes),
    'details', jsonb_build_object('attempt', attempt, 'bytes', bytes, 'maxBytes', c_max_bytes)) ORDER BY at, id), '[]')
  INTO v_refused FROM refused;
  RETURN v_entries || v_refused;
END $$;
