-- What the feed holds of this service since the backup.
BEGIN;
CREATE TEMP TABLE said (
  seq bigint, id uuid, org_id uuid, event_type text, category text, priority text, entity_type text, entity_id text,
  row_version bigint, operation text, data jsonb, changed jsonb, metadata jsonb, captured_at timestamptz) ON COMMIT DROP;
