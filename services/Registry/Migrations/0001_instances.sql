-- Platform data: no organisation owns an instance.

CREATE TABLE instances (
  id uuid PRIMARY KEY,
  service text NOT NULL,
  key_hash bytea NOT NULL,
  address text NOT NULL,
  state text NOT NULL CHECK (state IN ('starting', 'healthy', 'degraded', 'unhealthy', 'lost', 'stopped')),
  reason text NOT NULL,
  -- What the instance says of itself; its state also depends on what the probe says.
  reported text NOT NULL CHECK (reported IN ('starting', 'healthy', 'degraded', 'unhealthy')),
  reached boolean NOT NULL,
  probe_error text,
  version text NOT NULL,
  host_name text NOT NULL,
  process_id int NOT NULL,
  started_at timestamptz NOT NULL,
  registered_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  last_heartbeat_at timestamptz NOT NULL,
  probed_at timestamptz NOT NULL,
  health jsonb NOT NULL
  -- A heartbeat touches no indexed column and finds room on its page: nothing but the row itself is written.
) WITH (fillfactor = 50);

CREATE INDEX instances_service ON instances (service, id);
-- No two live instances share an address: the newer one is what answers there.
CREATE UNIQUE INDEX instances_address ON instances (address) WHERE state NOT IN ('lost', 'stopped');
GRANT SELECT, INSERT, UPDATE ON instances TO {{service}}_app;

CREATE TABLE health_history (
  id uuid PRIMARY KEY,
  service text NOT NULL,
  instance_id uuid NOT NULL,
  address text NOT NULL,
  version text NOT NULL,
  from_state text,
  to_state text NOT NULL,
  reason text NOT NULL,
  changed_at timestamptz NOT NULL
);

CREATE INDEX health_history_time ON health_history (changed_at DESC, id DESC);
CREATE INDEX health_history_service ON health_history (service, changed_at DESC, id DESC);
CREATE INDEX health_history_instance ON health_history (instance_id, changed_at DESC, id DESC);
GRANT SELECT, INSERT ON health_history TO {{service}}_app;
