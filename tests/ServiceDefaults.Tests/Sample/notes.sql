CREATE TABLE notes (
  org_id uuid NOT NULL DEFAULT current_org(),
  id uuid NOT NULL,
  text text NOT NULL,
  secret text,
  row_version bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id)
);
SELECT ops_tenant_table('notes');
SELECT ops_track_table('notes', entity => 'note', event_prefix => 'note', category => 'notes', exclude => '{secret}');
