-- What a cancel leaves behind, and what it takes back.
ALTER TABLE operation_work
  -- The last step from which on a cancel does something else than before; 0 when there was none.
  ADD COLUMN entered_step int NOT NULL DEFAULT 0,
  -- What has been done and stays, as of the last checkpoint.
  ADD COLUMN effects jsonb CHECK (octet_length(effects::text) <= 65536),
  -- It was cancelled, and what it did is being taken back.
  ADD COLUMN is_compensating boolean NOT NULL DEFAULT false;
