-- A log-in and where it is used from; its refresh tokens are the family of its id. Found by a token's hash before the user is
-- known, so no tenant's table: every query names the user.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  organisation_id uuid NOT NULL,
  address text CHECK (length(address) <= 45),
  user_agent text CHECK (length(user_agent) <= 256),
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO {{service}}_app;

INSERT INTO sessions (id, user_id, organisation_id, created_at, last_used_at, expires_at, revoked_at)
SELECT family_id, user_id, organisation_id, min(created_at), max(created_at), max(expires_at),
  CASE WHEN bool_or(used_at IS NULL AND revoked_at IS NULL) THEN NULL ELSE max(coalesce(revoked_at, used_at)) END
FROM refresh_tokens GROUP BY family_id, user_id, organisation_id;

-- With the token itself it gives the token that followed it, to a client that asks twice within seconds.
ALTER TABLE refresh_tokens ADD COLUMN successor_salt bytea;

-- Wrong passwords, counted for every address that was tried, known or not: a lock must not tell which is known.
-- From here on the columns lockout_end and access_failed_count of users are not used.
CREATE TABLE sign_in_failures (
  address_hash bytea PRIMARY KEY,
  wrong int NOT NULL,
  shut_until timestamptz,
  changed_at timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_changed_at ON sign_in_failures (changed_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_failures TO {{service}}_app;

-- Who signed in, from where, and who changed who may do what. Only ever added to. org_id is null where none is known yet, as
-- when a password is wrong; user_id is null when nobody is known by the address that was tried.
CREATE TABLE audit_entries (
  id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  org_id uuid,
  user_id uuid,
  actor text,
  event text NOT NULL,
  succeeded boolean NOT NULL,
  reason text CHECK (length(reason) <= 100),
  detail text CHECK (length(detail) <= 400),
  email text CHECK (length(email) <= 254),
  address text CHECK (length(address) <= 45),
  user_agent text CHECK (length(user_agent) <= 256)
) PARTITION BY RANGE (created_at);
CREATE INDEX audit_entries_org ON audit_entries (org_id, id);
CREATE INDEX audit_entries_user ON audit_entries (user_id, id);
-- A person's sign-ins before an organisation was known, among all they did in their organisations.
CREATE INDEX audit_entries_apart ON audit_entries (user_id, id) WHERE org_id IS NULL;
SELECT ops_partition_table('audit_entries');

ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_entries FOR SELECT TO {{service}}_app USING (
  org_id = current_org()
  OR (org_id IS NULL AND user_id IN (SELECT m.user_id FROM memberships m WHERE m.org_id = current_org())));
CREATE POLICY own ON audit_entries FOR SELECT TO {{service}}_app USING (user_id::text = current_setting('app.actor', true));
CREATE POLICY written ON audit_entries FOR INSERT TO {{service}}_app WITH CHECK (org_id IS NULL OR org_id = current_org());
GRANT SELECT, INSERT ON audit_entries TO {{service}}_app;
