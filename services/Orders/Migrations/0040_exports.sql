-- Files of orders as they were read, in parts that are written one after the other and downloaded the same way.

CREATE TABLE order_exports (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  file_name text NOT NULL,
  -- Null until the file is whole.
  bytes bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id)
);
SELECT ops_tenant_table('order_exports');
CREATE INDEX order_exports_created_at ON order_exports (created_at);
CREATE POLICY upkeep ON order_exports TO {{service}}_owner USING (true);

CREATE TABLE order_export_parts (
  org_id uuid NOT NULL DEFAULT current_org(),
  export_id uuid NOT NULL,
  no int NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (org_id, export_id, no),
  FOREIGN KEY (org_id, export_id) REFERENCES order_exports (org_id, id) ON DELETE CASCADE
);
SELECT ops_tenant_table('order_export_parts');
CREATE POLICY upkeep ON order_export_parts TO {{service}}_owner USING (true);
