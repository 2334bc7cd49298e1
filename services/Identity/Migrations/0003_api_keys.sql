-- Keys for programs. Only the hash of a key is kept; who may see the rows sees no more than its name, scopes and dates.
CREATE TABLE api_keys (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL CONSTRAINT api_keys_id UNIQUE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 50),
  key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
  created_by uuid NOT NULL REFERENCES users (id),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  row_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id) REFERENCES organisations (id)
);

-- Beside the key, so that its use makes no change for anybody to hear of.
CREATE TABLE api_key_uses (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, id) REFERENCES api_keys (org_id, id)
);

SELECT ops_tenant_table('api_keys');
SELECT ops_tenant_table('api_key_uses');
SELECT ops_track_table('api_keys', entity => 'api_key', event_prefix => 'api_key', category => 'identity', exclude => '{key_hash}');

-- A key is looked up before its organisation is known, by the id that is part of it; one row and no other.
CREATE POLICY lookup ON api_keys FOR SELECT TO {{service}}_owner USING (true);
CREATE FUNCTION find_api_key(key uuid) RETURNS SETOF api_keys
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT * FROM api_keys k WHERE k.id = find_api_key.key $$;
REVOKE ALL ON FUNCTION find_api_key(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(uuid) TO {{service}}_app;
