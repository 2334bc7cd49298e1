-- A captured change runs through less code: the names of columns come out of the row's JSON by one call, the join of rows with themselves needs no
-- settings, and what only functions with constants write is not checked again for each row.

-- All columns of a created row that travel have changed: the same for all rows, so they are asked once.
CREATE OR REPLACE FUNCTION capture_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  context jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}');
  contexts jsonb := nullif(current_setting('app.contexts', true), '')::jsonb;
BEGIN
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  SELECT r.org_id, TG_ARGV[1] || '_created', TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], r.id, r.row_version, 'create', r.data,
    (SELECT jsonb_path_query_array(to_jsonb(a) - hidden, '$.keyvalue().key') FROM added a LIMIT 1),
    coalesce(contexts -> r.id, context), octet_length(r.data::text), hashtext(r.id) & 7
  -- OFFSET keeps the planner from making the row's JSON once for each use.
  FROM (SELECT a.org_id, a.id::text AS id, a.row_version, to_jsonb(a) - hidden AS data FROM added a OFFSET 0) r;
  RETURN NULL;
END $$;

-- The plan is made once, for whatever number of rows came first: a nested loop would then be taken for a hundred thousand rows too. No full join
-- is made by one; that every row has a former one is asked behind the OFFSET, as asked beside the join it would make it another join.
CREATE OR REPLACE FUNCTION capture_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  context jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}');
BEGIN
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  SELECT r.org_id, TG_ARGV[1] || '_updated', TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], r.id, r.row_version, 'update', r.data,
    to_jsonb(ARRAY(SELECT key FROM jsonb_each(r.data) WHERE value IS DISTINCT FROM r.before -> key)), context, octet_length(r.data::text), hashtext(r.id) & 7
  FROM (
    SELECT n.org_id, n.id::text AS id, n.row_version, to_jsonb(n) - hidden AS data, to_jsonb(o) - hidden AS before
    FROM changed n FULL JOIN former o ON o.org_id = n.org_id AND o.id = n.id
    WHERE n.row_version IS DISTINCT FROM o.row_version OFFSET 0
  ) r
  WHERE r.id IS NOT NULL;
  RETURN NULL;
END $$;

ALTER TABLE sync_events DROP CONSTRAINT sync_events_operation_check, DROP CONSTRAINT sync_events_sync_status_check;
