-- The change feed. It is written only by append_changes and aged only by forget_feed; everybody else reads.

CREATE TABLE feed_heads (
    org_id uuid PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0,
    earliest bigint NOT NULL DEFAULT 1,
    CHECK (earliest BETWEEN 1 AND position + 1)
);

CREATE TABLE feed (
    org_id uuid NOT NULL,
    position bigint NOT NULL,
    service text NOT NULL,
    seq bigint NOT NULL,
    id uuid NOT NULL,
    event_type text NOT NULL,
    category text NOT NULL,
    priority text NOT NULL,
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    row_version bigint NOT NULL,
    operation text NOT NULL,
    -- json, not jsonb: rows are handed on as they came, and parsing them twice is the larger part of an append.
    data json NOT NULL,
    changed json NOT NULL,
    metadata json NOT NULL,
    captured_at timestamptz NOT NULL,
    UNIQUE (service, seq, captured_at)
) PARTITION BY RANGE (captured_at);

CREATE INDEX feed_org_position ON feed (org_id, position);

SELECT ops_partition_table('feed');

CREATE TABLE feed_tickets (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    org_id uuid NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL,
    token_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

ALTER TABLE feed_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_heads FORCE ROW LEVEL SECURITY;
ALTER TABLE feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_tickets FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON feed_heads FOR SELECT TO sync_app USING (org_id = current_org());
CREATE POLICY own ON feed FOR SELECT TO sync_app USING (org_id = current_org());
CREATE POLICY own ON feed_tickets FOR INSERT TO sync_app WITH CHECK (org_id = current_org());
CREATE POLICY every ON feed_heads FOR SELECT TO sync_relay USING (true);
CREATE POLICY every ON feed FOR SELECT TO sync_relay USING (true);
CREATE POLICY upkeep ON feed_heads TO sync_owner USING (true) WITH CHECK (true);
CREATE POLICY upkeep ON feed TO sync_owner USING (true) WITH CHECK (true);
CREATE POLICY upkeep ON feed_tickets TO sync_owner USING (true) WITH CHECK (true);

REVOKE ALL ON feed_heads, feed, feed_default, feed_tickets FROM PUBLIC, sync_app, sync_relay;
GRANT SELECT ON feed_heads, feed TO sync_app, sync_relay;
GRANT INSERT ON feed_tickets TO sync_app;

-- Appends what is not there yet and gives it dense positions per organisation, in the order of the arrays and of commits:
-- the locks on the heads are held until the caller commits.
CREATE FUNCTION append_changes(
    p_service text, p_seq bigint[], p_id uuid[], p_org_id uuid[], p_event_type text[], p_category text[], p_priority text[],
    p_entity_type text[], p_entity_id text[], p_row_version bigint[], p_operation text[],
    p_data text[], p_changed text[], p_metadata text[], p_captured_at timestamptz[])
RETURNS TABLE (ordinal bigint, feed_position bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_from timestamptz;
    v_to timestamptz;
BEGIN
    INSERT INTO feed_heads (org_id) SELECT DISTINCT o FROM unnest(p_org_id) o ORDER BY o ON CONFLICT DO NOTHING;
    PERFORM FROM feed_heads h WHERE h.org_id = ANY (p_org_id) ORDER BY h.org_id FOR UPDATE;
    SELECT min(c), max(c) INTO v_from, v_to FROM unnest(p_captured_at) c;

    -- A statement of its own: only a snapshot taken under the locks sees what the last holder appended.
    RETURN QUERY
    WITH incoming AS (
        SELECT DISTINCT ON (i.seq, i.captured_at) i.*
        FROM unnest(p_seq, p_id, p_org_id, p_event_type, p_category, p_priority, p_entity_type, p_entity_id,
            p_row_version, p_operation, p_data, p_changed, p_metadata, p_captured_at) WITH ORDINALITY
            AS i (seq, id, org_id, event_type, category, priority, entity_type, entity_id,
            row_version, operation, data, changed, metadata, captured_at, ordinal)
        ORDER BY i.seq, i.captured_at, i.ordinal
    ), fresh AS (
        SELECT i.*, row_number() OVER (PARTITION BY i.org_id ORDER BY i.ordinal) AS n
        FROM incoming i
        -- The bounds let the planner leave out the partitions that cannot hold a repeat.
        WHERE NOT EXISTS (
            SELECT FROM feed f
            WHERE f.service = p_service AND f.seq = i.seq AND f.captured_at = i.captured_at
                AND f.captured_at BETWEEN v_from AND v_to)
    ), placed AS (
        SELECT fresh.*, h.position + fresh.n AS position FROM fresh JOIN feed_heads h USING (org_id)
    ), raised AS (
        UPDATE feed_heads h SET position = p.position
        FROM (SELECT placed.org_id, max(placed.position) AS position FROM placed GROUP BY placed.org_id) p
        WHERE h.org_id = p.org_id
    ), stored AS (
        INSERT INTO feed (org_id, position, service, seq, id, event_type, category, priority, entity_type, entity_id,
            row_version, operation, data, changed, metadata, captured_at)
        SELECT p.org_id, p.position, p_service, p.seq, p.id, p.event_type, p.category, p.priority, p.entity_type, p.entity_id,
            p.row_version, p.operation, p.data::json, p.changed::json, p.metadata::json, p.captured_at
        FROM placed p
    )
    SELECT placed.ordinal, placed.position FROM placed ORDER BY placed.ordinal;
END $$;

-- Takes a ticket out of the table, so that it opens one stream only. Nothing when there is none; the caller checks the times.
CREATE FUNCTION redeem_ticket(p_hash bytea)
RETURNS TABLE (org_id uuid, user_id text, role text, token_expires_at timestamptz, expires_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    DELETE FROM feed_tickets t WHERE t.hash = p_hash
    RETURNING t.org_id, t.user_id, t.role, t.token_expires_at, t.expires_at
$$;

-- Forgets entries captured before p_before, whole weeks at a time, and raises each organisation's earliest position past them.
-- Returns the number of partitions dropped. The owner calls it.
CREATE FUNCTION forget_feed(p_before timestamptz)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s'
AS $$
DECLARE
    v_name text;
    v_dropped integer := 0;
BEGIN
    -- As append_changes does, heads before feed: the other order could deadlock with it. Readers are not held up here.
    LOCK TABLE feed_heads IN EXCLUSIVE MODE;

    FOR v_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.feed'::regclass AND c.relname ~ '^feed_\d{8}$'
            AND to_timestamp(substr(c.relname, 6), 'YYYYMMDD') + interval '1 week' <= p_before
    LOOP
        EXECUTE format(
            'UPDATE feed_heads h SET earliest = greatest(h.earliest, gone.position + 1)
             FROM (SELECT o.org_id, (SELECT max(p.position) FROM public.%I p WHERE p.org_id = o.org_id) AS position FROM feed_heads o) gone
             WHERE gone.org_id = h.org_id AND gone.position IS NOT NULL', v_name);
        EXECUTE format('DROP TABLE public.%I', v_name);
        v_dropped := v_dropped + 1;
    END LOOP;

    WITH gone AS (
        DELETE FROM feed_default d WHERE d.captured_at < p_before RETURNING d.org_id, d.position
    )
    UPDATE feed_heads h SET earliest = greatest(h.earliest, g.position + 1)
    FROM (SELECT gone.org_id, max(gone.position) AS position FROM gone GROUP BY gone.org_id) g
    WHERE h.org_id = g.org_id;

    RETURN v_dropped;
END $$;

REVOKE ALL ON FUNCTION
    append_changes(text, bigint[], uuid[], uuid[], text[], text[], text[], text[], text[], bigint[], text[], text[], text[], text[], timestamptz[]),
    redeem_ticket(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    append_changes(text, bigint[], uuid[], uuid[], text[], text[], text[], text[], text[], bigint[], text[], text[], text[], text[], timestamptz[])
    TO sync_relay;
GRANT EXECUTE ON FUNCTION redeem_ticket(bytea) TO sync_app;
