-- As before; but the end was foretold before the children were counted, and may be that of what they were when nothing of them changes any more: it is
-- written by itself when it is off by a quarter of what is left, which is more than it moves from one look to the next while nothing does.
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
    SELECT * INTO b FROM operations o WHERE o.org_id = (SELECT current_org()) AND o.id = p_id AND o.rolls_up AND o.completed_at IS NULL FOR UPDATE SKIP LOCKED;
  ELSE
    SELECT * INTO b FROM operations o WHERE o.org_id = (SELECT current_org()) AND o.id = p_id AND o.rolls_up AND o.completed_at IS NULL FOR UPDATE;
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
  WHERE o.org_id = (SELECT current_org()) AND o.id = p_id AND (v_begins OR c.total > 0 AND (
    (o.progress_percentage, o.done, o.failed, o.skipped, o.total, o.bytes, o.children, o.ends_p50_at IS NULL)
    IS DISTINCT FROM (v_progress, c.completed, c.failed, c.cancelled, v_total, c.bytes, c.counts, p_ends_p50_at IS NULL)
    OR coalesce(abs(extract(epoch FROM p_ends_p50_at - o.ends_p50_at)) > greatest(5, extract(epoch FROM p_ends_p50_at - p_at) / 4), false)))
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
