-- What every service's database has: tenancy, capture, outbox, inbox and parked messages.

CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.org_id', true), '')::uuid $$;

GRANT SELECT ON schema_migrations TO {{service}}_app;

CREATE FUNCTION ops_tenant_table(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY tenant ON %I TO {{service}}_app USING (org_id = current_org()) WITH CHECK (org_id = current_org())', name);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {{service}}_app', name);
END $$;

-- Partitions: a week each, two made ahead; the default one only catches what the clock or the maintenance got wrong.

CREATE TABLE partitioned_tables (name text PRIMARY KEY);

CREATE FUNCTION ops_ensure_partitions(parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz;
  child text;
  key text := pg_get_partkeydef(parent::regclass);
BEGIN
  key := substring(key FROM '\((.*)\)');
  FOR i IN -1..2 LOOP
    since := date_trunc('week', now(), 'UTC') + i * interval '7 days';
    child := parent || '_' || to_char(since AT TIME ZONE 'UTC', 'YYYYMMDD');
    IF to_regclass(child) IS NULL THEN
      -- Rows that strayed into the default partition must leave it before their week can be attached.
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
      EXECUTE format('WITH strays AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM strays',
        parent || '_default', key, since, key, since + interval '7 days', child);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, since, since + interval '7 days');
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION ops_partition_table(parent text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO partitioned_tables VALUES (parent);
  EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_default', parent);
  PERFORM ops_ensure_partitions(parent);
END $$;

CREATE FUNCTION ops_rows_in_default_partitions() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  found boolean;
  strays bigint := 0;
BEGIN
  FOR parent IN SELECT name FROM partitioned_tables LOOP
    -- The planner's row estimate would do for an alert, but an empty table must never raise one.
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_stat_user_tables WHERE relname = %L AND n_live_tup > 0)', parent || '_default') INTO found;
    strays := strays + found::int;
  END LOOP;
  RETURN strays;
END $$;

-- Captured changes.

CREATE SEQUENCE sync_events_seq;

CREATE TABLE sync_events (
  seq bigint NOT NULL DEFAULT nextval('sync_events_seq'),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL,
  event_type text NOT NULL,
  category text NOT NULL,
  priority text NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  row_version bigint NOT NULL,
  operation text NOT NULL CHECK (operation IN ('create', 'update', 'delete')),
  data jsonb NOT NULL,
  changed jsonb NOT NULL,
  metadata jsonb NOT NULL,
  size_bytes int NOT NULL,
  sync_status text NOT NULL DEFAULT 'pending' CHECK (sync_status IN ('pending', 'processed', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  error text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  processed_at timestamptz,
  shard smallint NOT NULL
) PARTITION BY RANGE (created_at);

CREATE INDEX sync_events_pending ON sync_events (seq) WHERE sync_status = 'pending';
CREATE INDEX sync_events_org ON sync_events (org_id);
CREATE INDEX sync_events_failed ON sync_events (org_id, seq) WHERE sync_status = 'failed';
SELECT ops_partition_table('sync_events');

ALTER TABLE sync_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_events FORCE ROW LEVEL SECURITY;
CREATE POLICY capture ON sync_events FOR INSERT TO {{service}}_owner WITH CHECK (true);
CREATE POLICY relay ON sync_events TO {{service}}_relay USING (true);
CREATE POLICY tenant ON sync_events FOR SELECT TO {{service}}_app USING (org_id = current_org());
GRANT SELECT ON sync_events TO {{service}}_app;
GRANT SELECT, UPDATE ON sync_events TO {{service}}_relay;

-- Raises the version of a row that really changes; an update that changes nothing keeps it and is not captured.
CREATE FUNCTION stamp_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.row_version := 1;
  ELSE
    NEW.row_version := OLD.row_version;
    IF NEW IS DISTINCT FROM OLD THEN
      NEW.row_version := OLD.row_version + 1;
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION stamp_row_and_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.row_version := 1;
    NEW.updated_at := now();
  ELSE
    NEW.row_version := OLD.row_version;
    NEW.updated_at := OLD.updated_at;
    IF NEW IS DISTINCT FROM OLD THEN
      NEW.row_version := OLD.row_version + 1;
      NEW.updated_at := now();
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- Arguments: entity, event prefix, category, priority, columns to leave out. Runs as the owner: the app role cannot write sync_events.
CREATE FUNCTION capture_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden text[] := TG_ARGV[4]::text[];
  before jsonb;
  after jsonb;
  row_now jsonb;
  differing jsonb;
  version bigint;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.row_version = OLD.row_version THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    row_now := to_jsonb(OLD) - hidden;
    version := OLD.row_version + 1;
  ELSE
    row_now := to_jsonb(NEW) - hidden;
    version := NEW.row_version;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    before := to_jsonb(OLD) - hidden;
    SELECT coalesce(jsonb_agg(key), '[]') INTO differing FROM jsonb_each(row_now) WHERE value IS DISTINCT FROM before -> key;
  ELSE
    SELECT coalesce(jsonb_agg(key), '[]') INTO differing FROM jsonb_object_keys(row_now) AS key;
  END IF;
  INSERT INTO public.sync_events
    (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, shard)
  VALUES (
    (row_now ->> 'org_id')::uuid,
    TG_ARGV[1] || CASE TG_OP WHEN 'INSERT' THEN '_created' WHEN 'UPDATE' THEN '_updated' ELSE '_deleted' END,
    TG_ARGV[2], TG_ARGV[3], TG_ARGV[0], row_now ->> 'id', version,
    CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
    row_now, differing,
    coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{"source": "sql"}'),
    octet_length(row_now::text),
    hashtext(row_now ->> 'id') & 7);
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION capture_change() FROM PUBLIC;

CREATE FUNCTION ops_track_table(
  name text, entity text, event_prefix text, category text, priority text DEFAULT 'normal', exclude text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  stamp text := 'stamp_row';
BEGIN
  IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'public' AND table_name = name AND column_name = 'updated_at') THEN
    stamp := 'stamp_row_and_time';
  END IF;
  EXECUTE format('CREATE TRIGGER a_stamp BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION %I()', name, stamp);
  EXECUTE format('CREATE TRIGGER z_capture AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION capture_change(%L, %L, %L, %L, %L)',
    name, entity, event_prefix, category, priority, exclude::text);
END $$;

-- Typed messages on their way out; a row is deleted when the broker has confirmed it.

CREATE TABLE outbox (
  id uuid PRIMARY KEY,
  org_id uuid,
  message_type text NOT NULL,
  body jsonb NOT NULL,
  actor text,
  correlation_id uuid NOT NULL,
  causation_id uuid,
  traceparent text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  error text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX outbox_pending ON outbox (created_at) WHERE status = 'pending';
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON outbox FOR SELECT TO {{service}}_app USING (org_id = current_org());
CREATE POLICY tenant_writes ON outbox FOR INSERT TO {{service}}_app WITH CHECK (org_id IS NOT DISTINCT FROM current_org());
CREATE POLICY relay ON outbox TO {{service}}_relay USING (true);
GRANT SELECT, INSERT ON outbox TO {{service}}_app;
GRANT SELECT, UPDATE, DELETE ON outbox TO {{service}}_relay;

-- What each consumer has applied; holds no tenant's data.

CREATE TABLE inbox (
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);

CREATE INDEX inbox_received_at ON inbox (received_at);
GRANT SELECT, INSERT ON inbox TO {{service}}_app;

-- Messages no attempt could apply, with the bytes to send them again.

CREATE TABLE parked_messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid,
  queue text NOT NULL,
  message_type text NOT NULL,
  message_id uuid,
  content_type text NOT NULL,
  body bytea NOT NULL,
  error text NOT NULL,
  attempts int NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (queue, message_id)
);

ALTER TABLE parked_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE parked_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON parked_messages FOR SELECT TO {{service}}_app USING (org_id = current_org());
CREATE POLICY relay ON parked_messages TO {{service}}_relay USING (true);
GRANT SELECT ON parked_messages TO {{service}}_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON parked_messages TO {{service}}_relay;

-- Drops whole weeks of captured changes that the feed has had for long; a week with an unsent change stays.
CREATE FUNCTION ops_forget_changes(older_than timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  week text;
  unsent boolean;
  dropped integer := 0;
BEGIN
  FOR week IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'sync_events'::regclass AND c.relname ~ '^sync_events_\d{8}$'
      AND to_timestamp(right(c.relname, 8) || ' 00+00', 'YYYYMMDD HH24TZH') + interval '7 days' <= older_than
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE sync_status <> ''processed'')', week) INTO unsent;
    IF NOT unsent THEN
      EXECUTE format('DROP TABLE %I', week);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  RETURN dropped;
END $$;

CREATE FUNCTION ops_maintain() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent text;
BEGIN
  FOR parent IN SELECT name FROM partitioned_tables LOOP
    PERFORM ops_ensure_partitions(parent);
  END LOOP;
  -- Longer than any broker or relay holds a message back.
  DELETE FROM inbox WHERE received_at < now() - interval '14 days';
  PERFORM ops_forget_changes(now() - interval '30 days');
END $$;
