-- How operations of each type went, day by day, and how long those took that were done at the first attempt. Counted when an operation ends.

ALTER TABLE operations
  -- What was foretold once a tenth was done, to be compared with the end.
  ADD COLUMN forecast_p50_at timestamptz,
  ADD COLUMN forecast_p90_at timestamptz;

CREATE TABLE operation_days (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_type text NOT NULL,
  -- UTC.
  day date NOT NULL,
  completed bigint NOT NULL,
  failed bigint NOT NULL,
  denied bigint NOT NULL,
  cancelled bigint NOT NULL,
  expired bigint NOT NULL,
  timed_out bigint NOT NULL,
  queue_ms bigint NOT NULL,
  approval_ms bigint NOT NULL,
  lock_ms bigint NOT NULL,
  rate_limit_ms bigint NOT NULL,
  external_ms bigint NOT NULL,
  retry_ms bigint NOT NULL,
  work_ms bigint NOT NULL,
  forecasts bigint NOT NULL,
  within_p50 bigint NOT NULL,
  within_p90 bigint NOT NULL,
  PRIMARY KEY (org_id, operation_type, day)
);
SELECT ops_tenant_table('operation_days');
CREATE POLICY upkeep ON operation_days TO {{service}}_owner USING (true);
CREATE INDEX operation_days_by_day ON operation_days (day);

CREATE TABLE operation_durations (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_type text NOT NULL,
  day date NOT NULL,
  -- Of the count of things to do: 0 when it was not told, otherwise one more with every fourfold.
  size_class smallint NOT NULL,
  -- Durations from 1.1^bucket to 1.1^(bucket + 1) milliseconds.
  bucket smallint NOT NULL,
  operations bigint NOT NULL,
  PRIMARY KEY (org_id, operation_type, day, size_class, bucket)
);
SELECT ops_tenant_table('operation_durations');
CREATE POLICY upkeep ON operation_durations TO {{service}}_owner USING (true);
CREATE INDEX operation_durations_by_day ON operation_durations (day);

-- p_sign: 1 when it has ended, -1 when it is tried again after all.
CREATE FUNCTION count_operation(o operations, p_sign int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_day date := (o.completed_at AT TIME ZONE 'UTC')::date;
  v_was_foretold boolean := o.status = 'completed' AND o.forecast_p50_at IS NOT NULL;
BEGIN
  INSERT INTO operation_days AS d (org_id, operation_type, day, completed, failed, denied, cancelled, expired, timed_out,
    queue_ms, approval_ms, lock_ms, rate_limit_ms, external_ms, retry_ms, work_ms, forecasts, within_p50, within_p90)
  VALUES (o.org_id, o.operation_type, v_day,
    p_sign * (o.status = 'completed')::int, p_sign * (o.status = 'failed')::int, p_sign * (o.status = 'denied')::int,
    p_sign * (o.status = 'cancelled')::int, p_sign * (o.status = 'expired')::int, p_sign * (o.status = 'timed_out')::int,
    p_sign * o.queue_ms, p_sign * o.approval_ms, p_sign * o.lock_ms, p_sign * o.rate_limit_ms, p_sign * o.external_ms, p_sign * o.retry_ms, p_sign * o.work_ms,
    p_sign * v_was_foretold::int, p_sign * (v_was_foretold AND o.completed_at <= o.forecast_p50_at)::int,
    p_sign * (v_was_foretold AND o.completed_at <= o.forecast_p90_at)::int)
  ON CONFLICT (org_id, operation_type, day) DO UPDATE SET
    completed = d.completed + excluded.completed, failed = d.failed + excluded.failed, denied = d.denied + excluded.denied,
    cancelled = d.cancelled + excluded.cancelled, expired = d.expired + excluded.expired, timed_out = d.timed_out + excluded.timed_out,
    queue_ms = d.queue_ms + excluded.queue_ms, approval_ms = d.approval_ms + excluded.approval_ms, lock_ms = d.lock_ms + excluded.lock_ms,
    rate_limit_ms = d.rate_limit_ms + excluded.rate_limit_ms, external_ms = d.external_ms + excluded.external_ms,
    retry_ms = d.retry_ms + excluded.retry_ms, work_ms = d.work_ms + excluded.work_ms,
    forecasts = d.forecasts + excluded.forecasts, within_p50 = d.within_p50 + excluded.within_p50, within_p90 = d.within_p90 + excluded.within_p90;

  IF o.status = 'completed' AND o.attempt = 1 AND o.started_at IS NOT NULL THEN
    INSERT INTO operation_durations AS d (org_id, operation_type, day, size_class, bucket, operations)
    VALUES (o.org_id, o.operation_type, v_day,
      CASE WHEN o.total > 0 THEN 1 + floor(ln(o.total) / ln(4.0)) ELSE 0 END,
      floor(ln(greatest(ms_between(o.started_at, o.completed_at), 1)::numeric) / ln(1.1)), p_sign)
    ON CONFLICT (org_id, operation_type, day, size_class, bucket) DO UPDATE SET operations = d.operations + excluded.operations;
  END IF;
END $$;

CREATE FUNCTION count_ended_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.completed_at IS NOT NULL THEN
    PERFORM count_operation(OLD, -1);
  END IF;
  IF NEW.completed_at IS NOT NULL THEN
    PERFORM count_operation(NEW, 1);
  END IF;
  RETURN NULL;
END $$;
-- At the commit, when whoever ended the operation holds the organisation's timeline: so nobody waits for another's row in another order.
CREATE CONSTRAINT TRIGGER operations_counted AFTER UPDATE ON operations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.completed_at IS DISTINCT FROM NEW.completed_at) EXECUTE FUNCTION count_ended_operation();

-- Answers which of the operations are known, whether they have ended, and of what type those are whose end is to be foretold now.
DROP FUNCTION hear_reports(jsonb);
CREATE FUNCTION hear_reports(p_reports jsonb) RETURNS TABLE (operation_id uuid, has_ended boolean, wants_forecast text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_operations(p_reports);
  PERFORM tell_timeline(apply_reports(p_reports, false));
  RETURN QUERY SELECT o.id, o.completed_at IS NOT NULL,
      CASE WHEN o.status = 'in_progress' AND o.attempt = 1 AND o.progress_percentage >= 10 AND o.forecast_p50_at IS NULL THEN o.operation_type END
    FROM operations o
    WHERE o.org_id = current_org() AND o.id IN (SELECT (x ->> 'id')::uuid FROM jsonb_array_elements(p_reports) AS x);
END $$;
