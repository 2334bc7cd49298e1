-- Who has to agree to an operation's plan, and their votes. What was asked and decided is told in the timeline as well.

ALTER TABLE operations
  -- What people see of it at a glance: {needed, deadline, digest}; null when nobody has to agree.
  ADD COLUMN approval jsonb,
  -- Rises whenever something about the approval changes.
  ADD COLUMN approval_version int NOT NULL DEFAULT 0;

CREATE TABLE approvals (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  -- Of the plan that has to be agreed to: the one in the operation's row.
  digest text NOT NULL,
  -- When the service made that plan, by its own clock; null for the plan it started with.
  planned_at timestamptz,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'closed')),
  asked_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  reminded_at timestamptz,
  escalated_at timestamptz,
  -- When something may have to be done that no vote causes.
  next_look_at timestamptz NOT NULL,
  -- How far each group is, as it was counted last, and who is waited for.
  groups jsonb NOT NULL DEFAULT '[]',
  asked_roles text[] NOT NULL DEFAULT '{}',
  asked_users text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (org_id, operation_id),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('approvals');
REVOKE DELETE ON approvals FROM {{service}}_app;
CREATE INDEX approvals_open ON approvals (org_id, operation_id) WHERE state = 'open';
CREATE INDEX approvals_due ON approvals (next_look_at) WHERE state = 'open';
-- Deadlines are looked for across organisations.
CREATE POLICY relay ON approvals FOR SELECT TO {{service}}_relay USING (true);
GRANT SELECT ON approvals TO {{service}}_relay;

CREATE TABLE votes (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  -- 1, 2, 3 … of the operation.
  number int NOT NULL,
  voter text NOT NULL,
  voter_name text NOT NULL,
  decision text NOT NULL CHECK (decision IN ('approve', 'deny')),
  reason text,
  at timestamptz NOT NULL,
  -- The plan it was cast on.
  digest text NOT NULL,
  -- Replaced by the voter's next one, lapsed with the plan.
  state text NOT NULL DEFAULT 'counts' CHECK (state IN ('counts', 'replaced', 'lapsed')),
  PRIMARY KEY (org_id, operation_id, number),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('votes');
REVOKE UPDATE, DELETE ON votes FROM {{service}}_app;
GRANT UPDATE (state) ON votes TO {{service}}_app;
CREATE UNIQUE INDEX votes_that_count ON votes (org_id, operation_id, voter) WHERE state = 'counts';

-- Effects of the plans that votes were asked for, so that a voter is shown what has changed.
CREATE TABLE asked_plans (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  digest text NOT NULL,
  effect jsonb NOT NULL,
  asked_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, operation_id, digest),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id) ON DELETE CASCADE
);

SELECT ops_tenant_table('asked_plans');

-- Plans of operations that nothing else was heard of yet.
CREATE TABLE early_plans (
  org_id uuid NOT NULL DEFAULT current_org(),
  operation_id uuid NOT NULL,
  plan jsonb NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  correlation_id uuid NOT NULL,
  heard_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, operation_id)
);

SELECT ops_tenant_table('early_plans');
CREATE INDEX early_plans_heard ON early_plans (heard_at);
CREATE POLICY upkeep ON early_plans TO {{service}}_owner USING (true);
CREATE POLICY relay ON early_plans FOR SELECT TO {{service}}_relay USING (true);
GRANT SELECT ON early_plans TO {{service}}_relay;

-- However an operation ceases to wait, nobody is asked any more.
CREATE FUNCTION close_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE approvals SET state = CASE NEW.status WHEN 'approved' THEN 'approved' ELSE 'closed' END
  WHERE org_id = NEW.org_id AND operation_id = NEW.id AND state = 'open';
  RETURN NULL;
END $$;
CREATE TRIGGER operations_close_approval AFTER UPDATE ON operations
  FOR EACH ROW WHEN (OLD.status = 'waiting_for_approval' AND NEW.status <> 'waiting_for_approval') EXECUTE FUNCTION close_approval();

-- Asks anew for agreement to the plan in the operation's row, which waits for it; votes on another plan lapse. Answers how many did. The
-- caller holds the row.
CREATE FUNCTION ask_approval(p_id uuid, p_planned_at timestamptz, p_now timestamptz, p_due_at timestamptz, p_approval jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  v_plan jsonb;
  v_lapsed int;
BEGIN
  UPDATE operations SET approval = p_approval, approval_version = approval_version + 1 WHERE org_id = current_org() AND id = p_id RETURNING plan INTO v_plan;
  INSERT INTO approvals (operation_id, digest, planned_at, asked_at, due_at, next_look_at) VALUES (p_id, v_plan ->> 'digest', p_planned_at, p_now, p_due_at, p_now)
  ON CONFLICT (org_id, operation_id) DO UPDATE SET digest = excluded.digest, planned_at = excluded.planned_at, state = 'open', asked_at = excluded.asked_at,
    due_at = excluded.due_at, reminded_at = NULL, escalated_at = NULL, next_look_at = excluded.next_look_at;
  INSERT INTO asked_plans (operation_id, digest, effect, asked_at) VALUES (p_id, v_plan ->> 'digest', v_plan -> 'effect', p_now)
  ON CONFLICT (org_id, operation_id, digest) DO UPDATE SET effect = excluded.effect, asked_at = excluded.asked_at;
  -- Of an operation that is planned anew again and again the latest plans are enough.
  DELETE FROM asked_plans WHERE org_id = current_org() AND operation_id = p_id AND digest NOT IN (
    SELECT digest FROM asked_plans WHERE org_id = current_org() AND operation_id = p_id ORDER BY asked_at DESC LIMIT 20);
  UPDATE votes SET state = 'lapsed' WHERE org_id = current_org() AND operation_id = p_id AND state = 'counts' AND digest <> v_plan ->> 'digest';
  GET DIAGNOSTICS v_lapsed = ROW_COUNT;
  RETURN v_lapsed;
END $$;

-- The operation goes by another plan, which it waits to be agreed to. The caller holds the row.
CREATE FUNCTION replan_operation(p_id uuid, p_plan jsonb, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- From waiting for somebody outside there is a way only over work.
  UPDATE operations SET status = 'in_progress', cause_since = p_at WHERE org_id = current_org() AND id = p_id AND status = 'waiting_external';
  UPDATE operations SET plan = p_plan, status = 'waiting_for_approval', retry_at = NULL, updated_at = clock_timestamp(),
    cause_since = CASE status WHEN 'waiting_for_approval' THEN cause_since ELSE p_at END
  WHERE org_id = current_org() AND id = p_id;
END $$;

-- The voter's earlier vote is kept and counts no more. The caller holds the operation's row.
CREATE FUNCTION cast_vote(p_id uuid, p_voter text, p_name text, p_decision text, p_reason text, p_at timestamptz, p_digest text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE votes SET state = 'replaced' WHERE org_id = current_org() AND operation_id = p_id AND voter = p_voter AND state = 'counts';
  INSERT INTO votes (operation_id, number, voter, voter_name, decision, reason, at, digest)
  SELECT p_id, coalesce(max(number), 0) + 1, p_voter, p_name, p_decision, p_reason, p_at, p_digest FROM votes WHERE org_id = current_org() AND operation_id = p_id;
END $$;

-- Notes how far the approval is and what came of it, and tells it. p_status: what the operation becomes, or null; p_groups, p_roles, p_users
-- and p_approval: null when they were not counted. The caller holds the operation's row.
CREATE FUNCTION settle_approval(p_id uuid, p_at timestamptz, p_status text, p_error text, p_groups jsonb, p_roles text[], p_users text[], p_approval jsonb,
  p_next_look_at timestamptz, p_reminded_at timestamptz, p_escalated_at timestamptz, p_entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE approvals SET groups = coalesce(p_groups, groups), asked_roles = coalesce(p_roles, asked_roles), asked_users = coalesce(p_users, asked_users), next_look_at = p_next_look_at,
    reminded_at = p_reminded_at, escalated_at = p_escalated_at
  WHERE org_id = current_org() AND operation_id = p_id;
  UPDATE operations SET status = coalesce(p_status, status), cause_since = CASE WHEN p_status IS NULL THEN cause_since ELSE p_at END,
    error_message = coalesce(p_error, error_message), approval = coalesce(p_approval, approval), approval_version = approval_version + 1,
    updated_at = clock_timestamp()
  WHERE org_id = current_org() AND id = p_id AND (jsonb_array_length(p_entries) > 0 OR approval IS DISTINCT FROM coalesce(p_approval, approval));
  PERFORM tell_timeline(p_entries);
END $$;
