-- Answers kept for requests that carry an Idempotency-Key: one row a request, written in the transaction of its work.

CREATE TABLE idempotent_answers (
  org_id uuid NOT NULL DEFAULT current_org(),
  -- SHA-256 of caller, route and key: short, and the key itself is nobody else's business.
  key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
  -- SHA-256 of path, query and body.
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  status smallint NOT NULL,
  headers jsonb NOT NULL,
  -- Null when the answer was too large to keep.
  body bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, key_hash)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Rows come in time order and go in time order: a few bytes per thousand of them tell where the old ones are.
CREATE INDEX idempotent_answers_created_at ON idempotent_answers USING brin (created_at) WITH (autosummarize = on);

SELECT ops_tenant_table('idempotent_answers');
CREATE POLICY upkeep ON idempotent_answers TO {{service}}_owner USING (true);

-- Forgets a bounded number of answers, so that no one statement holds up the rest; the caller comes again while it finds any.
CREATE FUNCTION ops_forget_answers(older_than timestamptz, at_most integer) RETURNS integer LANGUAGE sql AS $$
  WITH old AS (
    SELECT org_id, key_hash FROM idempotent_answers WHERE created_at < older_than LIMIT at_most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM idempotent_answers a USING old WHERE a.org_id = old.org_id AND a.key_hash = old.key_hash RETURNING 1
  )
  SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION ops_forget_answers FROM PUBLIC;
