-- What the feed says of every row, applied from the feed in the background: the side of a comparison that Sync answers for.
-- Written only by apply_feed.

CREATE TABLE feed_rows (
    service text NOT NULL,
    entity_type text NOT NULL,
    org_id uuid NOT NULL,
    entity_id text NOT NULL,
    row_version bigint NOT NULL,
    seq bigint NOT NULL,
    -- When its deletion was applied. The row stays for as long as a late frame may come and would bring it back.
    deleted_at timestamptz,
    PRIMARY KEY (service, entity_type, org_id, entity_id)
) WITH (fillfactor = 80);

CREATE INDEX feed_rows_deleted ON feed_rows (deleted_at) WHERE deleted_at IS NOT NULL;

-- How far the feed is applied, and what was counted on the way.
CREATE TABLE feed_applied (
    org_id uuid PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0
);

CREATE TABLE feed_counts (
    org_id uuid NOT NULL,
    service text NOT NULL,
    week date NOT NULL,
    entries bigint NOT NULL,
    captured_at_last timestamptz NOT NULL,
    PRIMARY KEY (org_id, service, week)
);

-- Positions no entry was found at: each is a fault.
CREATE TABLE feed_holes (
    org_id uuid NOT NULL,
    position bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, position)
);

-- What each replica appended, a row for each of its intervals; sliding windows add up the replicas' rows.
CREATE TABLE feed_activity (
    org_id uuid NOT NULL,
    service text NOT NULL,
    until timestamptz NOT NULL,
    changes bigint NOT NULL,
    latencies int[] NOT NULL
);

CREATE INDEX feed_activity_org ON feed_activity (org_id, until);
CREATE INDEX feed_activity_until ON feed_activity (until);

-- The last comparison of an organisation's rows with their table.
CREATE TABLE consistency (
    org_id uuid NOT NULL,
    service text NOT NULL,
    entity_type text NOT NULL,
    table_name text NOT NULL,
    source_rows bigint NOT NULL,
    feed_rows bigint NOT NULL,
    source_versions numeric NOT NULL,
    feed_versions numeric NOT NULL,
    source_hash numeric NOT NULL,
    feed_hash numeric NOT NULL,
    mismatching bigint NOT NULL,
    in_flight bigint NOT NULL,
    position bigint NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, service, entity_type)
);

-- The rows that the last comparison proved wrong.
CREATE TABLE mismatches (
    org_id uuid NOT NULL,
    service text NOT NULL,
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('missing', 'stale', 'extra', 'ahead')),
    source_version bigint,
    feed_version bigint,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, service, entity_type, entity_id)
);

-- What waits or was set aside at each service, as it last answered.
CREATE TABLE source_backlogs (
    org_id uuid NOT NULL,
    service text NOT NULL,
    pending bigint NOT NULL,
    oldest_waits_ms bigint NOT NULL,
    failed bigint NOT NULL,
    PRIMARY KEY (org_id, service)
);

-- The services themselves; no tenant's data.
CREATE TABLE sources (
    service text PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    unanswered int NOT NULL DEFAULT 0,
    auto boolean NOT NULL DEFAULT true,
    problem text
);

-- When a table of a service was last compared, for all organisations.
CREATE TABLE compared_tables (
    service text NOT NULL,
    entity_type text NOT NULL,
    checked_at timestamptz NOT NULL,
    took_ms bigint NOT NULL,
    PRIMARY KEY (service, entity_type)
);

CREATE TABLE sync_health (
    org_id uuid PRIMARY KEY,
    level text NOT NULL DEFAULT 'normal' CHECK (level IN ('normal', 'warning', 'critical')),
    since timestamptz NOT NULL DEFAULT now(),
    better_samples int NOT NULL DEFAULT 0,
    worst_of_better text CHECK (worst_of_better IN ('normal', 'warning', 'critical')),
    reasons jsonb NOT NULL DEFAULT '[]',
    checked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sync_alerts (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    level_from text NOT NULL,
    level_to text NOT NULL,
    reasons jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE resyncs (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    took_ms bigint NOT NULL,
    preview boolean NOT NULL,
    request jsonb NOT NULL,
    result jsonb NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- Rows without an organisation are the platform's.
CREATE TABLE system_metrics (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    org_id uuid,
    metric_type text NOT NULL CHECK (metric_type IN ('sync_health', 'data_consistency', 'throughput', 'latency', 'errors')),
    metric_name text NOT NULL,
    value double precision NOT NULL,
    unit text NOT NULL,
    status text NOT NULL CHECK (status IN ('normal', 'warning', 'critical')),
    metadata jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL
) PARTITION BY RANGE (recorded_at);

CREATE INDEX system_metrics_org ON system_metrics (org_id, recorded_at DESC, id DESC);
SELECT ops_partition_table('system_metrics');

-- Notes that a marker came out of a shard's queue.
CREATE TABLE feed_markers (
    id uuid NOT NULL,
    shard int NOT NULL,
    passed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, shard)
);

ALTER TABLE feed_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_rows FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_applied ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_applied FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_holes ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_holes FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_activity FORCE ROW LEVEL SECURITY;
ALTER TABLE consistency ENABLE ROW LEVEL SECURITY;
ALTER TABLE consistency FORCE ROW LEVEL SECURITY;
ALTER TABLE mismatches ENABLE ROW LEVEL SECURITY;
ALTER TABLE mismatches FORCE ROW LEVEL SECURITY;
ALTER TABLE source_backlogs ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_backlogs FORCE ROW LEVEL SECURITY;
ALTER TABLE sync_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_health FORCE ROW LEVEL SECURITY;
ALTER TABLE sync_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_alerts FORCE ROW LEVEL SECURITY;
ALTER TABLE resyncs ENABLE ROW LEVEL SECURITY;
ALTER TABLE resyncs FORCE ROW LEVEL SECURITY;
ALTER TABLE system_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE system_metrics FORCE ROW LEVEL SECURITY;

-- The application reads its organisation's rows and changes the level, the alerts and the resyncs of its own; the checks work for
-- all organisations in the relay's role.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['feed_rows', 'feed_applied', 'feed_counts', 'feed_holes', 'feed_activity', 'consistency', 'mismatches',
        'source_backlogs', 'sync_health', 'sync_alerts', 'resyncs', 'system_metrics']
    LOOP
        EXECUTE format('CREATE POLICY own ON %I FOR SELECT TO sync_app USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY every ON %I FOR SELECT TO sync_relay USING (true)', t);
        EXECUTE format('CREATE POLICY upkeep ON %I TO sync_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO sync_app, sync_relay', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['sync_health', 'sync_alerts', 'resyncs'] LOOP
        EXECUTE format('CREATE POLICY add_own ON %I FOR INSERT TO sync_app WITH CHECK (org_id = current_org())', t);
        EXECUTE format('GRANT INSERT ON %I TO sync_app', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['feed_activity', 'consistency', 'mismatches', 'source_backlogs', 'sync_health', 'system_metrics'] LOOP
        EXECUTE format('CREATE POLICY write_every ON %I TO sync_relay USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO sync_relay', t);
    END LOOP;
END $$;

CREATE POLICY change_own ON sync_health FOR UPDATE TO sync_app USING (org_id = current_org()) WITH CHECK (org_id = current_org());
GRANT UPDATE ON sync_health TO sync_app;
GRANT SELECT ON sources, compared_tables TO sync_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sources, compared_tables, feed_markers TO sync_relay;

-- Applies at most p_limit entries of one organisation and answers the position reached. Replicas wait for each other; a row takes
-- only a newer version, as every reader of the feed does, or a new life after its deletion.
CREATE FUNCTION apply_feed(p_org uuid, p_limit integer)
RETURNS TABLE (applied bigint, head bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_from bigint;
    v_to bigint;
    v_head bigint;
    v_earliest bigint;
    v_found bigint;
BEGIN
    INSERT INTO feed_applied (org_id) VALUES (p_org) ON CONFLICT DO NOTHING;
    SELECT a.position INTO v_from FROM feed_applied a WHERE a.org_id = p_org FOR UPDATE;
    SELECT h.position, h.earliest INTO v_head, v_earliest FROM feed_heads h WHERE h.org_id = p_org;
    v_head := coalesce(v_head, 0);
    IF v_head <= v_from THEN
        RETURN QUERY SELECT v_from, v_head;
        RETURN;
    END IF;
    v_from := greatest(v_from, v_earliest - 1);
    v_to := least(v_head, v_from + p_limit);

    WITH taken AS MATERIALIZED (
        SELECT f.service, f.entity_type, f.entity_id, f.seq, f.row_version, f.operation, f.captured_at
        FROM feed f WHERE f.org_id = p_org AND f.position > v_from AND f.position <= v_to
    ), latest AS (
        -- An entity's changes are made one after the other, so the highest seq is how it stands.
        SELECT DISTINCT ON (t.service, t.entity_type, t.entity_id) t.*
        FROM taken t ORDER BY t.service, t.entity_type, t.entity_id, t.seq DESC
    ), applied AS (
        INSERT INTO feed_rows AS r (service, entity_type, org_id, entity_id, row_version, seq, deleted_at)
        SELECT l.service, l.entity_type, p_org, l.entity_id, l.row_version, l.seq, CASE l.operation WHEN 'delete' THEN now() END FROM latest l
        ON CONFLICT (service, entity_type, org_id, entity_id) DO UPDATE
            SET row_version = excluded.row_version, seq = excluded.seq, deleted_at = excluded.deleted_at
            WHERE excluded.row_version > r.row_version OR (r.deleted_at IS NOT NULL AND excluded.deleted_at IS NULL AND excluded.seq > r.seq)
    ), counted AS (
        INSERT INTO feed_counts AS c (org_id, service, week, entries, captured_at_last)
        SELECT p_org, t.service, date_trunc('week', t.captured_at AT TIME ZONE 'UTC')::date, count(*), max(t.captured_at)
        FROM taken t GROUP BY 2, 3
        ON CONFLICT (org_id, service, week) DO UPDATE
            SET entries = c.entries + excluded.entries, captured_at_last = greatest(c.captured_at_last, excluded.captured_at_last)
    )
    SELECT count(*) INTO v_found FROM taken;

    IF v_found < v_to - v_from THEN
        -- Retention may have passed by in between; what it dropped is no hole.
        INSERT INTO feed_holes (org_id, position)
        SELECT p_org, p FROM generate_series(v_from + 1, v_to) p
        WHERE NOT EXISTS (SELECT FROM feed f WHERE f.org_id = p_org AND f.position = p)
            AND p >= (SELECT h.earliest FROM feed_heads h WHERE h.org_id = p_org)
        ON CONFLICT DO NOTHING;
    END IF;
    UPDATE feed_applied a SET position = v_to WHERE a.org_id = p_org;
    RETURN QUERY SELECT v_to, v_head;
END $$;

REVOKE ALL ON FUNCTION apply_feed(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION apply_feed(uuid, integer) TO sync_relay;

-- What could still bring a deleted row back is looked for before it is forgotten.
CREATE POLICY upkeep ON parked_messages FOR SELECT TO sync_owner USING (true);

-- Drops a week of the feed and raises each organisation's earliest position past it.
CREATE FUNCTION drop_feed_week(p_week text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '200ms'
AS $$
BEGIN
    -- As append_changes does, heads before feed: the other order could deadlock with it. Readers are not held up here.
    LOCK TABLE feed_heads IN EXCLUSIVE MODE;
    IF to_regclass(p_week) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE feed_heads h SET earliest = greatest(h.earliest, gone.position + 1)
         FROM (SELECT o.org_id, (SELECT max(p.position) FROM %I p WHERE p.org_id = o.org_id) AS position FROM feed_heads o) gone
         WHERE gone.org_id = h.org_id AND gone.position IS NOT NULL', p_week);
    RETURN ops_drop_week(p_week);
END $$;

-- The same for old entries in the default partition, at most so many.
CREATE FUNCTION forget_stray_entries(p_before timestamptz, p_at_most integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '200ms'
AS $$
DECLARE
    v_gone integer;
BEGIN
    LOCK TABLE feed_heads IN EXCLUSIVE MODE;
    WITH gone AS (
        DELETE FROM feed_default WHERE ctid = ANY (ARRAY(SELECT ctid FROM feed_default WHERE captured_at < p_before LIMIT p_at_most))
        RETURNING org_id, position
    ), raised AS (
        UPDATE feed_heads h SET earliest = greatest(h.earliest, g.position + 1)
        FROM (SELECT gone.org_id, max(gone.position) AS position FROM gone GROUP BY gone.org_id) g
        WHERE h.org_id = g.org_id
    )
    SELECT count(*) INTO v_gone FROM gone;
    RETURN v_gone;
END $$;

REVOKE ALL ON FUNCTION drop_feed_week(text), forget_stray_entries(timestamptz, integer) FROM PUBLIC;
