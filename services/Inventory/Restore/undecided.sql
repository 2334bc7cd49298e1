-- wanted: what Orders holds. A refusal of an order that stands is forgotten, so that it can be decided anew.
DELETE FROM stock_decisions d USING wanted w
WHERE w.wants = 'consumed' AND d.org_id = w.org_id AND d.order_id = w.order_id AND d.state = 'refused';

COPY (
  SELECT w.org_id, w.order_id, w.wants FROM wanted w LEFT JOIN stock_decisions d USING (org_id, order_id)
  WHERE (w.wants = 'consumed' AND d.state IS NULL) OR (w.wants = 'cancelled' AND (d.state IS NULL OR d.state = 'consumed'))
) TO STDOUT;
