-- The relay reads how far the numbers of captured changes have come.

GRANT SELECT ON SEQUENCE sync_events_seq TO {{service}}_relay;
