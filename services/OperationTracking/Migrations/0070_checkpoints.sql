-- What the service said of each organisation's timeline, signed with a key that no database holds. Rows are added and never changed.

CREATE TABLE timeline_checkpoints (
  org_id uuid NOT NULL DEFAULT current_org(),
  position bigint NOT NULL CHECK (position > 0),
  -- Compact JWS (RFC 7515) over organisation, position, hash and time.
  jws text NOT NULL,
  signed_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, position)
);

SELECT ops_tenant_table('timeline_checkpoints');
REVOKE UPDATE, DELETE ON timeline_checkpoints FROM {{service}}_app;
CREATE POLICY upkeep ON timeline_checkpoints TO {{service}}_owner USING (true);

-- Organisations whose timeline has gone on since a checkpoint of p_before or earlier, or by p_entries. By chance, so that those that cannot
-- be signed keep no others from it.
CREATE FUNCTION organisations_to_sign(p_before timestamptz, p_entries bigint, p_most int) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT h.org_id FROM timeline_heads h
  LEFT JOIN LATERAL (SELECT c.position, c.signed_at FROM timeline_checkpoints c WHERE c.org_id = h.org_id ORDER BY c.position DESC LIMIT 1) last ON true
  WHERE h.position > coalesce(last.position, 0) AND (last.position IS NULL OR last.signed_at <= p_before OR h.position >= last.position + p_entries)
  ORDER BY random() LIMIT p_most
$$;

REVOKE ALL ON FUNCTION organisations_to_sign FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organisations_to_sign TO {{service}}_relay;
