-- Work that waits for its turn among others of its kind, and what was told of that.
ALTER TABLE operation_work
  -- What was told last that it waits for: lock and the operation that has it, or rate_limit; null for nothing but a worker. silent of work whose worker is gone,
  -- which nobody was told yet.
  ADD COLUMN told_wait text;

-- What is at work is asked for whenever somebody looks for work.
CREATE INDEX operation_work_running ON operation_work (org_id) WHERE state = 'running';
