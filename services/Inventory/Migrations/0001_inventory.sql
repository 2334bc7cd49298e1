-- Ingredients and resale goods.

CREATE TABLE ingredients (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  category text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('ingredient', 'resale')),
  unit text NOT NULL,
  stock numeric(20,6) NOT NULL CHECK (stock >= 0),
  reorder_point numeric(20,6) NOT NULL CHECK (reorder_point >= 0),
  maximum_stock numeric(20,6) CHECK (maximum_stock >= 0),
  usage_rate numeric(20,6) NOT NULL CHECK (usage_rate >= 0),
  unit_cost_minor numeric(20,6) NOT NULL CHECK (unit_cost_minor >= 0),
  allergen text,
  row_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CONSTRAINT ingredients_code UNIQUE (org_id, code)
);

SELECT ops_tenant_table('ingredients');
SELECT ops_track_table('ingredients', entity => 'ingredient', event_prefix => 'inventory', category => 'stock');

-- Recipes. The lines are kept with the recipe, so that a change of lines alone is a captured change of the recipe.

CREATE TABLE recipes (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  yield_quantity numeric(20,6) NOT NULL CHECK (yield_quantity > 0),
  yield_unit text NOT NULL,
  lines jsonb NOT NULL,
  row_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CONSTRAINT recipes_code UNIQUE (org_id, code)
);

SELECT ops_tenant_table('recipes');
SELECT ops_track_table('recipes', entity => 'recipe', event_prefix => 'recipe', category => 'recipe');

-- An id once deleted stays taken: a creation repeated late must not bring its recipe back.
CREATE TABLE deleted_recipes (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  PRIMARY KEY (org_id, id)
);

SELECT ops_tenant_table('deleted_recipes');
REVOKE UPDATE, DELETE ON deleted_recipes FROM inventory_app;

-- The same lines as rows: they hold the foreign keys and the graph of nested recipes.
CREATE TABLE recipe_lines (
  org_id uuid NOT NULL DEFAULT current_org(),
  recipe_id uuid NOT NULL,
  position int NOT NULL,
  ingredient_id uuid,
  sub_recipe_id uuid,
  quantity numeric(26,6) NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (org_id, recipe_id, position),
  CHECK (num_nonnulls(ingredient_id, sub_recipe_id) = 1),
  FOREIGN KEY (org_id, recipe_id) REFERENCES recipes (org_id, id) ON DELETE CASCADE,
  CONSTRAINT recipe_lines_ingredient FOREIGN KEY (org_id, ingredient_id) REFERENCES ingredients (org_id, id),
  CONSTRAINT recipe_lines_sub_recipe FOREIGN KEY (org_id, sub_recipe_id) REFERENCES recipes (org_id, id)
);

CREATE INDEX recipe_lines_by_ingredient ON recipe_lines (org_id, ingredient_id) WHERE ingredient_id IS NOT NULL;
CREATE INDEX recipe_lines_by_sub_recipe ON recipe_lines (org_id, sub_recipe_id) WHERE sub_recipe_id IS NOT NULL;
SELECT ops_tenant_table('recipe_lines');

-- What one yield piece needs of each ingredient, nested recipes resolved, as an exact fraction of whole numbers.
CREATE TABLE recipe_leaves (
  org_id uuid NOT NULL DEFAULT current_org(),
  recipe_id uuid NOT NULL,
  ingredient_id uuid NOT NULL,
  numerator numeric NOT NULL CHECK (numerator > 0 AND scale(numerator) = 0),
  denominator numeric NOT NULL CHECK (denominator > 0 AND scale(denominator) = 0),
  PRIMARY KEY (org_id, recipe_id, ingredient_id),
  FOREIGN KEY (org_id, recipe_id) REFERENCES recipes (org_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, ingredient_id) REFERENCES ingredients (org_id, id)
);

CREATE INDEX recipe_leaves_by_ingredient ON recipe_leaves (org_id, ingredient_id);
SELECT ops_tenant_table('recipe_leaves');

-- Every movement of stock. It refers to the ingredient without a foreign key: the log outlives what it tells about.
CREATE TABLE stock_log (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  ingredient_id uuid NOT NULL,
  change_type text NOT NULL CHECK (change_type IN ('increase', 'decrease', 'adjustment', 'consumption')),
  quantity_before numeric(20,6) NOT NULL,
  quantity_after numeric(20,6) NOT NULL CHECK (quantity_after >= 0),
  quantity_changed numeric(20,6) NOT NULL,
  reason text,
  reference_type text NOT NULL CHECK (reference_type IN ('order', 'production', 'purchase', 'manual')),
  reference_id uuid,
  triggered_by text,
  metadata jsonb,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (quantity_after = quantity_before + quantity_changed)
);

CREATE INDEX stock_log_by_seq ON stock_log (org_id, seq);
CREATE INDEX stock_log_by_ingredient ON stock_log (org_id, ingredient_id, seq);
CREATE INDEX stock_log_by_reference ON stock_log (org_id, reference_id, seq) WHERE reference_id IS NOT NULL;
SELECT ops_tenant_table('stock_log');
REVOKE UPDATE, DELETE ON stock_log FROM inventory_app;

-- What was decided for each order: at most one consumption, at most one restoration.
CREATE TABLE stock_decisions (
  org_id uuid NOT NULL DEFAULT current_org(),
  order_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('consumed', 'refused', 'restored', 'cancelled')),
  consumed jsonb NOT NULL DEFAULT '[]',
  reasons jsonb NOT NULL DEFAULT '[]',
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, order_id)
);

SELECT ops_tenant_table('stock_decisions');
REVOKE DELETE ON stock_decisions FROM inventory_app;

-- The last availability told of each recipe. No foreign key: a deleted recipe is told as unavailable, and its versions go on if its id returns.
CREATE TABLE recipe_availability_sent (
  org_id uuid NOT NULL DEFAULT current_org(),
  recipe_id uuid NOT NULL,
  is_available boolean NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (org_id, recipe_id)
);

SELECT ops_tenant_table('recipe_availability_sent');
REVOKE DELETE ON recipe_availability_sent FROM inventory_app;

CREATE VIEW inventory_status WITH (security_invoker = true) AS
SELECT org_id, id AS ingredient_id, code, name, unit, stock, reorder_point, maximum_stock,
  CASE
    WHEN stock <= 0 THEN 'OUT_OF_STOCK'
    WHEN stock <= reorder_point THEN 'LOW_STOCK'
    WHEN stock > maximum_stock THEN 'OVERSTOCK'
    ELSE 'NORMAL'
  END AS status,
  round(stock * 100 / nullif(maximum_stock, 0), 2) AS stock_percentage,
  round(stock / nullif(usage_rate, 0), 2) AS days_remaining
FROM ingredients;

GRANT SELECT ON inventory_status TO inventory_app;

-- n/d rounded once to 6 decimals, half away from zero, for n >= 0: whole-number division loses nothing before the rounding.
CREATE FUNCTION round_quotient(n numeric, d numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT div(2000000 * n + d, 2 * d) * 0.000001 $$;

-- Whether each recipe can be made for a number of pieces. The most pieces possible is the greatest whole q
-- whose rounded demand fits: q*n/d < stock + 0.0000005, kept in whole numbers.
CREATE FUNCTION recipe_availability_for(pieces numeric)
RETURNS TABLE (org_id uuid, recipe_id uuid, code text, name text, is_available boolean, max_possible_quantity numeric, missing jsonb)
LANGUAGE sql STABLE AS $$
  SELECT r.org_id, r.id, r.code, r.name,
    bool_and(need.required <= i.stock),
    least(min(div((2000000 * i.stock + 1) * l.denominator - 1, 2000000 * l.numerator)), 1000000000000),
    coalesce(
      jsonb_agg(
        jsonb_build_object(
          'ingredientId', i.id, 'code', i.code, 'required', need.required, 'available', i.stock, 'shortage', need.required - i.stock)
        ORDER BY i.code) FILTER (WHERE need.required > i.stock),
      '[]')
  FROM recipes r
  JOIN recipe_leaves l ON l.org_id = r.org_id AND l.recipe_id = r.id
  JOIN ingredients i ON i.org_id = l.org_id AND i.id = l.ingredient_id
  CROSS JOIN LATERAL (
    -- What is more than there can be is told as the most a stock column holds.
    SELECT least(round_quotient(1000000 * pieces * l.numerator, 1000000 * l.denominator), 99999999999999.999999) AS required) need
  GROUP BY r.org_id, r.id
$$;

CREATE VIEW recipe_availability WITH (security_invoker = true) AS SELECT * FROM recipe_availability_for(1);

GRANT SELECT ON recipe_availability TO inventory_app;

-- The background sweep must know whom to act for; it learns ids only, and acts as each organisation in turn.
CREATE POLICY sweep ON recipe_availability_sent FOR SELECT TO inventory_owner USING (true);
CREATE POLICY sweep ON recipes FOR SELECT TO inventory_owner USING (true);

CREATE FUNCTION organisations_with_recipes() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT org_id FROM recipes UNION SELECT org_id FROM recipe_availability_sent WHERE is_available
$$;

REVOKE EXECUTE ON FUNCTION organisations_with_recipes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organisations_with_recipes() TO inventory_app;
