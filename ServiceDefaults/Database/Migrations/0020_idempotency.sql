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

-- Deletes rows whose time is before then: a bounded number, so that no one statement holds up the rest; the caller comes again while
-- it finds any. The condition is SQL, written where retention is and never a caller's input.
CREATE FUNCTION ops_forget_rows(older_than timestamptz, at_most integer, name text, at_column text, condition text DEFAULT 'true')
RETURNS integer LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
  gone integer;
BEGIN
  EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I < $1 AND (%3$s) LIMIT $2 FOR UPDATE SKIP LOCKED))',
    name, at_column, condition) USING older_than, at_most;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
REVOKE ALL ON FUNCTION ops_forget_rows FROM PUBLIC;
