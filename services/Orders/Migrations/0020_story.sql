-- An order's story starts from the order's own captured changes.
CREATE INDEX sync_events_of_orders ON sync_events (org_id, entity_id) WHERE entity_type = 'order';
