-- ask: orders whose decision Inventory lost. It decides an order once, by its id; its answer finds the order confirmed already.
INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), a.org_id, 'OrderConfirmationRequested',
  jsonb_build_object('orderId', a.order_id, 'demands', jsonb_agg(
    jsonb_build_object('kind', l.kind, 'targetId', l.target_id, 'quantity', l.quantity * l.pieces_per_sale) ORDER BY l.line_no)),
  'restore', gen_random_uuid()
FROM ask a JOIN order_lines l ON l.org_id = a.org_id AND l.order_id = a.order_id AND l.kind <> 'service'
WHERE a.wants = 'consumed'
GROUP BY a.org_id, a.order_id;

INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id)
SELECT gen_random_uuid(), org_id, 'OrderCancelled', jsonb_build_object('orderId', order_id), 'restore', gen_random_uuid()
FROM ask WHERE wants = 'cancelled';
