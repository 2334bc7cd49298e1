-- All columns of a created row that travel have changed: the relay reads their names off the row, and who writes need not list them.
CREATE OR REPLACE FUNCTION capture_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  context jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}');
  contexts jsonb := nullif(current_setting('app.contexts', true), '')::jsonb;
BEGIN
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  SELECT r.org_id, TG_ARGV[1] || '_created', TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], r.id, r.row_version, 'create', r.data, '[]',
    coalesce(contexts -> r.id, context), octet_length(r.data::text), hashtext(r.id) & 7
  -- OFFSET keeps the planner from making the row's JSON once for each use.
  FROM (SELECT a.org_id, a.id::text AS id, a.row_version, to_jsonb(a) - hidden AS data FROM added a OFFSET 0) r;
  RETURN NULL;
END $$;
