CREATE TABLE menu_items (
    org_id uuid NOT NULL DEFAULT current_org(),
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('recipe', 'resale', 'service')),
    target_id uuid,
    pieces_per_sale numeric NOT NULL CHECK (pieces_per_sale > 0 AND pieces_per_sale = round(pieces_per_sale, 6)),
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_class text NOT NULL CHECK (tax_class IN ('standard', 'reduced', 'zero', 'none')),
    is_available boolean NOT NULL DEFAULT true,
    row_version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT menu_items_code_key UNIQUE (org_id, code),
    CHECK ((kind = 'service') = (target_id IS NULL))
);
CREATE INDEX menu_items_by_target ON menu_items (org_id, target_id) WHERE target_id IS NOT NULL;

-- An id once deleted stays taken: a creation repeated late must not bring its item back.
CREATE TABLE deleted_menu_items (
    org_id uuid NOT NULL DEFAULT current_org(),
    id uuid NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- The newest said about every recipe, on the menu or not: Inventory tells changes only, so an item made later finds it here.
CREATE TABLE recipe_availability (
    org_id uuid NOT NULL DEFAULT current_org(),
    recipe_id uuid NOT NULL,
    is_available boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, recipe_id)
);

CREATE TABLE customers (
    org_id uuid NOT NULL DEFAULT current_org(),
    id uuid NOT NULL,
    email text,
    external_id text,
    name text,
    row_version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT customers_email_key UNIQUE (org_id, email),
    CONSTRAINT customers_external_id_key UNIQUE (org_id, external_id),
    CHECK (num_nonnulls(email, external_id) = 1)
);

-- An organisation's own counter: a common sequence would tell each how much the others sell.
CREATE TABLE order_numbers (
    org_id uuid PRIMARY KEY DEFAULT current_org(),
    last bigint NOT NULL
) WITH (fillfactor = 50);
SELECT ops_tenant_table('order_numbers');

-- Call it in a transaction of its own. Its commit need not wait for the disk: that of the order that uses the number comes
-- later in the log and takes it along.
CREATE FUNCTION next_order_number() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO order_numbers AS n (org_id, last) VALUES (current_org(), 1)
    ON CONFLICT (org_id) DO UPDATE SET last = n.last + 1
    RETURNING last INTO number;
    RETURN number;
END $$;

CREATE TABLE orders (
    org_id uuid NOT NULL DEFAULT current_org(),
    id uuid NOT NULL,
    number bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('placed', 'confirming', 'confirmed', 'rejected', 'cancelling', 'cancelled', 'completed')),
    customer_id uuid,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_minor bigint NOT NULL CHECK (total_minor >= 0),
    note text,
    needs_stock boolean NOT NULL,
    reasons jsonb,
    confirmation_attempts integer NOT NULL DEFAULT 0,
    cancellation_attempts integer NOT NULL DEFAULT 0,
    -- The message that last asked Inventory for the answer the order waits for, and when.
    asked_id uuid,
    asked_at timestamptz,
    -- SHA-256 of the normalised request: tells a repeated request from another one under the same id.
    content_hash bytea NOT NULL,
    occurred_at timestamptz NOT NULL,
    placed_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    rejected_at timestamptz,
    cancelled_at timestamptz,
    completed_at timestamptz,
    row_version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, customer_id) REFERENCES customers (org_id, id),
    CHECK (needs_stock OR status NOT IN ('confirming', 'rejected', 'cancelling')),
    CHECK (status NOT IN ('confirming', 'cancelling') OR (asked_id IS NOT NULL AND asked_at IS NOT NULL)),
    CHECK (status <> 'confirmed' OR confirmed_at IS NOT NULL),
    CHECK ((status = 'rejected') = (reasons IS NOT NULL))
);
CREATE INDEX orders_by_time ON orders (org_id, occurred_at DESC, id DESC);
-- Serves the list of one state by time, and the summary without touching the table.
CREATE INDEX orders_by_status ON orders (org_id, status, occurred_at DESC, id DESC) INCLUDE (currency, total_minor);
CREATE INDEX orders_unanswered ON orders (asked_at) WHERE status IN ('confirming', 'cancelling');

CREATE TABLE order_lines (
    org_id uuid NOT NULL DEFAULT current_org(),
    order_id uuid NOT NULL,
    line_no integer NOT NULL,
    -- No foreign key: the line keeps what was sold after its menu item is gone.
    menu_item_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('recipe', 'resale', 'service')),
    target_id uuid,
    pieces_per_sale numeric NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    total_minor bigint NOT NULL CHECK (total_minor = unit_price_minor * quantity),
    tax_class text NOT NULL CHECK (tax_class IN ('standard', 'reduced', 'zero', 'none')),
    PRIMARY KEY (org_id, order_id, line_no),
    FOREIGN KEY (org_id, order_id) REFERENCES orders (org_id, id)
);

CREATE FUNCTION refuse_illegal_order_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('placed', 'confirming'), ('placed', 'confirmed'), ('placed', 'cancelled'),
        ('confirming', 'confirmed'), ('confirming', 'rejected'), ('confirming', 'cancelling'),
        ('confirmed', 'completed'), ('confirmed', 'cancelling'), ('confirmed', 'cancelled'),
        ('cancelling', 'cancelled'))
        OR (NEW.needs_stock AND (OLD.status, NEW.status) IN (('placed', 'confirmed'), ('confirmed', 'cancelled')))
    THEN
        RAISE EXCEPTION 'An order cannot go from % to %.', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_legal_move';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_legal_move BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION refuse_illegal_order_move();

CREATE FUNCTION refuse_illegal_order_start() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'An order cannot start as %.', NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_legal_start';
END $$;
CREATE TRIGGER orders_legal_start BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.status NOT IN ('placed', 'confirming') AND (NEW.needs_stock OR NEW.status <> 'confirmed'))
    EXECUTE FUNCTION refuse_illegal_order_start();

SELECT ops_tenant_table('menu_items');
SELECT ops_tenant_table('deleted_menu_items');
SELECT ops_tenant_table('recipe_availability');
SELECT ops_tenant_table('customers');
SELECT ops_tenant_table('orders');
SELECT ops_tenant_table('order_lines');

-- What was sold is history: only an order's state changes.
REVOKE UPDATE, DELETE ON order_lines FROM {{service}}_app;
REVOKE DELETE ON orders FROM {{service}}_app;
REVOKE DELETE ON customers FROM {{service}}_app;
REVOKE UPDATE, DELETE ON deleted_menu_items FROM {{service}}_app;

SELECT ops_track_table('menu_items', entity => 'menu_item', event_prefix => 'menu', category => 'menu', priority => 'normal',
    exclude => ARRAY[]::text[]);
SELECT ops_track_table('customers', entity => 'customer', event_prefix => 'customer', category => 'customers', priority => 'normal',
    exclude => ARRAY[]::text[]);
SELECT ops_track_table('orders', entity => 'order', event_prefix => 'order', category => 'orders', priority => 'high',
    exclude => ARRAY['content_hash', 'asked_id']);

-- Row security binds the owner too; these let it, and so unanswered_orders, see what every organisation asked.
CREATE POLICY owner_reads_all ON orders FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads_all ON outbox FOR SELECT TO CURRENT_USER USING (true);

-- The only thing the service learns without acting for an organisation: which orders wait too long for Inventory.
-- The patience doubles with every attempt, from shortest to longest.
CREATE FUNCTION unanswered_orders(at_time timestamptz, shortest interval, longest interval, at_most integer)
    RETURNS TABLE (org_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT o.org_id, o.id
    FROM orders o
    WHERE o.status IN ('confirming', 'cancelling')
      AND o.asked_at < at_time - shortest
      AND o.asked_at < at_time - least(longest, shortest * power(2,
          -- Twenty doublings of any patience worth setting are beyond the longest, and inside what an interval holds.
          least(20, CASE o.status WHEN 'confirming' THEN o.confirmation_attempts ELSE o.cancellation_attempts END - 1)))
      -- A request still in the outbox is not lost: it leaves when the broker is back, or when somebody retries it.
      AND NOT EXISTS (SELECT FROM outbox WHERE id = o.asked_id)
    ORDER BY o.asked_at
    LIMIT at_most
$$;
REVOKE ALL ON FUNCTION unanswered_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unanswered_orders TO {{service}}_app;
