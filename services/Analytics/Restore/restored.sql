-- What was told since the backup is told to nobody again: every organisation is counted anew from what the owners of the facts hold.
-- A count that was under way has lost its place; it is given up.
UPDATE rebuilds SET state = 'failed', error = 'The service was restored from a backup.', finished_at = now() WHERE state IN ('waiting', 'running');

WITH begun AS (
  UPDATE organisations SET last_generation = last_generation + 1, building_generation = last_generation + 1 RETURNING org_id, building_generation)
INSERT INTO rebuilds (org_id, id, generation, state, step, requested_by, requested_at)
SELECT org_id, gen_random_uuid(), building_generation, 'waiting', 'settings', 'restore', now() FROM begun;
