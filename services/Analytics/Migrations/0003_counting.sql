-- How facts become totals. Always the same three steps: take out what the touched facts counted, change them, count them anew.

-- The facts of these orders, each looked up by its key whatever the planner believes of the tables: a plan made while they were
-- small would read all of an organisation for every batch.
CREATE FUNCTION facts_of(gen int, ids uuid[]) RETURNS SETOF order_facts LANGUAGE sql STABLE AS $$
  SELECT fact.* FROM unnest(ids) AS told(id)
  CROSS JOIN LATERAL (SELECT * FROM order_facts f WHERE f.org_id = current_org() AND f.generation = gen AND f.order_id = told.id OFFSET 0) AS fact
$$;

-- Adds (sign 1) or takes out (sign -1) what these orders' facts count.
CREATE FUNCTION count_orders(gen int, ids uuid[], sign int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH facts AS MATERIALIZED (
    SELECT * FROM facts_of(gen, ids) WHERE day IS NOT NULL
  ), sales AS MATERIALIZED (
    SELECT * FROM facts WHERE state = 'confirmed'
  ), lines AS MATERIALIZED (
    SELECT s.day, s.currency, line.* FROM sales s
    CROSS JOIN LATERAL (SELECT * FROM order_fact_lines l WHERE l.org_id = current_org() AND l.generation = gen AND l.order_id = s.order_id OFFSET 0) AS line
  ), by_state AS (
    INSERT INTO orders_by_day AS t (generation, day, confirmed, rejected, cancelled)
    SELECT gen, day, sign * count(*) FILTER (WHERE state = 'confirmed'),
      sign * count(*) FILTER (WHERE state = 'rejected'), sign * count(*) FILTER (WHERE state = 'cancelled')
    FROM facts GROUP BY day
    ON CONFLICT (org_id, generation, day) DO UPDATE SET
      confirmed = t.confirmed + excluded.confirmed, rejected = t.rejected + excluded.rejected, cancelled = t.cancelled + excluded.cancelled
  ), by_hour AS (
    INSERT INTO sales_by_hour AS t (generation, day, hour, currency, tickets, revenue_minor)
    SELECT gen, day, hour, currency, sign * count(*), sign * sum(total_minor) FROM sales GROUP BY day, hour, currency
    ON CONFLICT (org_id, generation, day, hour, currency) DO UPDATE SET
      tickets = t.tickets + excluded.tickets, revenue_minor = t.revenue_minor + excluded.revenue_minor
  ), by_day AS (
    INSERT INTO sales_by_day AS t (generation, day, currency, tickets, revenue_minor)
    SELECT gen, day, currency, sign * count(*), sign * sum(total_minor) FROM sales GROUP BY day, currency
    ON CONFLICT (org_id, generation, day, currency) DO UPDATE SET
      tickets = t.tickets + excluded.tickets, revenue_minor = t.revenue_minor + excluded.revenue_minor
  ), by_item AS (
    INSERT INTO sales_by_item AS t (generation, day, menu_item_id, currency, tickets, quantity, revenue_minor)
    SELECT gen, day, menu_item_id, currency, sign * count(DISTINCT order_id), sign * sum(quantity), sign * sum(total_minor)
    FROM lines GROUP BY day, menu_item_id, currency
    ON CONFLICT (org_id, generation, day, menu_item_id, currency) DO UPDATE SET
      tickets = t.tickets + excluded.tickets, quantity = t.quantity + excluded.quantity, revenue_minor = t.revenue_minor + excluded.revenue_minor
  ), by_category AS (
    INSERT INTO sales_by_category AS t (generation, day, category, currency, tickets, quantity, revenue_minor)
    SELECT gen, day, category, currency, sign * count(DISTINCT order_id), sign * sum(quantity), sign * sum(total_minor)
    FROM lines GROUP BY day, category, currency
    ON CONFLICT (org_id, generation, day, category, currency) DO UPDATE SET
      tickets = t.tickets + excluded.tickets, quantity = t.quantity + excluded.quantity, revenue_minor = t.revenue_minor + excluded.revenue_minor
  ), by_tax_class AS (
    INSERT INTO sales_by_tax_class AS t (generation, day, tax_class, currency, tickets, revenue_minor)
    SELECT gen, day, tax_class, currency, sign * count(DISTINCT order_id), sign * sum(total_minor) FROM lines GROUP BY day, tax_class, currency
    ON CONFLICT (org_id, generation, day, tax_class, currency) DO UPDATE SET
      tickets = t.tickets + excluded.tickets, revenue_minor = t.revenue_minor + excluded.revenue_minor
  ), pairs AS (
    -- An order of more than 20 items makes hundreds of pairs and says little about what goes together.
    INSERT INTO pairs_by_day AS t (generation, day, first_item_id, second_item_id, tickets)
    SELECT gen, s.day, pair.first_id, pair.second_id, sign * count(*)
    FROM sales s CROSS JOIN LATERAL (
      SELECT DISTINCT a.menu_item_id AS first_id, b.menu_item_id AS second_id
      FROM order_fact_lines a JOIN order_fact_lines b ON b.menu_item_id > a.menu_item_id
      WHERE a.org_id = current_org() AND a.generation = gen AND a.order_id = s.order_id
        AND b.org_id = current_org() AND b.generation = gen AND b.order_id = s.order_id
        AND NOT EXISTS (
          SELECT FROM order_fact_lines many WHERE many.org_id = current_org() AND many.generation = gen AND many.order_id = s.order_id AND many.line_no > 20)
      OFFSET 0) AS pair
    GROUP BY s.day, pair.first_id, pair.second_id
    ON CONFLICT (org_id, generation, day, first_item_id, second_item_id) DO UPDATE SET tickets = t.tickets + excluded.tickets
  )
  INSERT INTO customer_totals AS t (generation, customer_id, currency, tickets, revenue_minor, first_at, last_at)
  SELECT gen, customer_id, currency, sign * count(*), sign * sum(total_minor), min(occurred_at), max(occurred_at)
  FROM sales WHERE customer_id IS NOT NULL GROUP BY customer_id, currency
  ON CONFLICT (org_id, generation, customer_id, currency) DO UPDATE SET
    tickets = t.tickets + excluded.tickets, revenue_minor = t.revenue_minor + excluded.revenue_minor,
    first_at = least(t.first_at, excluded.first_at), last_at = greatest(t.last_at, excluded.last_at);

  IF sign < 0 THEN
    PERFORM forget_empty_totals(gen, ids);
  END IF;
END $$;

-- After a taking out: rows that count nothing go, and customers' first and last sale are looked up among the rest.
CREATE FUNCTION forget_empty_totals(gen int, ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  days date[] := (SELECT array_agg(DISTINCT day) FROM facts_of(gen, ids));
  customers uuid[] := (SELECT array_agg(DISTINCT customer_id) FROM facts_of(gen, ids) WHERE customer_id IS NOT NULL);
BEGIN
  DELETE FROM orders_by_day WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND confirmed = 0 AND rejected = 0 AND cancelled = 0;
  DELETE FROM sales_by_day WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM sales_by_hour WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM sales_by_item WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM sales_by_category WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM sales_by_tax_class WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM pairs_by_day WHERE org_id = current_org() AND generation = gen AND day = ANY(days) AND tickets = 0;
  DELETE FROM customer_totals t
  WHERE t.org_id = current_org() AND t.generation = gen AND t.tickets = 0 AND t.customer_id = ANY(customers);
  UPDATE customer_totals t SET first_at = rest.first_at, last_at = rest.last_at
  FROM (SELECT DISTINCT customer_id, currency FROM facts_of(gen, ids) WHERE customer_id IS NOT NULL) AS touched,
    LATERAL (SELECT min(o.occurred_at) AS first_at, max(o.occurred_at) AS last_at FROM order_facts o
      WHERE o.org_id = current_org() AND o.generation = gen AND o.state = 'confirmed' AND o.customer_id = touched.customer_id
        AND o.currency = touched.currency AND o.order_id <> ALL(ids)) AS rest
  WHERE t.org_id = current_org() AND t.generation = gen AND t.customer_id = touched.customer_id AND t.currency = touched.currency
    AND rest.first_at IS NOT NULL;
END $$;

-- Cancelled beats rejected beats confirmed: facts may come in any order and more than once.
CREATE FUNCTION order_rank(state text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE state WHEN 'cancelled' THEN 3 WHEN 'rejected' THEN 2 ELSE 1 END
$$;

-- Applies facts about orders, each order at most once in a call; lines are given flat, with their order's id.
-- Returns how many orders were news.
CREATE FUNCTION apply_orders(
  gen int, zone text, starts time,
  ids uuid[], states text[], times timestamptz[], customers uuid[], currencies text[], totals bigint[],
  line_orders uuid[], line_nos int[], line_items uuid[], line_categories text[], line_quantities int[], line_totals bigint[], line_tax_classes text[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  news uuid[];
  known uuid[];
BEGIN
  SELECT array_agg(told.id), array_agg(told.id) FILTER (WHERE f.order_id IS NOT NULL) INTO news, known
  FROM unnest(ids, states, times) AS told(id, state, occurred_at)
  LEFT JOIN LATERAL facts_of(gen, ARRAY[told.id]) AS f ON true
  WHERE f.order_id IS NULL OR order_rank(told.state) > order_rank(f.state)
    OR (f.occurred_at IS NULL AND told.occurred_at IS NOT NULL);
  IF news IS NULL THEN
    RETURN 0;
  END IF;
  IF known IS NOT NULL THEN
    PERFORM count_orders(gen, known, -1);
  END IF;

  INSERT INTO order_facts AS f (generation, order_id, state, occurred_at, day, hour, customer_id, currency, total_minor)
  SELECT gen, id, state, occurred_at, business_day(occurred_at, zone, starts), date_trunc('hour', occurred_at, zone), customer_id, currency, total_minor
  FROM unnest(ids, states, times, customers, currencies, totals) AS told(id, state, occurred_at, customer_id, currency, total_minor)
  WHERE id = ANY(news)
  ON CONFLICT (org_id, generation, order_id) DO UPDATE SET
    state = CASE WHEN order_rank(excluded.state) > order_rank(f.state) THEN excluded.state ELSE f.state END,
    occurred_at = coalesce(f.occurred_at, excluded.occurred_at), day = coalesce(f.day, excluded.day), hour = coalesce(f.hour, excluded.hour);

  -- Only a sale's lines are counted, and it has them from the first time it is told.
  INSERT INTO order_fact_lines (generation, order_id, line_no, menu_item_id, category, quantity, total_minor, tax_class)
  SELECT gen, l.* FROM unnest(line_orders, line_nos, line_items, line_categories, line_quantities, line_totals, line_tax_classes)
    AS l(order_id, line_no, menu_item_id, category, quantity, total_minor, tax_class)
  WHERE l.order_id = ANY(news)
  ON CONFLICT DO NOTHING;

  PERFORM count_orders(gen, news, 1);
  RETURN cardinality(news);
END $$;

-- As facts_of, for what orders consumed.
CREATE FUNCTION consumption_of(gen int, ids uuid[]) RETURNS SETOF consumption_facts LANGUAGE sql STABLE AS $$
  SELECT fact.* FROM unnest(ids) AS told(id)
  CROSS JOIN LATERAL (SELECT * FROM consumption_facts f WHERE f.org_id = current_org() AND f.generation = gen AND f.order_id = told.id OFFSET 0) AS fact
$$;

CREATE FUNCTION count_consumption(gen int, ids uuid[], sign int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO consumption_by_day AS t (generation, day, ingredient_id, unit, orders, consumed, restored, cost_minor)
  SELECT gen, f.day, i.ingredient_id, i.unit, sign * count(*), sign * sum(i.quantity),
    sign * coalesce(sum(i.quantity) FILTER (WHERE f.is_restored), 0),
    sign * coalesce(sum(i.quantity * i.unit_cost_minor) FILTER (WHERE NOT f.is_restored), 0)
  FROM consumption_of(gen, ids) f
  CROSS JOIN LATERAL (
    SELECT * FROM consumption_fact_items x WHERE x.org_id = current_org() AND x.generation = gen AND x.order_id = f.order_id OFFSET 0) AS i
  GROUP BY f.day, i.ingredient_id, i.unit
  ON CONFLICT (org_id, generation, day, ingredient_id, unit) DO UPDATE SET
    orders = t.orders + excluded.orders, consumed = t.consumed + excluded.consumed, restored = t.restored + excluded.restored,
    cost_minor = t.cost_minor + excluded.cost_minor;
  IF sign < 0 THEN
    DELETE FROM consumption_by_day t
    WHERE t.org_id = current_org() AND t.generation = gen AND t.orders = 0
      AND t.day = ANY((SELECT array_agg(DISTINCT f.day) FROM consumption_of(gen, ids) f)::date[]);
  END IF;
END $$;

-- Applies facts about what orders consumed, each order at most once in a call; given back beats consumed.
CREATE FUNCTION apply_consumption(
  gen int, zone text, starts time,
  ids uuid[], restored boolean[], times timestamptz[],
  item_orders uuid[], item_ingredients uuid[], item_units text[], item_quantities numeric[], item_costs numeric[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  news uuid[];
  known uuid[];
BEGIN
  SELECT array_agg(told.id), array_agg(told.id) FILTER (WHERE f.order_id IS NOT NULL) INTO news, known
  FROM unnest(ids, restored) AS told(id, is_restored)
  LEFT JOIN LATERAL consumption_of(gen, ARRAY[told.id]) AS f ON true
  WHERE f.order_id IS NULL OR (told.is_restored AND NOT f.is_restored);
  IF news IS NULL THEN
    RETURN 0;
  END IF;
  IF known IS NOT NULL THEN
    PERFORM count_consumption(gen, known, -1);
  END IF;

  INSERT INTO consumption_facts AS f (generation, order_id, is_restored, occurred_at, day)
  SELECT gen, id, is_restored, occurred_at, business_day(occurred_at, zone, starts)
  FROM unnest(ids, restored, times) AS told(id, is_restored, occurred_at)
  WHERE id = ANY(news)
  ON CONFLICT (org_id, generation, order_id) DO UPDATE SET is_restored = true;

  INSERT INTO consumption_fact_items (generation, order_id, ingredient_id, unit, quantity, unit_cost_minor)
  SELECT gen, i.* FROM unnest(item_orders, item_ingredients, item_units, item_quantities, item_costs)
    AS i(order_id, ingredient_id, unit, quantity, unit_cost_minor)
  WHERE i.order_id = ANY(news)
  ON CONFLICT DO NOTHING;

  PERFORM count_consumption(gen, news, 1);
  RETURN cardinality(news);
END $$;

-- Takes over what the organisation says, unless something newer is known. When its day or zone is another, all it has is counted anew.
CREATE FUNCTION apply_settings(told_currency text, told_zone text, told_starts time, told_version bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  held organisations := hold_organisation();
  zone text := known_zone(told_zone);
  gen int;
BEGIN
  IF told_version <= held.version THEN
    RETURN false;
  END IF;
  UPDATE organisations SET currency = told_currency, time_zone = told_zone, counting_zone = zone, day_starts_at = told_starts, version = told_version
  WHERE org_id = current_org();
  IF zone <> held.counting_zone OR told_starts <> held.day_starts_at THEN
    FOREACH gen IN ARRAY array_remove(ARRAY[held.live_generation, held.building_generation], NULL) LOOP
      PERFORM count_anew(gen, zone, told_starts);
    END LOOP;
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION count_anew(gen int, zone text, starts time) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM forget_totals(gen);
  UPDATE order_facts SET day = business_day(occurred_at, zone, starts), hour = date_trunc('hour', occurred_at, zone)
  WHERE org_id = current_org() AND generation = gen AND occurred_at IS NOT NULL;
  UPDATE consumption_facts SET day = business_day(occurred_at, zone, starts) WHERE org_id = current_org() AND generation = gen;
  PERFORM count_orders(gen, (SELECT array_agg(order_id) FROM order_facts WHERE org_id = current_org() AND generation = gen), 1);
  PERFORM count_consumption(gen, (SELECT array_agg(order_id) FROM consumption_facts WHERE org_id = current_org() AND generation = gen), 1);
END $$;

CREATE FUNCTION forget_totals(gen int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM orders_by_day WHERE org_id = current_org() AND generation = gen;
  DELETE FROM sales_by_day WHERE org_id = current_org() AND generation = gen;
  DELETE FROM sales_by_hour WHERE org_id = current_org() AND generation = gen;
  DELETE FROM sales_by_item WHERE org_id = current_org() AND generation = gen;
  DELETE FROM sales_by_category WHERE org_id = current_org() AND generation = gen;
  DELETE FROM sales_by_tax_class WHERE org_id = current_org() AND generation = gen;
  DELETE FROM pairs_by_day WHERE org_id = current_org() AND generation = gen;
  DELETE FROM customer_totals WHERE org_id = current_org() AND generation = gen;
  DELETE FROM consumption_by_day WHERE org_id = current_org() AND generation = gen;
END $$;
