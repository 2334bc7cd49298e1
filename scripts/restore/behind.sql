-- Per service, from when on the feed may lack changes: each queue is a line, so it has all up to its newest entry.
SELECT service, least(min(newest), :'taken_at'::timestamptz) - interval '1 hour'
FROM (SELECT service, hashtext(entity_id) & 7 AS shard, max(captured_at) AS newest FROM feed WHERE captured_at < :'taken_at'::timestamptz GROUP BY 1, 2) queues
GROUP BY service;
