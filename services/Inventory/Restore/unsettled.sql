-- wanted: what Orders holds. What is not so here, or not yet.
SELECT jsonb_build_object('organisation', w.org_id, 'order', w.order_id, 'orders', w.wants, 'inventory', d.state, 'reasons', d.reasons)
FROM wanted w LEFT JOIN stock_decisions d USING (org_id, order_id)
WHERE (w.wants = 'consumed' AND d.state IS DISTINCT FROM 'consumed') OR (w.wants = 'cancelled' AND (d.state IS NULL OR d.state = 'consumed'));
