-- The two ways in. Each holds the organisation, and applies what it is told to the generation shown and to the one being built;
-- what a rebuild reads from the owners goes into the latter alone.

CREATE FUNCTION hear_orders(
  building_only boolean,
  ids uuid[], states text[], times timestamptz[], customers uuid[], currencies text[], totals bigint[],
  line_orders uuid[], line_nos int[], line_items uuid[], line_names text[], line_categories text[], line_quantities int[],
  line_totals bigint[], line_tax_classes text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  held organisations := hold_organisation();
  gen int;
BEGIN
  FOREACH gen IN ARRAY array_remove(ARRAY[CASE WHEN NOT building_only THEN held.live_generation END, held.building_generation], NULL) LOOP
    PERFORM apply_orders(
      gen, held.counting_zone, held.day_starts_at, ids, states, times, customers, currencies, totals,
      line_orders, line_nos, line_items, line_categories, line_quantities, line_totals, line_tax_classes);
  END LOOP;
  -- Written only when another name is told, not at every sale.
  INSERT INTO item_names AS known (menu_item_id, name, category, told_at)
  SELECT DISTINCT ON (l.menu_item_id) l.menu_item_id, l.name, l.category, o.occurred_at
  FROM unnest(line_orders, line_items, line_names, line_categories) AS l(order_id, menu_item_id, name, category)
  JOIN unnest(ids, times) AS o(order_id, occurred_at) USING (order_id)
  WHERE o.occurred_at IS NOT NULL
  ORDER BY l.menu_item_id, o.occurred_at DESC
  ON CONFLICT (org_id, menu_item_id) DO UPDATE SET name = excluded.name, category = excluded.category, told_at = excluded.told_at
  WHERE known.told_at <= excluded.told_at AND (known.name, known.category) <> (excluded.name, excluded.category);
END $$;

CREATE FUNCTION hear_consumption(
  building_only boolean, ids uuid[], restored boolean[], times timestamptz[],
  item_orders uuid[], item_ingredients uuid[], item_units text[], item_names text[], item_quantities numeric[], item_costs numeric[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  held organisations := hold_organisation();
  gen int;
BEGIN
  FOREACH gen IN ARRAY array_remove(ARRAY[CASE WHEN NOT building_only THEN held.live_generation END, held.building_generation], NULL) LOOP
    PERFORM apply_consumption(
      gen, held.counting_zone, held.day_starts_at, ids, restored, times,
      item_orders, item_ingredients, item_units, item_quantities, item_costs);
  END LOOP;
  INSERT INTO ingredient_names AS known (ingredient_id, name, told_at)
  SELECT DISTINCT ON (i.ingredient_id) i.ingredient_id, i.name, o.occurred_at
  FROM unnest(item_orders, item_ingredients, item_names) AS i(order_id, ingredient_id, name)
  JOIN unnest(ids, times) AS o(order_id, occurred_at) USING (order_id)
  WHERE i.name IS NOT NULL
  ORDER BY i.ingredient_id, o.occurred_at DESC
  ON CONFLICT (org_id, ingredient_id) DO UPDATE SET name = excluded.name, told_at = excluded.told_at
  WHERE known.told_at <= excluded.told_at AND known.name <> excluded.name;
END $$;

-- Tax of a business day, per class: revenue is what menu prices add up to. Where prices include tax, tax = revenue * p / (100 + p);
-- where they do not, tax = revenue * p / 100, on top. Rounded once per day, class and currency, half away from zero. The rates are
-- the latest valid on the day; without any, and for classes zero and none, p is 0.
CREATE VIEW taxes_by_day WITH (security_invoker = true) AS
SELECT c.org_id, c.generation, c.day, c.tax_class, c.currency, c.revenue_minor, p.percent, t.tax_minor,
  CASE WHEN r.prices_include_tax IS FALSE THEN c.revenue_minor ELSE c.revenue_minor - t.tax_minor END AS net_minor,
  CASE WHEN r.prices_include_tax IS FALSE THEN c.revenue_minor + t.tax_minor ELSE c.revenue_minor END AS gross_minor
FROM sales_by_tax_class c
LEFT JOIN LATERAL (SELECT * FROM tax_rates x WHERE x.org_id = c.org_id AND x.valid_from <= c.day ORDER BY x.valid_from DESC LIMIT 1) AS r ON true
CROSS JOIN LATERAL (
  SELECT coalesce(CASE c.tax_class WHEN 'standard' THEN r.standard_percent WHEN 'reduced' THEN r.reduced_percent END, 0) AS percent) AS p
CROSS JOIN LATERAL (
  SELECT round(c.revenue_minor * p.percent / CASE WHEN r.prices_include_tax IS FALSE THEN 100 ELSE 100 + p.percent END) AS tax_minor) AS t;
GRANT SELECT ON taxes_by_day TO {{service}}_app;
