-- When the sale took place for which the decision was made: reports count its consumption on that day.

ALTER TABLE stock_decisions ADD COLUMN occurred_at timestamptz;
