-- What callers keep of their operations beside progress, apart from the rows that reports write.
CREATE TABLE operation_metadata (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  metadata jsonb NOT NULL CHECK (octet_length(metadata::text) <= 262144),
  PRIMARY KEY (org_id, operation_id),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);
SELECT ops_tenant_table('operation_metadata');
REVOKE DELETE ON operation_metadata FROM {{service}}_app;

-- Member by member; null takes one away.
CREATE FUNCTION merged_metadata(p_metadata jsonb, p_patch jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT (coalesce(p_metadata, '{}') || p_patch) - ARRAY(SELECT key FROM jsonb_each(p_patch) WHERE value = 'null')
$$;

-- Answers whether it was written: not for an operation that is unknown, and not if it would be too large together with what another
-- replica wrote meanwhile.
CREATE FUNCTION write_metadata(p_id uuid, p_patch jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO operation_metadata (operation_id, metadata)
  SELECT id, '{}' FROM operations WHERE org_id = current_org() AND id = p_id
  ON CONFLICT DO NOTHING;
  UPDATE operation_metadata SET metadata = merged_metadata(metadata, p_patch)
  WHERE org_id = current_org() AND operation_id = p_id AND octet_length(merged_metadata(metadata, p_patch)::text) <= 262144;
  RETURN FOUND;
END $$;
