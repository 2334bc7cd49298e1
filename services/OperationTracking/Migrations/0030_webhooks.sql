-- Webhooks: whom an organisation wants told of its operations and alerts, and what has to be sent to them.

CREATE TABLE webhooks (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  url text NOT NULL,
  events text[] NOT NULL,
  -- Null for every type.
  operation_types text[],
  created_at timestamptz NOT NULL,
  -- paused: somebody wants it so; gone: its receiver answered 410; failing: nothing got through for days.
  disabled text CHECK (disabled IN ('paused', 'gone', 'failing')),
  disabled_at timestamptz,
  -- Since when nothing has got through.
  failing_since timestamptz,
  -- Who holds the lease sends one delivery; the fence rises with each lease, and who lost one changes nothing any more.
  leased_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, id),
  CHECK ((disabled IS NULL) = (disabled_at IS NULL))
) WITH (fillfactor = 50);

SELECT ops_tenant_table('webhooks');
CREATE POLICY upkeep ON webhooks TO {{service}}_owner USING (true);
CREATE POLICY relay ON webhooks TO {{service}}_relay USING (true);
GRANT SELECT, UPDATE ON webhooks TO {{service}}_relay;

-- Requests write secrets and never read one: only who signs does.
CREATE TABLE webhook_secrets (
  org_id uuid NOT NULL DEFAULT current_org(),
  webhook_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  secret bytea NOT NULL CHECK (length(secret) BETWEEN 24 AND 64),
  -- Null for the present one; those before sign besides it until then.
  expires_at timestamptz,
  PRIMARY KEY (org_id, webhook_id, id),
  FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('webhook_secrets');
REVOKE SELECT ON webhook_secrets FROM {{service}}_app;
GRANT SELECT (org_id, webhook_id, id, expires_at) ON webhook_secrets TO {{service}}_app;
CREATE POLICY relay ON webhook_secrets TO {{service}}_relay USING (true);
GRANT SELECT ON webhook_secrets TO {{service}}_relay;

CREATE TABLE webhook_deliveries (
  org_id uuid NOT NULL DEFAULT current_org(),
  -- What the receiver knows it by, however often it is sent.
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  webhook_id uuid NOT NULL,
  event text NOT NULL,
  operation_id uuid,
  -- As it is sent and signed, to the byte.
  body text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempted_at timestamptz,
  status_code int,
  answer text,
  error text,
  duration_ms int,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('webhook_deliveries');
REVOKE DELETE ON webhook_deliveries FROM {{service}}_app;
CREATE POLICY upkeep ON webhook_deliveries TO {{service}}_owner USING (true);
CREATE POLICY relay ON webhook_deliveries TO {{service}}_relay USING (true);
GRANT SELECT, UPDATE ON webhook_deliveries TO {{service}}_relay;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (org_id, webhook_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (org_id, webhook_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (created_at) WHERE state <> 'pending';

CREATE FUNCTION utc_text(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION webhook_body(event text, at timestamptz, data json) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT json_build_object('type', event, 'timestamp', utc_text(at), 'data', data)::text
$$;

-- The main fields of OperationView, by the same names.
CREATE FUNCTION operation_for_webhooks(o operations) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object(
    'operationId', o.id, 'operationType', o.operation_type, 'entityType', o.entity_type, 'entityId', o.entity_id, 'displayName', o.display_name,
    'status', o.status, 'progressPercentage', o.progress_percentage, 'errorMessage', o.error_message, 'tags', o.tags, 'result', o.result,
    'counters', json_build_object('done', o.done, 'total', o.total, 'failed', o.failed, 'skipped', o.skipped, 'bytes', o.bytes),
    'attempt', o.attempt, 'maxAttempts', o.max_attempts, 'userId', o.user_id, 'service', o.service, 'queuedAt', utc_text(o.queued_at),
    'startedAt', utc_text(o.started_at), 'completedAt', utc_text(o.completed_at), 'cancelledBy', o.cancelled_by, 'cancelReason', o.cancel_reason)
$$;

-- As the owner, so that it is told whoever moved the operation. The webhook's row is held against being deleted until the commit.
CREATE FUNCTION tell_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_event text := 'operation.' || NEW.status;
BEGIN
  INSERT INTO webhook_deliveries (org_id, webhook_id, event, operation_id, body)
  SELECT NEW.org_id, w.id, v_event, NEW.id, webhook_body(v_event, NEW.cause_since, operation_for_webhooks(NEW))
  FROM webhooks w
  WHERE w.org_id = NEW.org_id AND w.disabled IS NULL AND v_event = ANY (w.events)
    AND (w.operation_types IS NULL OR NEW.operation_type = ANY (w.operation_types))
  FOR KEY SHARE;
  RETURN NULL;
END $$;

CREATE TRIGGER operations_tell_webhooks AFTER UPDATE ON operations FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status
    AND NEW.status IN ('completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out', 'waiting_for_approval'))
  EXECUTE FUNCTION tell_webhooks();
CREATE TRIGGER operations_tell_webhooks_at_once AFTER INSERT ON operations FOR EACH ROW
  WHEN (NEW.status = 'waiting_for_approval') EXECUTE FUNCTION tell_webhooks();

-- Leases the webhook whose delivery is due for longest and answers that delivery; no row when nothing is due that nobody else sends. Walks
-- from webhook to webhook that has something pending, whatever lies behind each.
CREATE FUNCTION take_delivery(p_now timestamptz, p_lease interval)
RETURNS TABLE (org_id uuid, webhook_id uuid, fence bigint, url text, delivery_id uuid, body text, attempts int, secrets bytea[]) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v webhooks;
BEGIN
  WITH RECURSIVE waiting AS (
    (SELECT org_id, webhook_id FROM webhook_deliveries WHERE state = 'pending' ORDER BY org_id, webhook_id LIMIT 1)
    UNION ALL
    SELECT next.org_id, next.webhook_id FROM waiting CROSS JOIN LATERAL (
      SELECT d.org_id, d.webhook_id FROM webhook_deliveries d
      WHERE d.state = 'pending' AND (d.org_id, d.webhook_id) > (waiting.org_id, waiting.webhook_id)
      ORDER BY d.org_id, d.webhook_id LIMIT 1) next
  )
  UPDATE webhooks SET leased_until = clock_timestamp() + p_lease, fence = fence + 1
  WHERE (org_id, id) = (
    SELECT w.org_id, w.id FROM waiting
    JOIN webhooks w ON w.org_id = waiting.org_id AND w.id = waiting.webhook_id
    CROSS JOIN LATERAL (
      SELECT d.next_attempt_at FROM webhook_deliveries d
      WHERE d.org_id = w.org_id AND d.webhook_id = w.id AND d.state = 'pending' AND d.next_attempt_at <= p_now
      ORDER BY d.next_attempt_at LIMIT 1) due
    WHERE w.disabled IS NULL AND coalesce(w.leased_until, '-infinity') < clock_timestamp()
    ORDER BY due.next_attempt_at LIMIT 1 FOR NO KEY UPDATE OF w SKIP LOCKED)
  RETURNING * INTO v;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Looked at again under the lease: what was due may have been sent just before.
  RETURN QUERY SELECT v.org_id, v.id, v.fence, v.url, d.id, d.body, d.attempts,
    (SELECT array_agg(s.secret ORDER BY s.expires_at DESC NULLS FIRST) FROM webhook_secrets s
     WHERE s.org_id = v.org_id AND s.webhook_id = v.id AND (s.expires_at IS NULL OR s.expires_at > p_now))
    FROM webhook_deliveries d
    WHERE d.org_id = v.org_id AND d.webhook_id = v.id AND d.state = 'pending' AND d.next_attempt_at <= p_now
    ORDER BY d.next_attempt_at LIMIT 1;
  IF NOT FOUND THEN
    UPDATE webhooks w SET leased_until = NULL WHERE w.org_id = v.org_id AND w.id = v.id;
  END IF;
END $$;

-- Notes what became of an attempt and gives the lease back; does nothing when the lease was lost meanwhile. p_next_at: when it is tried
-- again, null for never. Answers why the webhook is disabled by this, if it is.
CREATE FUNCTION settle_delivery(
  p_org uuid, p_webhook uuid, p_fence bigint, p_delivery uuid, p_now timestamptz, p_is_delivered boolean, p_is_gone boolean, p_next_at timestamptz,
  p_give_up interval, p_status int, p_answer text, p_error text, p_duration_ms int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_disabled text;
BEGIN
  UPDATE webhooks SET leased_until = NULL, failing_since = CASE WHEN p_is_delivered THEN NULL ELSE coalesce(failing_since, p_now) END
  WHERE org_id = p_org AND id = p_webhook AND fence = p_fence
  RETURNING CASE
    WHEN disabled IS NOT NULL OR p_is_delivered THEN NULL
    WHEN p_is_gone THEN 'gone'
    WHEN failing_since <= p_now - p_give_up THEN 'failing'
  END INTO v_disabled;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE webhook_deliveries SET
    state = CASE WHEN p_is_delivered THEN 'delivered' WHEN p_next_at IS NULL THEN 'failed' ELSE 'pending' END,
    next_attempt_at = coalesce(p_next_at, next_attempt_at), attempts = attempts + 1, attempted_at = p_now,
    status_code = p_status, answer = p_answer, error = p_error, duration_ms = p_duration_ms
  WHERE org_id = p_org AND id = p_delivery;
  IF v_disabled IS NOT NULL THEN
    UPDATE webhooks SET disabled = v_disabled, disabled_at = p_now WHERE org_id = p_org AND id = p_webhook;
    UPDATE webhook_deliveries SET state = 'failed', error = coalesce(error, 'The webhook was disabled before.')
    WHERE org_id = p_org AND webhook_id = p_webhook AND state = 'pending';
  END IF;
  RETURN v_disabled;
END $$;

REVOKE ALL ON FUNCTION tell_webhooks, take_delivery, settle_delivery FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_delivery, settle_delivery TO {{service}}_relay;
