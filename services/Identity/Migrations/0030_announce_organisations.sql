-- Organisations founded before anybody listened are told once. Row security binds the owner too, so it steps aside for this.

ALTER TABLE organisations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;

INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), org_id, 'OrganisationChanged',
  jsonb_build_object('currency', currency, 'timeZone', time_zone, 'dayStartsAt', day_starts_at, 'version', row_version),
  'identity', gen_random_uuid()
FROM organisations;

ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
