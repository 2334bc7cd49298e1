-- As before, but the ids are gathered first: joined to a list of them the planner read the whole table, which its policy lets it look through in no other way.
CREATE OR REPLACE FUNCTION hold_operations(p_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM operations o
  WHERE o.org_id = current_org() AND o.id = ANY (ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_rows) AS x)) ORDER BY o.id FOR UPDATE;
END $$;

CREATE OR REPLACE FUNCTION hear_reports(p_reports jsonb) RETURNS TABLE (operation_id uuid, has_ended boolean, wants_forecast text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_operations(p_reports);
  PERFORM tell_timeline(apply_reports(p_reports, false));
  RETURN QUERY SELECT o.id, o.completed_at IS NOT NULL,
      CASE WHEN o.status = 'in_progress' AND o.attempt = 1 AND o.progress_percentage >= 10 AND o.forecast_p50_at IS NULL THEN o.operation_type END
    FROM operations o
    WHERE o.org_id = current_org() AND o.id = ANY (ARRAY(SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x));
END $$;
