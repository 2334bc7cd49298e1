-- An undo that was denied, expired, or was cancelled before it got anywhere undoes nothing: its operation may be undone by another one. Whether it did
-- nothing at all its service knows, which is asked before anything is undone.
CREATE FUNCTION undoes_nothing(u operations) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT u.status IN ('denied', 'expired') OR (u.status = 'cancelled' AND u.progress_percentage = 0)
$$;

-- The latest operation that undoes each of these, or null. Undos are heard of in any order, so it is found anew.
CREATE FUNCTION note_undone(p_ids uuid[]) RETURNS void LANGUAGE sql AS $$
  UPDATE operations o SET undone_by = n.id
  FROM (
    SELECT i.id AS undone, (
      SELECT u.id FROM operations u WHERE u.org_id = current_org() AND u.undoes = i.id AND NOT undoes_nothing(u) ORDER BY u.queued_at DESC, u.id DESC LIMIT 1) AS id
    FROM unnest(p_ids) AS i (id)) n
  WHERE o.org_id = current_org() AND o.id = n.undone AND o.undone_by IS DISTINCT FROM n.id
$$;

-- As before, but an undo that came to nothing counts as none.
CREATE OR REPLACE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb := add_started(p_started);
BEGIN
  IF jsonb_path_exists(p_started, '$[*] ? (@.can_undo == true || @.undoes != null)') THEN
    UPDATE operations o SET can_undo = s.can_undo, undoes = s.undoes
    FROM jsonb_to_recordset(p_started) AS s (id uuid, can_undo boolean, undoes uuid)
    WHERE o.org_id = current_org() AND o.id = s.id AND (s.can_undo OR s.undoes IS NOT NULL)
      AND s.id IN (SELECT (entry ->> 'operation_id')::uuid FROM jsonb_array_elements(v_entries) AS entry);
    PERFORM note_undone(ARRAY(SELECT DISTINCT i FROM jsonb_to_recordset(p_started) AS s (id uuid, undoes uuid) CROSS JOIN unnest(ARRAY[s.id, s.undoes]) AS i WHERE i IS NOT NULL ORDER BY i));
  END IF;
  RETURN v_entries;
END $$;

CREATE FUNCTION note_undone_at_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_undone(ARRAY[NEW.undoes]);
  RETURN NULL;
END $$;
CREATE TRIGGER operations_undo_came_to_nothing AFTER UPDATE ON operations
  FOR EACH ROW WHEN (NEW.undoes IS NOT NULL AND OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL AND undoes_nothing(NEW))
  EXECUTE FUNCTION note_undone_at_end();
