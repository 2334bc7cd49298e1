-- What a cancel leaves behind, and what it takes back.
ALTER TABLE operation_work
  -- The last step from which on a cancel does something else than before; 0 when there was none.
  ADD COLUMN entered_step int NOT NULL DEFAULT 0,
  -- What has been done and stays, as of the last checkpoint.
  ADD COLUMN effects jsonb CHECK (octet_length(effects::text) <= 65536),
  -- It was cancelled, and what it did is being taken back.
  ADD COLUMN is_compensating boolean NOT NULL DEFAULT false;

-- The operation that undoes it; once begun it is not begun again, and what is undone is not tried again.
ALTER TABLE operation_work ADD COLUMN undone_by uuid;

-- What rows were before an operation changed them and after it, in the order in which it did, for undoing it; forgotten with the operation.
CREATE TABLE operation_images (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  -- 1, 2, 3 … of the operation.
  ordinal bigint NOT NULL,
  -- What kind of thing it was, and which.
  entity text NOT NULL,
  key text NOT NULL,
  -- Null for what was created, and for what was deleted.
  before jsonb,
  after jsonb,
  PRIMARY KEY (org_id, operation_id, ordinal),
  FOREIGN KEY (org_id, operation_id) REFERENCES operation_work (org_id, id) ON DELETE CASCADE,
  CHECK (num_nonnulls(before, after) > 0)
);
SELECT ops_tenant_table('operation_images');
REVOKE UPDATE, DELETE ON operation_images FROM {{service}}_app;
CREATE POLICY upkeep ON operation_images TO {{service}}_owner USING (true);
