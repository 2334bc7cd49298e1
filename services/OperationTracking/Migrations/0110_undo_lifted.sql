-- An undo that was denied, expired, or was cancelled before it got anywhere undoes nothing: its operation may be undone by another one. Whether it did
-- nothing at all its service knows, which is asked before anything is undone.
CREATE FUNCTION undoes_nothing(u operations) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT u.status IN ('denied', 'expired') OR (u.status = 'cancelled' AND u.progress_percentage = 0)
$$;

-- The latest operation that undoes it, or null.
CREATE FUNCTION undo_of(p_id uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT u.id FROM operations u WHERE u.org_id = current_org() AND u.undoes = p_id AND NOT undoes_nothing(u) ORDER BY u.queued_at DESC, u.id DESC LIMIT 1
$$;

-- Undos are heard of in any order, so who undoes an operation is found anew.
CREATE FUNCTION note_undone(p_ids uuid[]) RETURNS void LANGUAGE sql AS $$
  UPDATE operations o SET undone_by = undo_of(o.id) WHERE o.org_id = current_org() AND o.id = ANY (p_ids) AND o.undone_by IS DISTINCT FROM undo_of(o.id)
$$;

CREATE FUNCTION note_undone_at_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_undone(ARRAY[NEW.undoes]);
  RETURN NULL;
END $$;
CREATE TRIGGER operations_undo_came_to_nothing AFTER UPDATE ON operations
  FOR EACH ROW WHEN (NEW.undoes IS NOT NULL AND OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL AND undoes_nothing(NEW))
  EXECUTE FUNCTION note_undone_at_end();
