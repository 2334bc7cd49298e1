-- Work that begins only once its plan is agreed to: until then its next attempt is at infinity, which builds that know nothing of plans
-- keep to as well.
ALTER TABLE operation_work
  -- What has to be agreed to, and what was; null for work that needs nobody's agreement.
  ADD COLUMN plan_digest text,
  ADD COLUMN approved_digest text,
  -- Attempts that count no more: of before somebody asked to try again, or ended by what is no fault of the work.
  ADD COLUMN pardoned int NOT NULL DEFAULT 0;
