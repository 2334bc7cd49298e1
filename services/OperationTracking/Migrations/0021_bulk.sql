-- What becomes of each of many operations that are cancelled or tried again together.
CREATE TABLE bulk_items (
  org_id uuid NOT NULL DEFAULT current_org(),
  -- The operation that does it.
  bulk_id uuid NOT NULL,
  operation_id uuid NOT NULL,
  -- Null until its turn has come.
  outcome text CHECK (outcome IN ('done', 'failed', 'skipped')),
  error text,
  asked_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, bulk_id, operation_id)
);
SELECT ops_tenant_table('bulk_items');
REVOKE DELETE ON bulk_items FROM {{service}}_app;
CREATE POLICY upkeep ON bulk_items TO {{service}}_owner USING (true);
CREATE INDEX bulk_items_old ON bulk_items (asked_at);
