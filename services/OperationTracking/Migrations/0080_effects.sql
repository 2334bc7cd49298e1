-- What operations have done that stays, and why some were completed that somebody had cancelled.

ALTER TABLE operations
  -- [{what, count, href, isTakenBack}], as reports said last; null when nothing was said.
  ADD COLUMN effects jsonb;

-- As before, and with effects. They are written apart from the rest and only when they have changed: reports without any cost nothing more.
ALTER FUNCTION apply_reports(jsonb, boolean) RENAME TO apply_progress;
CREATE FUNCTION apply_reports(p_reports jsonb, p_is_last boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_path_exists(p_reports, '$[*].effects ? (@ != null)') THEN
    UPDATE operations o SET effects = r.effects
    FROM jsonb_to_recordset(p_reports) AS r (id uuid, attempt int, sequence bigint, effects jsonb)
    WHERE o.org_id = current_org() AND o.id = r.id AND o.completed_at IS NULL AND nullif(r.effects, 'null') IS NOT NULL
      AND (r.attempt > o.attempt OR (r.attempt = o.attempt AND (p_is_last OR r.sequence > o.sequence))) AND o.effects IS DISTINCT FROM r.effects;
  END IF;
  RETURN apply_progress(p_reports, p_is_last);
END $$;

-- As before; the error of one that was completed becomes the reason in the timeline.
ALTER FUNCTION end_operations(jsonb) RENAME TO settle_operations;
CREATE FUNCTION end_operations(p_ended jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_agg(CASE entry ->> 'event' WHEN 'completed' THEN entry || jsonb_build_object('reason', ended.error) ELSE entry END ORDER BY nth), '[]')
  FROM jsonb_array_elements(settle_operations(p_ended)) WITH ORDINALITY AS entries (entry, nth)
  JOIN jsonb_to_recordset(p_ended) AS ended (id uuid, error text) ON ended.id = (entry ->> 'operation_id')::uuid
$$;
