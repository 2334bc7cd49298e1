-- Rebuilds are long-running work like any other: what holds them is operation_work.

-- Builds that held rebuilds themselves keep off those that are started from now on, and let go of those they have.
ALTER TABLE rebuilds ALTER COLUMN claimed_until SET DEFAULT 'infinity';
UPDATE organisations o SET building_generation = NULL FROM rebuilds r
WHERE r.org_id = o.org_id AND r.generation = o.building_generation AND r.state IN ('waiting', 'running');
UPDATE rebuilds SET state = 'failed', error = 'The service was updated meanwhile. Start it again.', finished_at = clock_timestamp()
WHERE state IN ('waiting', 'running');
UPDATE rebuilds SET claimed_by = NULL, claimed_until = 'infinity' WHERE NOT is_cleaned;

-- However the work ends, its rebuild has ended too: a cancelled one, and one whose workers died, say nothing themselves.
CREATE FUNCTION end_rebuild_with_its_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rebuilds SET state = 'failed', finished_at = clock_timestamp(),
    error = CASE WHEN NEW.cancelled_by IS NULL THEN 'Something broke on our side; it is in the log under the rebuild''s id.' ELSE 'It was cancelled.' END
  WHERE org_id = NEW.org_id AND id = NEW.id AND state IN ('waiting', 'running');
  UPDATE organisations SET building_generation = NULL
  WHERE org_id = NEW.org_id AND building_generation = (SELECT generation FROM rebuilds r WHERE r.org_id = NEW.org_id AND r.id = NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER rebuild_ends_with_its_work AFTER UPDATE OF state ON operation_work
  FOR EACH ROW WHEN (NEW.state = 'ended' AND NEW.operation_type = 'analytics.rebuild') EXECUTE FUNCTION end_rebuild_with_its_work();
