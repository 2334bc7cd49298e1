WITH again AS (
  UPDATE sync_events SET sync_status = 'pending', attempts = 0, next_attempt_at = NULL
  WHERE sync_status = 'processed' AND created_at >= :'from'::timestamptz RETURNING 1)
SELECT count(*) FROM again;
