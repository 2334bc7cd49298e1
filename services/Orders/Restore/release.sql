-- decided: what Inventory holds stock for. An order that is not here is told as cancelled; nobody waits for the answer.
WITH released AS (
  INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
  SELECT gen_random_uuid(), d.org_id, 'OrderCancelled', jsonb_build_object('orderId', d.order_id), 'restore', gen_random_uuid()
  FROM decided d WHERE d.state = 'consumed' AND NOT EXISTS (SELECT FROM orders o WHERE o.org_id = d.org_id AND o.id = d.order_id)
  RETURNING 1)
SELECT count(*) FROM released;
