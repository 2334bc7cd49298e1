-- Listeners keep the highest version heard of each recipe: what was told after the backup must not outrank what is told from now on.
INSERT INTO recipe_availability_sent (org_id, recipe_id, is_available, version)
SELECT DISTINCT org_id, entity_id::uuid, false, 1 FROM lost WHERE entity_type = 'recipe'
ON CONFLICT DO NOTHING;

WITH told AS (
  UPDATE recipe_availability_sent SET version = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
  RETURNING org_id, recipe_id, is_available, version)
INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), org_id, 'RecipeAvailabilityChanged',
  jsonb_build_object('recipeId', recipe_id, 'isAvailable', is_available, 'version', version), 'restore', gen_random_uuid()
FROM told;
