-- What a browser opens a stream with, once: EventSource cannot send a token.

CREATE TABLE feed_tickets (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  org_id uuid NOT NULL,
  user_id text NOT NULL,
  role text NOT NULL,
  token_expires_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
ALTER TABLE feed_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON feed_tickets FOR INSERT TO {{service}}_app WITH CHECK (org_id = current_org());
CREATE POLICY upkeep ON feed_tickets TO {{service}}_owner USING (true) WITH CHECK (true);
REVOKE ALL ON feed_tickets FROM PUBLIC, {{service}}_app, {{service}}_relay;
GRANT INSERT ON feed_tickets TO {{service}}_app;
CREATE INDEX feed_tickets_old ON feed_tickets (expires_at);

-- Takes a ticket out of the table, so that it opens one stream only. Nothing when there is none; the caller checks the times.
CREATE FUNCTION redeem_ticket(p_hash bytea)
RETURNS TABLE (org_id uuid, user_id text, role text, token_expires_at timestamptz, expires_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  DELETE FROM feed_tickets t WHERE t.hash = p_hash
  RETURNING t.org_id, t.user_id, t.role, t.token_expires_at, t.expires_at
$$;
REVOKE ALL ON FUNCTION redeem_ticket FROM PUBLIC;
GRANT EXECUTE ON FUNCTION redeem_ticket TO {{service}}_app;
