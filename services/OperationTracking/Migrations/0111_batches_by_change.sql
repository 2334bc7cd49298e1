-- Batches are looked at when one of their children has changed; those whose children were all cancelled are cancelled; none is within itself.

-- Open batches of which some of these operations are children, or which are among them.
CREATE FUNCTION batches_of(p_orgs uuid[], p_ids uuid[]) RETURNS TABLE (org_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  SELECT DISTINCT b.org_id, b.id
  FROM unnest(p_orgs, p_ids) AS c (org_id, id)
  JOIN operations o ON o.org_id = c.org_id AND o.id = c.id
  CROSS JOIN LATERAL (VALUES (o.id), (o.parent_id)) AS v (id)
  JOIN operations b ON b.org_id = c.org_id AND b.id = v.id AND b.rolls_up AND b.completed_at IS NULL
  -- Most organisations have none open: their operations are not looked up.
  WHERE c.org_id = ANY (ARRAY(SELECT DISTINCT x.org_id FROM operations x WHERE x.rolls_up AND x.completed_at IS NULL))
$$;
REVOKE ALL ON FUNCTION batches_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION batches_of TO {{service}}_relay;

-- As before, but a batch of which all were cancelled is cancelled; and unless it does nothing but end it, it waits for whoever has the batch, which may not
-- have seen what changed.
CREATE OR REPLACE FUNCTION roll_up(p_id uuid, p_only_end boolean, p_at timestamptz, p_ends_p50_at timestamptz, p_ends_p90_at timestamptz, p_correlation uuid)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  b operations;
  v operations;
  c record;
  v_may_end boolean;
  v_begins boolean;
  v_has_changed boolean;
  v_progress double precision;
  v_total bigint;
  v_entries jsonb := '[]';
BEGIN
  IF p_only_end THEN
    SELECT * INTO b FROM operations o WHERE o.org_id = current_org() AND o.id = p_id AND o.rolls_up AND o.completed_at IS NULL FOR UPDATE SKIP LOCKED;
  ELSE
    SELECT * INTO b FROM operations o WHERE o.org_id = current_org() AND o.id = p_id AND o.rolls_up AND o.completed_at IS NULL FOR UPDATE;
  END IF;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT * INTO c FROM children_of(p_id);
  v_may_end := batch_may_end(b, c.total, c.open);
  IF v_may_end THEN
    PERFORM hold_timeline();
    SELECT * INTO c FROM children_of(p_id);
    v_may_end := batch_may_end(b, c.total, c.open);
  END IF;
  IF p_only_end AND NOT v_may_end THEN
    RETURN NULL;
  END IF;

  v_begins := b.status = 'queued' AND c.started_at IS NOT NULL;
  v_total := greatest(c.total, b.expected_children);
  -- Those that are still to come weigh as much as one that does not say otherwise.
  v_progress := least(100, coalesce(c.weighed / nullif(c.weight + v_total - c.total, 0), 0));
  UPDATE operations o SET
    status = CASE WHEN v_begins THEN 'in_progress' ELSE o.status END,
    cause_since = CASE WHEN NOT v_begins THEN o.cause_since WHEN o.attempt = 0 THEN c.started_at ELSE p_at END,
    attempt = CASE WHEN v_begins THEN greatest(o.attempt, 1) ELSE o.attempt END,
    error_message = CASE WHEN v_begins THEN NULL ELSE o.error_message END,
    started_at = coalesce(o.started_at, c.started_at),
    -- Nobody is at work on it whose silence could mean something.
    reported_at = 'infinity',
    sequence = o.sequence + 1, progress_percentage = v_progress,
    done = c.completed, failed = c.failed, skipped = c.cancelled, total = v_total, bytes = c.bytes, children = c.counts,
    ends_p50_at = p_ends_p50_at, ends_p90_at = p_ends_p90_at, updated_at = clock_timestamp()
  WHERE o.org_id = current_org() AND o.id = p_id AND (v_begins OR c.total > 0 AND
    (o.progress_percentage, o.done, o.failed, o.skipped, o.total, o.bytes, o.children, o.ends_p50_at IS NULL)
    IS DISTINCT FROM (v_progress, c.completed, c.failed, c.cancelled, v_total, c.bytes, c.counts, p_ends_p50_at IS NULL))
  RETURNING * INTO v;
  v_has_changed := FOUND;
  IF v_begins THEN
    v_entries := jsonb_build_array(jsonb_build_object(
      'operation_id', p_id, 'at', v.cause_since, 'event', 'attempt_began', 'actor', v.service, 'correlation_id', p_correlation,
      'details', jsonb_build_object('attempt', v.attempt, 'maxAttempts', v.max_attempts)));
  END IF;
  IF v_may_end THEN
    v_entries := v_entries || end_operations(jsonb_build_array(jsonb_build_object(
      'id', p_id, 'ended_at', p_at, 'correlation_id', p_correlation,
      'outcome', CASE
        WHEN b.status = 'cancelling' THEN 'cancelled'
        WHEN c.failed > 0 THEN 'failed'
        WHEN c.completed = 0 AND c.cancelled > 0 THEN 'cancelled'
        ELSE 'completed'
      END,
      'error', CASE WHEN c.failed > 0 THEN format('%s of %s failed.', c.failed, c.total) END,
      'result', jsonb_build_object('completed', c.completed, 'failed', c.failed, 'cancelled', c.cancelled))));
  END IF;
  PERFORM tell_timeline(told_by(v_entries, '{{service}}'));
  RETURN CASE WHEN v_has_changed OR v_may_end THEN v_may_end END;
END $$;

-- Whether a batch is within itself, or deeper than any sense: then it would never be known how far it is, nor end.
CREATE FUNCTION is_nested_without_end(p_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  WITH RECURSIVE above (id, level) AS (
    SELECT o.parent_id, 1 FROM operations o WHERE o.org_id = current_org() AND o.id = p_id
    UNION ALL
    SELECT o.parent_id, a.level + 1 FROM above a JOIN operations o ON o.org_id = current_org() AND o.id = a.id
    WHERE o.rolls_up AND a.id <> p_id AND a.level < 100)
  SELECT EXISTS (SELECT FROM above a WHERE a.id = p_id OR a.level = 100)
$$;

-- As before, but an undo that came to nothing counts as none, and a batch that would be within itself is within nothing. Batches within batches are added one transaction after the other, so that of those
-- that make a ring the last one sees the others.
CREATE OR REPLACE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_nested uuid[] := ARRAY(
    SELECT s.id FROM jsonb_to_recordset(p_started) AS s (id uuid, parent_id uuid, rolls_up boolean) WHERE s.rolls_up AND s.parent_id IS NOT NULL ORDER BY s.id);
  v_id uuid;
  v_entries jsonb;
BEGIN
  IF cardinality(v_nested) > 0 THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('batches within batches of ' || current_org(), 0));
  END IF;
  v_entries := add_started(p_started);
  FOREACH v_id IN ARRAY v_nested LOOP
    UPDATE operations SET parent_id = NULL WHERE org_id = current_org() AND id = v_id AND parent_id IS NOT NULL AND completed_at IS NULL AND is_nested_without_end(v_id);
  END LOOP;
  IF jsonb_path_exists(p_started, '$[*] ? (@.can_undo == true || @.undoes != null)') THEN
    UPDATE operations o SET can_undo = s.can_undo, undoes = s.undoes
    FROM jsonb_to_recordset(p_started) AS s (id uuid, can_undo boolean, undoes uuid)
    WHERE o.org_id = current_org() AND o.id = s.id AND (s.can_undo OR s.undoes IS NOT NULL)
      AND s.id IN (SELECT (entry ->> 'operation_id')::uuid FROM jsonb_array_elements(v_entries) AS entry);
    PERFORM note_undone(ARRAY(SELECT DISTINCT i FROM jsonb_to_recordset(p_started) AS s (id uuid, undoes uuid) CROSS JOIN unnest(ARRAY[s.id, s.undoes]) AS i WHERE i IS NOT NULL ORDER BY i));
  END IF;
  RETURN v_entries;
END $$;
