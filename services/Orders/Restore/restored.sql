-- A number that was given to a customer is not given again.
INSERT INTO order_numbers AS n (org_id, last)
SELECT org_id, max((data ->> 'number')::bigint) FROM lost WHERE entity_type = 'order' GROUP BY org_id
ON CONFLICT (org_id) DO UPDATE SET last = greatest(n.last, excluded.last);
