-- Totals. Each is a sum over the facts of its generation; a row that counts nothing is not there. Today's rows change with every
-- batch: their pages leave room for the versions until these are pruned.

CREATE TABLE orders_by_day (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  confirmed bigint NOT NULL,
  rejected bigint NOT NULL,
  cancelled bigint NOT NULL,
  PRIMARY KEY (org_id, generation, day)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('orders_by_day');

CREATE TABLE sales_by_day (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  PRIMARY KEY (org_id, generation, day, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('sales_by_day');

CREATE TABLE sales_by_hour (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  hour timestamptz NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  PRIMARY KEY (org_id, generation, day, hour, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('sales_by_hour');

CREATE TABLE sales_by_item (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  menu_item_id uuid NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  quantity bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  PRIMARY KEY (org_id, generation, day, menu_item_id, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('sales_by_item');

CREATE TABLE sales_by_category (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  category text NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  quantity bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  PRIMARY KEY (org_id, generation, day, category, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('sales_by_category');

CREATE TABLE sales_by_tax_class (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  tax_class text NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  PRIMARY KEY (org_id, generation, day, tax_class, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('sales_by_tax_class');

-- Two different items in one order, the lower id first.
CREATE TABLE pairs_by_day (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  first_item_id uuid NOT NULL,
  second_item_id uuid NOT NULL,
  tickets bigint NOT NULL,
  PRIMARY KEY (org_id, generation, day, first_item_id, second_item_id)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('pairs_by_day');

CREATE TABLE customer_totals (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  customer_id uuid NOT NULL,
  currency text NOT NULL,
  tickets bigint NOT NULL,
  revenue_minor numeric(30) NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, generation, customer_id, currency)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('customer_totals');
CREATE INDEX customer_totals_by_revenue ON customer_totals (org_id, generation, revenue_minor DESC, customer_id, currency);

CREATE TABLE consumption_by_day (
  org_id uuid NOT NULL DEFAULT current_org(),
  generation int NOT NULL,
  day date NOT NULL,
  ingredient_id uuid NOT NULL,
  unit text NOT NULL,
  orders bigint NOT NULL,
  consumed numeric(26,6) NOT NULL,
  restored numeric(26,6) NOT NULL,
  cost_minor numeric(38,12) NOT NULL,
  PRIMARY KEY (org_id, generation, day, ingredient_id, unit)
) WITH (fillfactor = 30, autovacuum_vacuum_cost_delay = 0);
SELECT ops_tenant_table('consumption_by_day');
