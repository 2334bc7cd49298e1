-- Changes of many ingredients at once, line by line, each with what became of it.

CREATE TABLE ingredient_changes (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  line_no int NOT NULL,
  code text NOT NULL,
  -- Null for what stays as it is.
  reorder_point numeric(20,6),
  unit_cost_minor numeric(20,6),
  outcome text NOT NULL DEFAULT 'waiting' CHECK (outcome IN ('waiting', 'changed', 'failed')),
  error text,
  PRIMARY KEY (org_id, operation_id, line_no),
  CHECK (num_nonnulls(reorder_point, unit_cost_minor) > 0),
  CHECK ((outcome = 'failed') = (error IS NOT NULL))
);
SELECT ops_tenant_table('ingredient_changes');
CREATE INDEX ingredient_changes_by_outcome ON ingredient_changes (org_id, operation_id, outcome, line_no);
REVOKE DELETE ON ingredient_changes FROM {{service}}_app;
