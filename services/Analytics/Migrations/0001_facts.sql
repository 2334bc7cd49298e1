-- What an organisation says about how it counts, and which of its generations is shown.

CREATE TABLE organisations (
  org_id uuid PRIMARY KEY DEFAULT current_org(),
  currency text CHECK (currency ~ '^[A-Z]{3}$'),
  -- As told. What PostgreSQL does not know is counted in UTC.
  time_zone text NOT NULL DEFAULT 'UTC',
  counting_zone text NOT NULL DEFAULT 'UTC',
  day_starts_at time NOT NULL DEFAULT '00:00',
  -- Of the settings: Identity's; 0 until something was heard.
  version bigint NOT NULL DEFAULT 0,
  -- All reads come from here.
  live_generation int NOT NULL DEFAULT 1,
  -- Filled by a rebuild; what is heard meanwhile goes into both.
  building_generation int,
  last_generation int NOT NULL DEFAULT 1,
  CHECK (building_generation <> live_generation)
);
SELECT ops_tenant_table('organisations');
REVOKE DELETE ON organisations FROM {{service}}_app;

-- The row to count by, made when it is first needed and held to the transaction's end: an organisation's facts take turns, so
-- that no two transactions wait for each other's totals.
CREATE FUNCTION hold_organisation() RETURNS organisations LANGUAGE plpgsql AS $$
DECLARE
  held organisations;
BEGIN
  SELECT * INTO held FROM organisations WHERE org_id = current_org() FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO organisations DEFAULT VALUES ON CONFLICT DO NOTHING;
    SELECT * INTO held FROM organisations WHERE org_id = current_org() FOR NO KEY UPDATE;
  END IF;
  RETURN held;
END $$;

-- The business day of a moment. Day d is [d + start, d+1 + start) on the wall clock, so it has 23 or 25 hours when the clock is
-- turned. Where the wall clock reads the start twice, the day begins at the second; where it skips it, right after the gap.
CREATE FUNCTION business_day(moment timestamptz, zone text, starts time) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN moment >= ((guess + 1 + starts) AT TIME ZONE zone) THEN guess + 1
    WHEN moment < ((guess + starts) AT TIME ZONE zone) THEN guess - 1
    ELSE guess
  END
  FROM (SELECT ((moment AT TIME ZONE zone) - starts::interval)::date AS guess) AS wall
$$;

CREATE FUNCTION known_zone(zone text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM now() AT TIME ZONE zone;
  RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN 'UTC';
END $$;

-- Facts: the last thing known of each order and of what it consumed. Every total is a sum over them.

CREATE TABLE order_facts (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  order_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('confirmed', 'rejected', 'cancelled')),
  -- Null when a sender did not tell it; such an order is in no day.
  occurred_at timestamptz,
  day date,
  -- When the clock hour began in which it occurred.
  hour timestamptz,
  customer_id uuid,
  currency text NOT NULL DEFAULT '',
  total_minor bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, generation, order_id)
);
SELECT ops_tenant_table('order_facts');
CREATE INDEX order_facts_of_customer ON order_facts (org_id, generation, customer_id, occurred_at)
  WHERE state = 'confirmed' AND customer_id IS NOT NULL;

CREATE TABLE order_fact_lines (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  order_id uuid NOT NULL,
  line_no int NOT NULL,
  menu_item_id uuid NOT NULL,
  -- '' when the item has none.
  category text NOT NULL,
  quantity int NOT NULL,
  total_minor bigint NOT NULL,
  tax_class text NOT NULL,
  PRIMARY KEY (org_id, generation, order_id, line_no)
);
SELECT ops_tenant_table('order_fact_lines');

CREATE TABLE consumption_facts (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  order_id uuid NOT NULL,
  is_restored boolean NOT NULL,
  occurred_at timestamptz NOT NULL,
  day date NOT NULL,
  PRIMARY KEY (org_id, generation, order_id)
);
SELECT ops_tenant_table('consumption_facts');

CREATE TABLE consumption_fact_items (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  order_id uuid NOT NULL,
  ingredient_id uuid NOT NULL,
  unit text NOT NULL,
  quantity numeric(20,6) NOT NULL,
  unit_cost_minor numeric(20,6) NOT NULL,
  PRIMARY KEY (org_id, generation, order_id, ingredient_id)
);
SELECT ops_tenant_table('consumption_fact_items');

-- Names to show beside ids: of the latest sale or consumption that told one. No totals hang on them.

CREATE TABLE item_names (
  org_id uuid NOT NULL DEFAULT current_org(),
  menu_item_id uuid NOT NULL,
  name text NOT NULL,
  category text NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, menu_item_id)
);
SELECT ops_tenant_table('item_names');

CREATE TABLE ingredient_names (
  org_id uuid NOT NULL DEFAULT current_org(),
  ingredient_id uuid NOT NULL,
  name text NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, ingredient_id)
);
SELECT ops_tenant_table('ingredient_names');

-- The tax rates an organisation sells under, each from a business day on.

CREATE TABLE tax_rates (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  valid_from date NOT NULL,
  prices_include_tax boolean NOT NULL,
  standard_percent numeric(7,4) NOT NULL CHECK (standard_percent BETWEEN 0 AND 100),
  reduced_percent numeric(7,4) NOT NULL CHECK (reduced_percent BETWEEN 0 AND standard_percent),
  row_version bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, valid_from)
);
SELECT ops_tenant_table('tax_rates');
SELECT ops_track_table('tax_rates', entity => 'tax_rate', event_prefix => 'tax_rate', category => 'analytics');
