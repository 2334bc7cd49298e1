-- Rebuilds: everything counted anew from what the owners export, beside what is shown, then compared and shown instead.

CREATE TABLE rebuilds (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  generation int NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed')),
  step text NOT NULL CHECK (step IN ('settings', 'orders', 'consumption', 'settling', 'comparing', 'done')),
  -- Where the next page of the step begins; null for the first.
  cursor text,
  orders_done bigint NOT NULL DEFAULT 0,
  orders_total bigint,
  consumption_done bigint NOT NULL DEFAULT 0,
  consumption_total bigint,
  is_equal boolean,
  requested_by text,
  requested_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  error text,
  -- Who works on it, and until when nobody else may.
  claimed_by uuid,
  claimed_until timestamptz,
  -- Its left-overs are gone: the generation before it, or its own when it failed.
  is_cleaned boolean NOT NULL DEFAULT false,
  row_version bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL))
);
SELECT ops_tenant_table('rebuilds');
CREATE UNIQUE INDEX rebuilds_one_at_a_time ON rebuilds (org_id) WHERE state IN ('waiting', 'running');
CREATE INDEX rebuilds_to_do ON rebuilds (claimed_until) WHERE NOT is_cleaned;
CREATE INDEX rebuilds_by_time ON rebuilds (org_id, requested_at DESC, id DESC);
SELECT ops_track_table('rebuilds', entity => 'rebuild', event_prefix => 'rebuild', category => 'analytics',
  exclude => ARRAY['cursor', 'claimed_by', 'claimed_until', 'is_cleaned']);

CREATE TABLE rebuild_comparisons (
  org_id uuid NOT NULL DEFAULT current_org(),
  rebuild_id uuid NOT NULL,
  position int NOT NULL,
  name text NOT NULL,
  incremental_rows bigint NOT NULL,
  rebuilt_rows bigint NOT NULL,
  incremental_sums jsonb NOT NULL,
  rebuilt_sums jsonb NOT NULL,
  incremental_hash text NOT NULL,
  rebuilt_hash text NOT NULL,
  differing_rows bigint NOT NULL,
  -- The first of them by key, with both rows.
  differences jsonb NOT NULL,
  PRIMARY KEY (org_id, rebuild_id, position),
  FOREIGN KEY (org_id, rebuild_id) REFERENCES rebuilds (org_id, id)
);
SELECT ops_tenant_table('rebuild_comparisons');

-- The only thing the service learns without acting for an organisation: which rebuilds nobody works on.
CREATE POLICY owner_reads_all ON rebuilds FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION unclaimed_rebuilds(at_time timestamptz, at_most int) RETURNS TABLE (org_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT r.org_id, r.id FROM rebuilds r WHERE NOT r.is_cleaned AND (r.claimed_until IS NULL OR r.claimed_until < at_time)
  ORDER BY r.requested_at LIMIT at_most
$$;
REVOKE ALL ON FUNCTION unclaimed_rebuilds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unclaimed_rebuilds TO {{service}}_app;

-- How many orders the new generation knows more of than the old one: read from an export before their message came.
CREATE FUNCTION facts_ahead(old int, new int) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT (SELECT count(*) FROM order_facts n LEFT JOIN order_facts o
            ON o.org_id = current_org() AND o.generation = old AND o.order_id = n.order_id
          WHERE n.org_id = current_org() AND n.generation = new AND o.state IS DISTINCT FROM n.state)
       + (SELECT count(*) FROM consumption_facts n LEFT JOIN consumption_facts o
            ON o.org_id = current_org() AND o.generation = old AND o.order_id = n.order_id
          WHERE n.org_id = current_org() AND n.generation = new AND o.is_restored IS DISTINCT FROM n.is_restored)
$$;

-- Lays two generations beside each other. A hash is the sum of its rows' hashes, so their order does not matter.
CREATE FUNCTION compare_generations(rebuild uuid, old int, new int, at_most int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  t record;
  rows text;
  sums text;
BEGIN
  DELETE FROM rebuild_comparisons WHERE org_id = current_org() AND rebuild_id = rebuild;
  FOR t IN SELECT * FROM (VALUES
    (1, 'orders', 'order_facts', '{order_id}'::text[], '{state,day}'::text[], '{}'::text[]),
    (2, 'consumption', 'consumption_facts', '{order_id}', '{is_restored,day}', '{}'),
    (3, 'orders_by_day', 'orders_by_day', '{day}', '{}', '{confirmed,rejected,cancelled}'),
    (4, 'sales_by_day', 'sales_by_day', '{day,currency}', '{}', '{tickets,revenue_minor}'),
    (5, 'sales_by_hour', 'sales_by_hour', '{day,hour,currency}', '{}', '{tickets,revenue_minor}'),
    (6, 'sales_by_item', 'sales_by_item', '{day,menu_item_id,currency}', '{}', '{tickets,quantity,revenue_minor}'),
    (7, 'sales_by_category', 'sales_by_category', '{day,category,currency}', '{}', '{tickets,quantity,revenue_minor}'),
    (8, 'sales_by_tax_class', 'sales_by_tax_class', '{day,tax_class,currency}', '{}', '{tickets,revenue_minor}'),
    (9, 'pairs_by_day', 'pairs_by_day', '{day,first_item_id,second_item_id}', '{}', '{tickets}'),
    (10, 'customer_totals', 'customer_totals', '{customer_id,currency}', '{first_at,last_at}', '{tickets,revenue_minor}'),
    (11, 'consumption_by_day', 'consumption_by_day', '{day,ingredient_id,unit}', '{}', '{orders,consumed,restored,cost_minor}')
  ) AS tables(position, name, source, keys, others, numbers) ORDER BY position
  LOOP
    SELECT format('SELECT jsonb_build_object(%s) AS key, jsonb_build_object(%s) AS value FROM %I WHERE org_id = current_org() AND generation = ',
      (SELECT string_agg(format('%L, %I', k, k), ', ') FROM unnest(t.keys) AS k),
      (SELECT string_agg(format('%L, %I', v, v), ', ') FROM unnest(t.others || t.numbers) AS v), t.source) INTO rows;
    SELECT coalesce(string_agg(format('%L, coalesce(sum((value ->> %L)::numeric), 0)', n, n), ', '), '') INTO sums FROM unnest(t.numbers) AS n;
    EXECUTE format($sql$
      WITH incremental AS MATERIALIZED (%1$s %2$s), rebuilt AS MATERIALIZED (%1$s %3$s),
      differing AS MATERIALIZED (
        SELECT key, i.value AS incremental, r.value AS rebuilt FROM incremental i FULL JOIN rebuilt r USING (key) WHERE i.value IS DISTINCT FROM r.value)
      INSERT INTO rebuild_comparisons (rebuild_id, position, name, incremental_rows, rebuilt_rows, incremental_sums, rebuilt_sums,
        incremental_hash, rebuilt_hash, differing_rows, differences)
      SELECT $1, $2, $3, i.rows, r.rows, i.sums, r.sums, i.hash, r.hash, (SELECT count(*) FROM differing),
        (SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.key), '[]') FROM (SELECT * FROM differing ORDER BY key LIMIT $4) AS d)
      FROM (SELECT count(*) AS rows, jsonb_build_object(%4$s) AS sums,
              coalesce(sum(hashtextextended(key::text || value::text, 0)::numeric), 0)::text AS hash FROM incremental) AS i,
           (SELECT count(*) AS rows, jsonb_build_object(%4$s) AS sums,
              coalesce(sum(hashtextextended(key::text || value::text, 0)::numeric), 0)::text AS hash FROM rebuilt) AS r
      $sql$, rows, old, new, sums) USING rebuild, t.position, t.name, at_most;
  END LOOP;
  RETURN NOT EXISTS (SELECT FROM rebuild_comparisons WHERE org_id = current_org() AND rebuild_id = rebuild
    AND (differing_rows > 0 OR incremental_rows <> rebuilt_rows OR incremental_hash <> rebuilt_hash));
END $$;

-- Removes what is neither shown nor being built. Nobody writes there any more: whoever applied facts to it held the organisation.
CREATE FUNCTION forget_old_generations() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  gen int;
BEGIN
  FOR gen IN SELECT g FROM organisations o, generate_series(1, o.last_generation) AS g
    WHERE o.org_id = current_org() AND g <> o.live_generation AND g IS DISTINCT FROM o.building_generation
  LOOP
    PERFORM forget_totals(gen);
    DELETE FROM order_fact_lines WHERE org_id = current_org() AND generation = gen;
    DELETE FROM order_facts WHERE org_id = current_org() AND generation = gen;
    DELETE FROM consumption_fact_items WHERE org_id = current_org() AND generation = gen;
    DELETE FROM consumption_facts WHERE org_id = current_org() AND generation = gen;
  END LOOP;
END $$;
