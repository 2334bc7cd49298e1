-- Operations as trees: steps with parts, operations within operations, and batches, which are as far as their children are.

ALTER TABLE operations
  -- The steps as they were told, when some have parts: steps holds their leaves.
  ADD COLUMN step_tree jsonb,
  -- May be of an operation that nothing was heard of yet.
  ADD COLUMN parent_id uuid,
  -- Its share of its parent, beside the other children's.
  ADD COLUMN weight double precision NOT NULL DEFAULT 1,
  -- A batch: nobody works on it, and roll_up alone says how far it is.
  ADD COLUMN rolls_up boolean NOT NULL DEFAULT false,
  ADD COLUMN expected_children int,
  -- Of a batch that somebody closed: it is complete with the children it has.
  ADD COLUMN is_closed boolean NOT NULL DEFAULT false,
  -- Of a batch: how many of its children are where, as OperationChildren.
  ADD COLUMN children jsonb,
  -- Of a batch: when the last of its children will have ended, as far as that is known.
  ADD COLUMN ends_p50_at timestamptz,
  ADD COLUMN ends_p90_at timestamptz,
  -- Of a batch: its children that had failed by then are to be tried again, for that user; null once they are.
  ADD COLUMN retry_asked_at timestamptz,
  ADD COLUMN retry_asked_by text;

-- No column that a report writes: reports go on touching no index.
CREATE INDEX operations_by_parent ON operations (org_id, parent_id, queued_at DESC, id DESC) INCLUDE (status) WHERE parent_id IS NOT NULL;
CREATE INDEX operations_children_open ON operations (org_id, parent_id, status) WHERE parent_id IS NOT NULL AND completed_at IS NULL;
CREATE INDEX operations_batches_open ON operations (org_id, id) WHERE rolls_up AND completed_at IS NULL;

ALTER TABLE timeline DROP CONSTRAINT timeline_event_check, ADD CONSTRAINT timeline_event_check CHECK (event IN (
  'started', 'approval_asked', 'plan_changed', 'voted', 'reminded', 'escalated', 'approved', 'attempt_began', 'attempt_failed', 'cancel_asked', 'retry_asked',
  'closed', 'completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out'));

-- p_started as before, and with step_tree, parent_id, weight, rolls_up and expected_children.
CREATE OR REPLACE FUNCTION add_operations(p_started jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_entries jsonb;
BEGIN
  WITH started AS (
    SELECT DISTINCT ON (id) * FROM jsonb_to_recordset(p_started) AS s (
      id uuid, operation_type text, service text, display_name text, user_id text, queued_at timestamptz, steps jsonb, step_tree jsonb, max_attempts int,
      entity_type text, entity_id text, context jsonb, tags text[], plan jsonb, parent_id uuid, weight double precision, rolls_up boolean, expected_children int,
      actor text, correlation_id uuid)
    ORDER BY id
  ), added AS (
    INSERT INTO operations (id, operation_type, service, display_name, user_id, entity_type, entity_id, total_steps, steps, step_tree, context, tags,
      max_attempts, queued_at, cause_since, plan, status, cause, parent_id, weight, rolls_up, expected_children)
    SELECT id, operation_type, service, display_name, user_id, entity_type, entity_id, jsonb_array_length(steps), steps, nullif(step_tree, 'null'), context,
      coalesce(tags, '{}'), max_attempts, queued_at, queued_at, nullif(plan, 'null'),
      CASE WHEN nullif(plan, 'null') IS NULL THEN 'queued' ELSE 'waiting_for_approval' END, CASE WHEN nullif(plan, 'null') IS NULL THEN 'queue' ELSE 'approval' END,
      parent_id, coalesce(weight, 1), coalesce(rolls_up, false), expected_children
    FROM started ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, queued_at, tags
  ), tagged AS (
    INSERT INTO operation_tags (tag, queued_at, operation_id)
    SELECT DISTINCT t.tag, added.queued_at, added.id FROM added CROSS JOIN LATERAL unnest(added.tags) AS t (tag)
  ), told AS (
    SELECT s.queued_at AS at, s.id, 0 AS nth, jsonb_build_object(
      'operation_id', s.id, 'at', s.queued_at, 'event', 'started', 'actor', s.actor, 'correlation_id', s.correlation_id,
      'details', jsonb_build_object('operationType', s.operation_type, 'service', s.service, 'userId', s.user_id)
        || CASE WHEN s.parent_id IS NULL THEN '{}' ELSE jsonb_build_object('parentId', s.parent_id) END) AS entry
    FROM started s JOIN added USING (id)
    UNION ALL
    SELECT s.queued_at, s.id, 1, jsonb_build_object(
      'operation_id', s.id, 'at', s.queued_at, 'event', 'approval_asked', 'actor', s.actor, 'correlation_id', s.correlation_id, 'details', s.plan)
    FROM started s JOIN added USING (id) WHERE nullif(s.plan, 'null') IS NOT NULL
  )
  SELECT coalesce(jsonb_agg(entry ORDER BY at, id, nth), '[]') INTO v_entries FROM told;
  RETURN v_entries;
END $$;

-- What an operation's children come to, in one row. counts are as OperationChildren, null without any; weighed is the sum of their shares done.
-- A table, so that it is planned as a part of the statement that asks and counts no more than that wants to know.
CREATE FUNCTION children_of(p_id uuid) RETURNS TABLE (total bigint, open bigint, completed bigint, failed bigint, cancelled bigint, counts jsonb,
  weight double precision, weighed double precision, bytes bigint, started_at timestamptz) LANGUAGE sql STABLE AS $$
  SELECT s.total, s.waiting + s.in_progress, s.completed, s.failed, s.cancelled,
    CASE WHEN s.total > 0 THEN jsonb_build_object('total', s.total, 'waiting', s.waiting, 'inProgress', s.in_progress,
      'completed', s.completed, 'failed', s.failed, 'cancelled', s.cancelled) END,
    s.weight, s.weighed, s.bytes, s.started_at
  FROM (
    SELECT count(*) AS total,
      count(*) FILTER (WHERE o.status IN ('queued', 'waiting_for_approval', 'approved')) AS waiting,
      count(*) FILTER (WHERE o.status IN ('in_progress', 'waiting_external', 'cancelling')) AS in_progress,
      count(*) FILTER (WHERE o.status = 'completed') AS completed,
      count(*) FILTER (WHERE o.status IN ('failed', 'timed_out')) AS failed,
      count(*) FILTER (WHERE o.status IN ('denied', 'cancelled', 'expired')) AS cancelled,
      sum(o.weight) AS weight, sum(o.weight * o.progress_percentage) AS weighed, CASE WHEN sum(o.bytes) IS NOT NULL THEN least(sum(o.bytes), 9223372036854775807)::bigint END AS bytes, min(o.started_at) AS started_at
    FROM operations o WHERE o.org_id = current_org() AND o.parent_id = p_id) s
$$;

CREATE FUNCTION batch_may_end(b operations, p_children bigint, p_open bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_open = 0 AND (b.status = 'cancelling' OR (b.retry_asked_at IS NULL AND (b.is_closed OR coalesce(p_children >= b.expected_children, false))))
$$;

-- Open batches of all organisations that something may have to be done for: all, or those alone that may end or whose children are to be
-- cancelled or tried again.
CREATE FUNCTION batches_to_roll_up(p_all boolean) RETURNS TABLE (org_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  SELECT b.org_id, b.id FROM operations b
  WHERE b.rolls_up AND b.completed_at IS NULL AND (p_all OR b.retry_asked_at IS NOT NULL
    OR (b.status = 'cancelling' AND EXISTS (
      SELECT FROM operations c WHERE c.org_id = b.org_id AND c.parent_id = b.id AND c.completed_at IS NULL AND c.status <> 'cancelling'))
    OR ((b.is_closed OR b.expected_children IS NOT NULL OR b.status = 'cancelling') AND NOT EXISTS (
      SELECT FROM operations c WHERE c.org_id = b.org_id AND c.parent_id = b.id AND c.completed_at IS NULL)))
  ORDER BY b.org_id, b.id
$$;

-- Who adds a child, tries one again or closes its batch writes to the timeline: holding it, nobody does any of that until the caller commits.
CREATE FUNCTION hold_timeline() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT FROM timeline_heads WHERE org_id = current_org() FOR UPDATE
$$;

-- Makes a batch as far as its children are, and ends it with the last of them. With p_only_end it does nothing but that. Answers null when it
-- changed nothing or somebody else has the batch, otherwise whether it ended it. Done twice it changes nothing more.
CREATE FUNCTION roll_up(p_id uuid, p_only_end boolean, p_at timestamptz, p_ends_p50_at timestamptz, p_ends_p90_at timestamptz, p_correlation uuid)
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
  SELECT * INTO b FROM operations o WHERE o.org_id = current_org() AND o.id = p_id AND o.rolls_up AND o.completed_at IS NULL FOR UPDATE SKIP LOCKED;
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
      'outcome', CASE WHEN b.status = 'cancelling' THEN 'cancelled' WHEN c.failed > 0 THEN 'failed' ELSE 'completed' END,
      'error', CASE WHEN c.failed > 0 THEN format('%s of %s failed.', c.failed, c.total) END,
      'result', jsonb_build_object('completed', c.completed, 'failed', c.failed, 'cancelled', c.cancelled))));
  END IF;
  PERFORM tell_timeline(told_by(v_entries, '{{service}}'));
  RETURN CASE WHEN v_has_changed OR v_may_end THEN v_may_end END;
END $$;

-- The caller holds the row and has seen that it is an open batch.
CREATE FUNCTION close_batch(p_id uuid, p_by text, p_at timestamptz, p_correlation uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE operations SET is_closed = true, sequence = sequence + 1, updated_at = clock_timestamp() WHERE org_id = current_org() AND id = p_id;
  PERFORM tell_timeline(jsonb_build_array(jsonb_build_object('operation_id', p_id, 'at', p_at, 'event', 'closed', 'actor', p_by, 'correlation_id', p_correlation)));
END $$;

-- The caller holds the row and has seen that the batch may be tried again.
CREATE FUNCTION retry_batch(p_id uuid, p_by text, p_at timestamptz, p_correlation uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM retry_operation(p_id, p_by, p_at, p_correlation);
  UPDATE operations SET attempt = attempt + 1, sequence = 0, ends_p50_at = NULL, ends_p90_at = NULL, retry_asked_by = p_by,
    -- Whoever ended them may have a clock that is ahead.
    retry_asked_at = greatest(p_at, (SELECT max(c.completed_at) FROM operations c WHERE c.org_id = current_org() AND c.parent_id = p_id))
  WHERE org_id = current_org() AND id = p_id;
END $$;

REVOKE ALL ON FUNCTION batches_to_roll_up, hold_timeline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION batches_to_roll_up TO {{service}}_relay;
GRANT EXECUTE ON FUNCTION hold_timeline TO {{service}}_app;
