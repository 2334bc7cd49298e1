-- The service said things after the backup that it no longer knows. Its log of changes gets them back, and each is then taken back
-- by a new change with a higher version: readers of the feed see rows as they were restored, and those created since go.

CREATE TEMP TABLE lost ON COMMIT DROP AS
SELECT s.* FROM said s WHERE NOT EXISTS (SELECT FROM sync_events e WHERE e.seq = s.seq AND e.created_at = s.captured_at);

INSERT INTO sync_events
  (seq, id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata,
   size_bytes, sync_status, created_at, processed_at, shard)
SELECT seq, id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata,
   octet_length(data::text), 'processed', captured_at, now(), hashtext(entity_id) & 7
FROM lost;

SELECT setval('sync_events_seq', greatest((SELECT last_value FROM sync_events_seq), (SELECT max(seq) FROM said))) \g /dev/null

CREATE TEMP TABLE last_said ON COMMIT DROP AS
SELECT DISTINCT ON (org_id, entity_type, entity_id) *, false AS is_there
FROM lost ORDER BY org_id, entity_type, entity_id, seq DESC;

SELECT set_config('app.context', '{"source": "restore"}', true) \g /dev/null

DO $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.relname AS name, args[1] AS entity, args[2] AS prefix
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
      CROSS JOIN LATERAL (SELECT string_to_array(encode(g.tgargs, 'escape'), '\000') AS args) a
    WHERE g.tgname = 'z_capture'
  LOOP
    EXECUTE format('UPDATE last_said l SET is_there = true FROM %I r WHERE l.entity_type = %L AND r.org_id = l.org_id AND r.id::text = l.entity_id', t.name, t.entity);
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER a_stamp', t.name);
    EXECUTE format('UPDATE %I r SET row_version = l.row_version + 1 FROM last_said l WHERE l.entity_type = %L AND r.org_id = l.org_id AND r.id::text = l.entity_id', t.name, t.entity);
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER a_stamp', t.name);
    INSERT INTO sync_events
      (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
    SELECT org_id, t.prefix || '_deleted', category, priority, entity_type, entity_id, row_version + 1, 'delete', data,
      (SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_object_keys(data) AS key), '{"source": "restore"}', octet_length(data::text), hashtext(entity_id) & 7
    FROM last_said WHERE entity_type = t.entity AND operation <> 'delete' AND NOT is_there;
  END LOOP;
END $$;

SELECT jsonb_build_object(
  'changes', (SELECT count(*) FROM lost),
  'created', count(*) FILTER (WHERE NOT is_there AND operation <> 'delete'),
  'changed', count(*) FILTER (WHERE is_there AND operation <> 'delete'),
  'deleted', count(*) FILTER (WHERE is_there AND operation = 'delete'))
FROM last_said;

SELECT jsonb_build_object(
  'organisation', org_id, 'entity', entity_type, 'id', entity_id,
  'since', CASE WHEN NOT is_there THEN 'created: it is gone' WHEN operation = 'delete' THEN 'deleted: it is there again' ELSE 'changed: it is as it was' END,
  'lastKnown', data)
FROM last_said WHERE is_there OR operation <> 'delete';
