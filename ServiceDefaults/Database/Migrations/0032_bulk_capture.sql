-- Inserted rows are captured by statement: many at once cost a third of what a trigger a row does, a single one the same.
-- Updates and deletes stay with capture_change, row by row, which knows the row before.

-- Arguments as those of capture_change. All rows have the same columns, so what a creation changed is worked out once.
CREATE FUNCTION capture_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  context jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}');
BEGIN
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  SELECT r.org_id, TG_ARGV[1] || '_created', TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], r.id, r.row_version, 'create', r.data,
    (SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_object_keys((SELECT to_jsonb(a) - hidden FROM added a LIMIT 1)) AS key),
    context, octet_length(r.data::text), hashtext(r.id) & 7
  -- OFFSET keeps the planner from making the row's JSON once for each use.
  FROM (SELECT a.org_id, a.id::text AS id, a.row_version, to_jsonb(a) - hidden AS data FROM added a OFFSET 0) r;
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION capture_inserted() FROM PUBLIC;

CREATE FUNCTION ops_capture_table(name text, entity text, event_prefix text, category text, priority text, hidden text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER z_capture AFTER UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION capture_change(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, hidden::text);
  EXECUTE format('CREATE TRIGGER z_capture_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION capture_inserted(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, hidden::text);
END $$;

CREATE OR REPLACE FUNCTION ops_track_table(
  name text, entity text, event_prefix text, category text, priority text DEFAULT 'normal', exclude text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  stamp text := 'stamp_row';
BEGIN
  IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'public' AND table_name = name AND column_name = 'updated_at') THEN
    stamp := 'stamp_row_and_time';
  END IF;
  EXECUTE format('CREATE TRIGGER a_stamp BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION %I()', name, stamp);
  PERFORM ops_capture_table(name, entity, event_prefix, category, priority, exclude);
END $$;

SELECT ops_capture_table(name, entity, event_prefix, category, priority, hidden) FROM ops_tracked_tables();
