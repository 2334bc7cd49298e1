-- Alerts: what of an organisation's operations somebody should look at, by rules of its own or by those everybody has.

CREATE TABLE alert_rules (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('stuck', 'silent', 'failure_rate', 'waiting')),
  -- Null for every type.
  operation_type text,
  -- How long; of a failure rate, how far back operations count.
  seconds int NOT NULL CHECK (seconds > 0),
  -- Of a failure rate: more of the last so many.
  percent double precision CHECK (percent BETWEEN 0 AND 100),
  last int CHECK (last > 0),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK ((kind = 'failure_rate') = (percent IS NOT NULL AND last IS NOT NULL))
);

SELECT ops_tenant_table('alert_rules');
CREATE POLICY upkeep ON alert_rules TO {{service}}_owner USING (true);

-- In force for every organisation that has no rule of the kind.
CREATE VIEW default_alert_rules WITH (security_invoker = true) AS SELECT * FROM (VALUES
  ('00000000-0000-4000-8000-000000000001'::uuid, 'Stuck for a minute', 'stuck', 60, NULL::double precision, NULL::int),
  ('00000000-0000-4000-8000-000000000002', 'Nothing heard for a minute', 'silent', 60, NULL, NULL),
  ('00000000-0000-4000-8000-000000000003', 'More than half of the last 20 failed', 'failure_rate', 86400, 50, 20)) AS d (id, name, kind, seconds, percent, last);
GRANT SELECT ON default_alert_rules TO {{service}}_app;

CREATE TABLE alerts (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  rule_id uuid NOT NULL,
  rule_name text NOT NULL,
  kind text NOT NULL,
  -- The operation's id, or the type whose operations fail: of a rule and this one alert is open at a time.
  subject text NOT NULL,
  operation_type text NOT NULL,
  operation_id uuid,
  message text NOT NULL,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz,
  PRIMARY KEY (org_id, id)
);

SELECT ops_tenant_table('alerts');
REVOKE INSERT, UPDATE, DELETE ON alerts FROM {{service}}_app;
CREATE POLICY upkeep ON alerts TO {{service}}_owner USING (true);
CREATE UNIQUE INDEX alerts_once ON alerts (org_id, rule_id, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_by_time ON alerts (org_id, opened_at DESC, id DESC);
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- No column that a report writes: reports go on touching no index.
CREATE INDEX operations_open ON operations (org_id) WHERE completed_at IS NULL;
CREATE INDEX operations_counted ON operations (org_id, operation_type, completed_at DESC) WHERE status IN ('completed', 'failed', 'timed_out');

CREATE FUNCTION alert_for_webhooks(a alerts) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object(
    'alertId', a.id, 'ruleId', a.rule_id, 'rule', a.rule_name, 'kind', a.kind, 'operationType', a.operation_type, 'operationId', a.operation_id,
    'message', a.message, 'openedAt', utc_text(a.opened_at), 'resolvedAt', utc_text(a.resolved_at))
$$;

-- Organisations with operations that go on, that ended after p_since, or with alerts that may be over; others cost nothing.
CREATE FUNCTION organisations_to_look_at(p_since timestamptz) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  WITH RECURSIVE working AS (
    (SELECT org_id FROM operations WHERE completed_at IS NULL ORDER BY org_id LIMIT 1)
    UNION ALL
    SELECT next.org_id FROM working CROSS JOIN LATERAL (
      SELECT o.org_id FROM operations o WHERE o.completed_at IS NULL AND o.org_id > working.org_id ORDER BY o.org_id LIMIT 1) next
  )
  SELECT org_id FROM working
  UNION SELECT org_id FROM operations WHERE completed_at > p_since
  UNION SELECT org_id FROM alerts WHERE resolved_at IS NULL
$$;

-- Opens an organisation's alerts, closes those that are over, and has webhooks told of both. Answers how many were opened or closed.
CREATE FUNCTION look_for_alerts(p_org uuid, p_now timestamptz, p_most int) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  WITH RECURSIVE rules AS (
    SELECT id, name, kind, operation_type, seconds, percent, last FROM alert_rules WHERE org_id = p_org
    UNION ALL
    SELECT id, name, kind, NULL, seconds, percent, last FROM default_alert_rules d
    WHERE NOT EXISTS (SELECT FROM alert_rules r WHERE r.org_id = p_org AND r.kind = d.kind)
  ), types AS (
    (SELECT operation_type FROM operations WHERE org_id = p_org AND status IN ('completed', 'failed', 'timed_out') ORDER BY operation_type LIMIT 1)
    UNION ALL
    SELECT next.operation_type FROM types CROSS JOIN LATERAL (
      SELECT o.operation_type FROM operations o
      WHERE o.org_id = p_org AND o.status IN ('completed', 'failed', 'timed_out') AND o.operation_type > types.operation_type
      ORDER BY o.operation_type LIMIT 1) next
  ), due AS (
    SELECT r.id AS rule_id, r.name AS rule_name, r.kind, o.id::text AS subject, o.operation_type, o.id AS operation_id,
      o.display_name || CASE r.kind
        WHEN 'stuck' THEN ': its worker lives and has not got further since ' || utc_text(o.advanced_at)
        WHEN 'silent' THEN ': nothing was heard of its worker since ' || utc_text(coalesce(o.reported_at, o.started_at, o.cause_since))
        ELSE ': it is ' || o.status || ' since ' || utc_text(o.cause_since)
      END AS message
    FROM operations o CROSS JOIN rules r
    WHERE o.org_id = p_org AND o.completed_at IS NULL AND (r.operation_type IS NULL OR r.operation_type = o.operation_type)
      AND CASE r.kind
        -- As OperationView says isStuck.
        WHEN 'stuck' THEN o.status IN ('in_progress', 'cancelling') AND o.reported_at >= p_now - interval '30 seconds'
          AND o.advanced_at <= p_now - make_interval(secs => r.seconds)
        WHEN 'silent' THEN o.status = 'in_progress' AND coalesce(o.reported_at, o.started_at, o.cause_since) <= p_now - make_interval(secs => r.seconds)
        WHEN 'waiting' THEN o.status IN ('queued', 'waiting_for_approval') AND o.cause_since <= p_now - make_interval(secs => r.seconds)
        ELSE false
      END
    UNION ALL
    SELECT r.id, r.name, r.kind, t.operation_type, t.operation_type, NULL,
      t.operation_type || ': ' || ended.failed || ' of the last ' || r.last || ' operations failed or timed out'
    FROM rules r JOIN types t ON r.operation_type IS NULL OR r.operation_type = t.operation_type
    CROSS JOIN LATERAL (
      SELECT count(*) AS counted, count(*) FILTER (WHERE x.status <> 'completed') AS failed FROM (
        SELECT o.status FROM operations o
        WHERE o.org_id = p_org AND o.operation_type = t.operation_type AND o.status IN ('completed', 'failed', 'timed_out')
          AND o.completed_at > p_now - make_interval(secs => r.seconds)
        ORDER BY o.completed_at DESC LIMIT r.last) x) ended
    WHERE r.kind = 'failure_rate' AND ended.counted = r.last AND ended.failed * 100 > r.percent * r.last
  ), resolved AS (
    UPDATE alerts a SET resolved_at = p_now
    WHERE a.org_id = p_org AND a.resolved_at IS NULL AND NOT EXISTS (SELECT FROM due WHERE due.rule_id = a.rule_id AND due.subject = a.subject)
    RETURNING a
  ), opened AS (
    INSERT INTO alerts (org_id, rule_id, rule_name, kind, subject, operation_type, operation_id, message, opened_at)
    SELECT p_org, rule_id, rule_name, kind, subject, operation_type, operation_id, message, p_now FROM due
    WHERE NOT EXISTS (SELECT FROM alerts a WHERE a.org_id = p_org AND a.resolved_at IS NULL AND a.rule_id = due.rule_id AND a.subject = due.subject)
    ORDER BY rule_id, subject LIMIT p_most
    ON CONFLICT DO NOTHING
    RETURNING alerts AS a
  ), changed AS (
    SELECT a, 'alert.opened' AS event FROM opened UNION ALL SELECT a, 'alert.resolved' FROM resolved
  ), told AS (
    INSERT INTO webhook_deliveries (org_id, webhook_id, event, operation_id, body)
    SELECT p_org, w.id, c.event, (c.a).operation_id, webhook_body(c.event, p_now, alert_for_webhooks(c.a))
    FROM changed c JOIN webhooks w ON w.org_id = p_org AND w.disabled IS NULL AND c.event = ANY (w.events)
      AND (w.operation_types IS NULL OR (c.a).operation_type = ANY (w.operation_types))
    FOR KEY SHARE OF w
  )
  SELECT count(*) FROM changed
$$;

REVOKE ALL ON FUNCTION organisations_to_look_at, look_for_alerts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organisations_to_look_at, look_for_alerts TO {{service}}_relay;
