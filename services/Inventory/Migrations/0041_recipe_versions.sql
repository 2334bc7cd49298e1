-- What recipes were before they were changed or deleted: what was sold then was made by them.

CREATE TABLE recipe_versions (
  org_id uuid NOT NULL DEFAULT current_org(),
  recipe_id uuid NOT NULL,
  row_version bigint NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  yield_quantity numeric(20,6) NOT NULL,
  yield_unit text NOT NULL,
  lines jsonb NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  PRIMARY KEY (org_id, recipe_id, row_version)
);
SELECT ops_tenant_table('recipe_versions');
REVOKE UPDATE ON recipe_versions FROM {{service}}_app;

CREATE FUNCTION keep_recipe_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO recipe_versions (org_id, recipe_id, row_version, code, name, yield_quantity, yield_unit, lines, valid_from, valid_until)
  VALUES (OLD.org_id, OLD.id, OLD.row_version, OLD.code, OLD.name, OLD.yield_quantity, OLD.yield_unit, OLD.lines, OLD.updated_at,
    CASE TG_OP WHEN 'UPDATE' THEN NEW.updated_at ELSE now() END)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER recipes_keep_version AFTER UPDATE OR DELETE ON recipes FOR EACH ROW EXECUTE FUNCTION keep_recipe_version();
