-- People are of the platform: one login serves several organisations, and is looked up before any organisation is known.
CREATE TABLE users (
  id uuid PRIMARY KEY,
  user_name text NOT NULL,
  normalized_user_name text NOT NULL CONSTRAINT users_user_name_taken UNIQUE,
  email text NOT NULL CHECK (length(email) <= 254),
  normalized_email text NOT NULL CONSTRAINT users_email_taken UNIQUE,
  display_name text NOT NULL CHECK (length(display_name) <= 200),
  password_hash text NOT NULL,
  security_stamp text,
  concurrency_stamp text,
  lockout_end timestamptz,
  access_failed_count int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON users TO {{service}}_app;

CREATE TABLE organisations (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL UNIQUE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  time_zone text NOT NULL,
  day_starts_at text NOT NULL CHECK (day_starts_at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  row_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CHECK (org_id = id)
);

CREATE TABLE memberships (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  role text NOT NULL CHECK (role IN ('viewer', 'staff', 'admin', 'owner')),
  row_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CONSTRAINT memberships_once UNIQUE (org_id, user_id),
  FOREIGN KEY (org_id) REFERENCES organisations (id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE invitations (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  email text NOT NULL CHECK (length(email) <= 254),
  role text NOT NULL CHECK (role IN ('viewer', 'staff', 'admin', 'owner')),
  code_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT invitations_once UNIQUE (org_id, email),
  FOREIGN KEY (org_id) REFERENCES organisations (id)
);

SELECT ops_tenant_table('organisations');
SELECT ops_tenant_table('memberships');
SELECT ops_tenant_table('invitations');

-- A code is looked up before its organisation is known; whoever shows it sees that one invitation and no other.
CREATE POLICY lookup ON invitations FOR SELECT TO {{service}}_owner USING (true);
CREATE FUNCTION find_invitation(hash bytea) RETURNS SETOF invitations
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT * FROM invitations i WHERE i.code_hash = find_invitation.hash $$;
REVOKE ALL ON FUNCTION find_invitation(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_invitation(bytea) TO {{service}}_app;

-- Log-in and switch must find one's organisations before one of them acts; reading only, and only one's own.
CREATE POLICY own ON memberships FOR SELECT TO {{service}}_app
  USING (user_id::text = current_setting('app.actor', true));
CREATE POLICY joined ON organisations FOR SELECT TO {{service}}_app
  USING (EXISTS (SELECT FROM memberships m WHERE m.org_id = organisations.id AND m.user_id::text = current_setting('app.actor', true)));

SELECT ops_track_table('organisations', entity => 'organisation', event_prefix => 'organisation', category => 'identity');
SELECT ops_track_table('memberships', entity => 'membership', event_prefix => 'membership', category => 'identity');

-- Looked up by hash alone, before user and organisation are known: no tenant's table.
CREATE TABLE refresh_tokens (
  id uuid PRIMARY KEY,
  family_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  organisation_id uuid NOT NULL,
  token_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id, organisation_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO {{service}}_app;

CREATE TABLE signing_keys (
  id text PRIMARY KEY,
  private_key bytea NOT NULL,
  created_at timestamptz NOT NULL,
  signs_from timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON signing_keys TO {{service}}_app;
