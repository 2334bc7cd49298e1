-- decided: what Inventory decided since. The worker that asks again finds these orders unanswered, and Inventory repeats its answer.
SELECT set_config('app.context', '{"source": "restore"}', true) \g /dev/null

WITH confirming AS (
  UPDATE orders o SET status = 'confirming', confirmation_attempts = 1, asked_id = gen_random_uuid(), asked_at = now() - interval '1 hour'
  FROM decided d WHERE d.state = 'consumed' AND o.org_id = d.org_id AND o.id = d.order_id AND o.status = 'placed' RETURNING 1
), cancelling AS (
  UPDATE orders o SET status = 'cancelling', cancellation_attempts = 1, asked_id = gen_random_uuid(), asked_at = now() - interval '1 hour'
  FROM decided d WHERE d.state = 'restored' AND o.org_id = d.org_id AND o.id = d.order_id AND o.status IN ('confirming', 'confirmed') RETURNING 1
)
SELECT jsonb_build_object('confirming', (SELECT count(*) FROM confirming), 'cancelling', (SELECT count(*) FROM cancelling));

SELECT jsonb_build_object('organisation', d.org_id, 'order', d.order_id, 'consumedAt', d.decided_at)
FROM decided d WHERE d.state = 'consumed' AND NOT EXISTS (SELECT FROM orders o WHERE o.org_id = d.org_id AND o.id = d.order_id);
