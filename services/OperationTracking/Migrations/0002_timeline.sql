-- What happened to an organisation's operations, one chain: each entry's hash covers the one before, so that nothing can be changed, left
-- out or put elsewhere without all after it giving it away. Written by tell_timeline alone.

CREATE TABLE timeline_heads (
  org_id uuid PRIMARY KEY,
  position bigint NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);

CREATE TABLE timeline (
  org_id uuid NOT NULL,
  -- 1, 2, 3 … without holes.
  position bigint NOT NULL,
  operation_id uuid NOT NULL,
  at timestamptz NOT NULL,
  event text NOT NULL CHECK (event IN ('started', 'attempt_began', 'attempt_failed', 'cancel_asked', 'completed', 'failed', 'cancelled')),
  actor text NOT NULL,
  reason text,
  correlation_id uuid,
  details jsonb NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (org_id, position)
);

CREATE INDEX timeline_of_operation ON timeline (org_id, operation_id, position);

ALTER TABLE timeline_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE timeline_heads FORCE ROW LEVEL SECURITY;
ALTER TABLE timeline ENABLE ROW LEVEL SECURITY;
ALTER TABLE timeline FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON timeline_heads FOR SELECT TO {{service}}_app USING (org_id = current_org());
CREATE POLICY own ON timeline FOR SELECT TO {{service}}_app USING (org_id = current_org());
CREATE POLICY upkeep ON timeline_heads TO {{service}}_owner USING (true) WITH CHECK (true);
CREATE POLICY upkeep ON timeline TO {{service}}_owner USING (true) WITH CHECK (true);
REVOKE ALL ON timeline_heads, timeline FROM PUBLIC;
GRANT SELECT ON timeline_heads, timeline TO {{service}}_app;

-- A value of an entry's canonical form, which the service's README tells: length in bytes, colon, the bytes, comma; null is a hyphen and a comma.
CREATE FUNCTION timeline_value(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(octet_length(value)::text || ':' || value, '-') || ','
$$;

-- Appends entries of the calling organisation, in their order. The lock on its head lasts until the caller commits: call it last.
-- p_entries: [{operation_id, at, event, actor, reason, correlation_id, details}].
CREATE FUNCTION tell_timeline(p_entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  v_org uuid := current_org();
  v_head timeline_heads;
  e record;
BEGIN
  IF v_org IS NULL THEN
    RAISE EXCEPTION 'Only for an organisation is anything told.';
  END IF;
  IF jsonb_array_length(p_entries) = 0 THEN
    RETURN;
  END IF;
  SELECT * INTO v_head FROM timeline_heads WHERE org_id = v_org FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO timeline_heads VALUES (v_org, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT * INTO v_head FROM timeline_heads WHERE org_id = v_org FOR UPDATE;
  END IF;
  FOR e IN
    SELECT (x ->> 'operation_id')::uuid AS operation_id, (x ->> 'at')::timestamptz AS at, x ->> 'event' AS event, x ->> 'actor' AS actor,
      x ->> 'reason' AS reason, (x ->> 'correlation_id')::uuid AS correlation_id, coalesce(nullif(x -> 'details', 'null'), '{}') AS details
    FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS entries (x, ordinal) ORDER BY ordinal
  LOOP
    v_head.position := v_head.position + 1;
    v_head.hash := sha256(v_head.hash || convert_to(
      timeline_value(v_org::text) || timeline_value(v_head.position::text) || timeline_value(e.operation_id::text)
        || timeline_value((extract(epoch FROM e.at) * 1000000)::bigint::text) || timeline_value(e.event) || timeline_value(e.actor)
        || timeline_value(e.reason) || timeline_value(e.correlation_id::text) || timeline_value(e.details::text), 'UTF8'));
    INSERT INTO timeline (org_id, position, operation_id, at, event, actor, reason, correlation_id, details, hash)
    VALUES (v_org, v_head.position, e.operation_id, e.at, e.event, e.actor, e.reason, e.correlation_id, e.details, v_head.hash);
  END LOOP;
  UPDATE timeline_heads SET position = v_head.position, hash = v_head.hash WHERE org_id = v_org;
END $$;

REVOKE ALL ON FUNCTION tell_timeline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tell_timeline TO {{service}}_app;
