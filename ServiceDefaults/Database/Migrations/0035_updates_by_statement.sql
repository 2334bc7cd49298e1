-- Updated rows are captured by statement, as inserted ones are. Deletes stay with capture_change, row by row.

-- Arguments as those of capture_change. The plan is made once, for whatever number of rows came first: a nested loop would then be taken for
-- a hundred thousand rows too, so there is none.
CREATE FUNCTION capture_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  context jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}');
BEGIN
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  SELECT r.org_id, TG_ARGV[1] || '_updated', TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], r.id, r.row_version, 'update', r.data,
    (SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_each(r.data) WHERE value IS DISTINCT FROM r.before -> key),
    context, octet_length(r.data::text), hashtext(r.id) & 7
  -- OFFSET keeps the planner from making the row's JSON once for each use.
  FROM (
    SELECT n.org_id, n.id::text AS id, n.row_version, to_jsonb(n) - hidden AS data, to_jsonb(o) - hidden AS before
    FROM changed n LEFT JOIN former o ON o.org_id = n.org_id AND o.id = n.id
    WHERE n.row_version IS DISTINCT FROM o.row_version OFFSET 0
  ) r;
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION capture_updated() FROM PUBLIC;

CREATE OR REPLACE FUNCTION ops_capture_table(name text, entity text, event_prefix text, category text, priority text, hidden text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER z_capture AFTER DELETE ON %I FOR EACH ROW EXECUTE FUNCTION capture_change(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, hidden::text);
  EXECUTE format('CREATE OR REPLACE TRIGGER z_capture_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION capture_inserted(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, hidden::text);
  EXECUTE format('CREATE OR REPLACE TRIGGER z_capture_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION capture_updated(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, hidden::text);
END $$;

SELECT ops_capture_table(name, entity, event_prefix, category, priority, hidden) FROM ops_tracked_tables();
