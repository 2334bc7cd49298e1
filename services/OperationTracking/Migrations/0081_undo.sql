-- Which operations can be undone, and by which they were.

ALTER TABLE operations
  ADD COLUMN can_undo boolean NOT NULL DEFAULT false,
  -- The operation that this one undoes.
  ADD COLUMN undoes uuid,
  -- The operation that undoes this one.
  ADD COLUMN undone_by uuid;
CREATE INDEX operations_undoes ON operations (org_id, undoes) WHERE undoes IS NOT NULL;

-- As before, but that it is undone is noted after an operation's end.
DROP TRIGGER operations_end_is_final ON operations;
CREATE TRIGGER operations_end_is_final BEFORE UPDATE ON operations
  FOR EACH ROW WHEN (OLD.completed_at IS NOT NULL AND OLD.status = NEW.status AND OLD.undone_by IS NOT DISTINCT FROM NEW.undone_by)
  EXECUTE FUNCTION refuse_change_after_end();

-- As before, and with can_undo and undoes. Of an operation and the one that undoes it either may be heard of first.
ALTER FUNCTION add_operations(jsonb) RENAME TO add_started;
CREATE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb := add_started(p_started);
BEGIN
  IF jsonb_path_exists(p_started, '$[*] ? (@.can_undo == true || @.undoes != null)') THEN
    UPDATE operations o SET can_undo = s.can_undo, undoes = s.undoes
    FROM jsonb_to_recordset(p_started) AS s (id uuid, can_undo boolean, undoes uuid)
    WHERE o.org_id = current_org() AND o.id = s.id AND (s.can_undo OR s.undoes IS NOT NULL)
      AND s.id IN (SELECT (entry ->> 'operation_id')::uuid FROM jsonb_array_elements(v_entries) AS entry);
    UPDATE operations o SET undone_by = u.id FROM operations u
    WHERE o.org_id = current_org() AND u.org_id = o.org_id AND u.undoes = o.id AND o.undone_by IS NULL
      AND o.id = ANY (ARRAY(SELECT unnest(ARRAY[s.id, s.undoes]) FROM jsonb_to_recordset(p_started) AS s (id uuid, undoes uuid)));
  END IF;
  RETURN v_entries;
END $$;
