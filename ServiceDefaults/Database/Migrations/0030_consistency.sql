-- What Sync needs to compare the rows it knows of with the tables they came from, and to have lost ones sent again.
-- The digest role reads ids and versions of tracked rows and how far their changes have travelled, of every organisation, and
-- nothing else; it writes nothing but through ops_emit_changes.

CREATE POLICY digest ON sync_events FOR SELECT TO {{service}}_digest USING (true);
GRANT SELECT (seq, id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, sync_status, attempts, error, created_at)
  ON sync_events TO {{service}}_digest;

-- The tables with a capture trigger, and the trigger's arguments.
CREATE FUNCTION ops_tracked_tables()
RETURNS TABLE (name text, entity text, event_prefix text, category text, priority text, hidden text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.relname::text, a[1], a[2], a[3], a[4], a[5]::text[]
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  CROSS JOIN LATERAL (SELECT string_to_array(encode(t.tgargs, 'escape'), '\000') AS a) args
  WHERE t.tgfoid = 'public.capture_change'::regproc AND NOT t.tgisinternal AND t.tgparentid = 0
  ORDER BY a[1]
$$;

-- Run at every start, after all migrations: opens what was tracked since to the digest role, and one organisation's rows at a
-- time to the owner, for ops_emit_changes.
CREATE FUNCTION ops_let_digest() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tracked text;
BEGIN
  FOR tracked IN
    SELECT t.name FROM ops_tracked_tables() t
    WHERE NOT EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = t.name AND p.policyname = 'digest')
  LOOP
    EXECUTE format('CREATE POLICY digest ON %I FOR SELECT TO {{service}}_digest USING (true)', tracked);
    EXECUTE format('GRANT SELECT (org_id, id, row_version) ON %I TO {{service}}_digest', tracked);
    EXECUTE format('CREATE POLICY resync ON %I TO {{service}}_owner USING (org_id = nullif(current_setting(''app.resync_org'', true), '''')::uuid) WITH CHECK (false)', tracked);
  END LOOP;
END $$;

-- Captures the rows once more as they are now, whatever was captured of them before. A row that is gone is captured as deleted when
-- the caller knows of a version of it. Rows are locked, so that an entity's changes keep the order of their seq.
CREATE FUNCTION ops_emit_changes(p_org uuid, p_entity text, p_ids text[], p_known bigint[], p_context jsonb)
RETURNS TABLE (emitted_id text, emitted_operation text, emitted_version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  t record;
BEGIN
  SELECT * INTO t FROM public.ops_tracked_tables() WHERE entity = p_entity;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.resync_org', p_org::text, true);
  RETURN QUERY EXECUTE format($sql$
    WITH present AS MATERIALIZED (
      SELECT r.id::text AS id, r.row_version, to_jsonb(r) - $1::text[] AS data
      FROM %I r WHERE r.org_id = $2 AND r.id::text = ANY ($3) ORDER BY r.id FOR UPDATE
    ), state AS MATERIALIZED (
      SELECT a.id,
        CASE WHEN p.id IS NULL THEN 'delete' ELSE 'update' END AS operation,
        coalesce(p.row_version, a.known + 1) AS row_version,
        coalesce(p.data, jsonb_build_object('id', a.id, 'org_id', $2)) AS data
      FROM (SELECT DISTINCT ON (u.id) u.id, u.known FROM unnest($3, $4::bigint[]) AS u (id, known)) a LEFT JOIN present p USING (id)
      WHERE p.id IS NOT NULL OR a.known IS NOT NULL
    ), captured AS (
      INSERT INTO public.sync_events
        (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
      SELECT $2, $5 || CASE s.operation WHEN 'delete' THEN '_deleted' ELSE '_updated' END, $6, $7, $8, s.id, s.row_version, s.operation,
        s.data, '[]', $9, octet_length(s.data::text), hashtext(s.id) & 7
      FROM state s
    )
    SELECT s.id, s.operation, s.row_version FROM state s
    $sql$, t.name)
  USING t.hidden, p_org, p_ids, p_known, t.event_prefix, t.category, t.priority, p_entity, p_context;
  PERFORM set_config('app.resync_org', '', true);
END $$;

REVOKE ALL ON FUNCTION ops_emit_changes(uuid, text, text[], bigint[], jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops_emit_changes(uuid, text, text[], bigint[], jsonb) TO {{service}}_digest;

-- With SYNC_AUTO=off the relays send what was captured up to here; POST /changes/send moves it on.
CREATE TABLE relay_demand (id int PRIMARY KEY CHECK (id = 1), up_to bigint NOT NULL);
INSERT INTO relay_demand VALUES (1, 0);
GRANT SELECT, UPDATE ON relay_demand TO {{service}}_relay;
