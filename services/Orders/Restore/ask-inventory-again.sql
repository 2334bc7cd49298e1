-- ask: orders whose decision Inventory lost. It decides an order once, by its id; its answer finds the order confirmed already.
INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), a.org_id, 'OrderConfirmationRequested',
  jsonb_build_object('orderId', a.order_id, 'occurredAt', o.occurred_at, 'demands', jsonb_agg(
    jsonb_build_object('kind', l.kind, 'targetId', l.target_id, 'quantity', l.quantity * l.pieces_per_sale) ORDER BY l.line_no)),
  'restore', gen_random_uuid()
FROM ask a
JOIN orders o ON o.org_id = a.org_id AND o.id = a.order_id
JOIN order_lines l ON l.org_id = a.org_id AND l.order_id = a.order_id AND l.kind <> 'service'
WHERE a.wants = 'consumed'
GROUP BY a.org_id, a.order_id, o.occurred_at;

INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), org_id, 'OrderCancelled', jsonb_build_object('orderId', o.id, 'occurredAt', o.occurred_at), 'restore', gen_random_uuid()
FROM ask a JOIN orders o USING (org_id) WHERE o.id = a.order_id AND a.wants = 'cancelled';
