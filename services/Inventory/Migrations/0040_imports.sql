-- Many movements of stock at once, line by line, each with what became of it.

CREATE TABLE stock_imports (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  note text,
  total int NOT NULL,
  applied int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  requested_by text,
  requested_at timestamptz NOT NULL,
  -- The operation that takes it back; once begun it is not begun again.
  undo_id uuid,
  PRIMARY KEY (org_id, id)
);
SELECT ops_tenant_table('stock_imports');
REVOKE DELETE ON stock_imports FROM {{service}}_app;

CREATE TABLE stock_import_lines (
  org_id uuid NOT NULL DEFAULT current_org(),
  import_id uuid NOT NULL,
  line_no int NOT NULL,
  code text NOT NULL,
  change_type text NOT NULL CHECK (change_type IN ('increase', 'decrease', 'adjustment')),
  quantity numeric(20,6) NOT NULL,
  reason text,
  outcome text NOT NULL DEFAULT 'waiting' CHECK (outcome IN ('waiting', 'applied', 'failed', 'undone', 'not_undone')),
  error text,
  -- Of lines that were applied: what is needed to take them back.
  ingredient_id uuid,
  quantity_before numeric(20,6),
  quantity_after numeric(20,6),
  PRIMARY KEY (org_id, import_id, line_no),
  FOREIGN KEY (org_id, import_id) REFERENCES stock_imports (org_id, id),
  CHECK ((outcome IN ('failed', 'not_undone')) = (error IS NOT NULL)),
  CHECK (outcome IN ('waiting', 'failed') OR num_nulls(ingredient_id, quantity_before, quantity_after) = 0)
);
SELECT ops_tenant_table('stock_import_lines');
CREATE INDEX stock_import_lines_by_outcome ON stock_import_lines (org_id, import_id, outcome, line_no);
REVOKE DELETE ON stock_import_lines FROM {{service}}_app;
