import { NUM_CUSTOMERS, PRODUCTS, ROLES, type Role } from './world.js'

/** Rows to start with. Product ids run over all of PRODUCTS. */
const SEED_ROWS = `
INSERT INTO customers (email, full_name, password_hash)
  SELECT 'user' || n || '@example.com', 'Customer ' || n, md5(n::text) FROM generate_series(1, ${NUM_CUSTOMERS}) n;
INSERT INTO products (sku, title, price, stock)
  SELECT 'SKU-' || (10000 + n), 'Product ' || n, 5 + n % 90, 1000000 FROM generate_series(1, ${PRODUCTS.faults[1]}) n;
INSERT INTO reviews (product_id, rating, body)
  SELECT 1 + n % 400, 1 + n % 5, 'Review ' || n FROM generate_series(1, 4000) n;
INSERT INTO orders (customer_id, status, total, placed_at)
  SELECT 1 + n % ${NUM_CUSTOMERS}, 'paid', 10 + n % 200, now() - n * interval '7 minutes' FROM generate_series(1, 8000) n;
INSERT INTO invoices SELECT n, n, current_date FROM generate_series(1, 50) n;
INSERT INTO jobs (kind, state, payload)
  SELECT 'mail', 'ready', 'order ' || n FROM generate_series(1, 4000) n;
INSERT INTO audit_archive (happened_at, actor, action)
  SELECT now() - n * interval '1 hour', 'user' || n % 50, repeat('x', 60) FROM generate_series(1, 12000) n;
INSERT INTO schema_migrations VALUES (41);
`

const TABLES = `
CREATE TABLE customers (id serial PRIMARY KEY, email text UNIQUE, full_name text, password_hash text,
  last_login timestamptz, visits int DEFAULT 0);
CREATE TABLE login_attempts (id serial PRIMARY KEY, email text, succeeded boolean, attempted_at timestamptz);
CREATE TABLE products (id serial PRIMARY KEY, sku text UNIQUE, title text, price numeric(10,2), stock int) WITH (fillfactor = 50);
CREATE TABLE reviews (id serial PRIMARY KEY, product_id int, rating int, body text, written_at timestamptz DEFAULT now());
CREATE TABLE carts (id serial PRIMARY KEY, customer_id int, status text);
CREATE TABLE cart_items (cart_id int, product_id int, quantity int, unit_price numeric(10,2));
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int, cart_id int, status text, total numeric(10,2), placed_at timestamptz);
CREATE TABLE order_items (order_id int, product_id int, quantity int, unit_price numeric(10,2));
CREATE TABLE payments (id serial PRIMARY KEY, order_id int, method text, amount numeric(10,2), captured_at timestamptz,
  CONSTRAINT payments_amount_limit CHECK (amount < 5000));
CREATE TABLE invoices (number int PRIMARY KEY, order_id int, issued_on date);
CREATE TABLE stock_movements (id serial PRIMARY KEY, product_id int, delta int, reason text, moved_at timestamptz);
CREATE TABLE jobs (id serial PRIMARY KEY, kind text, state text, payload text, finished_at timestamptz);
CREATE TABLE daily_sales (day date PRIMARY KEY, num_orders int, turnover numeric(12,2));
CREATE TABLE audit_archive (happened_at timestamptz, actor text, action text) WITH (autovacuum_enabled = false);
CREATE TABLE schema_migrations (version int PRIMARY KEY);
CREATE MATERIALIZED VIEW top_products AS SELECT product_id, sum(quantity) AS sold FROM order_items GROUP BY product_id;
`

/** Statements that set up roles, the shop and its limits. `passwords` are the cluster's own. */
export function schemaScript(
  passwords: Readonly<Record<Role, string>>,
  stagingDirectory: string | undefined,
): string {
  const roles = (Object.keys(ROLES) as Role[]).map(
    role => `CREATE ROLE ${role} LOGIN PASSWORD '${passwords[role]}';`,
  )
  const owners = ['batch', 'migrator', 'warehouse'].map(role => `GRANT shop_owner TO ${role};`)
  const tablespace = stagingDirectory
    ? `CREATE TABLESPACE staging OWNER batch LOCATION '${stagingDirectory}';`
    : ''
  return `
${roles.join('\n')}
CREATE ROLE bench LOGIN;
CREATE ROLE shop_owner;
${owners.join('\n')}
ALTER ROLE webshop SET idle_in_transaction_session_timeout = '1500ms';
ALTER ROLE warehouse SET idle_in_transaction_session_timeout = '4s';
ALTER ROLE warehouse SET lock_timeout = '1600ms';
ALTER ROLE reporting SET statement_timeout = '2s';
ALTER ROLE reporting SET work_mem = '64kB';
ALTER ROLE support SET idle_session_timeout = '1200ms';
CREATE DATABASE bench OWNER bench;
CREATE DATABASE shop OWNER shop_owner;
${tablespace}
\\connect shop
GRANT CREATE ON SCHEMA public TO batch, migrator;
SET ROLE shop_owner;
${TABLES}
${SEED_ROWS}
RESET ROLE;
CREATE TABLE import_staging (sku text, title text, price numeric(10,2), stock int, notes text) ${stagingDirectory ? 'TABLESPACE staging' : ''};
ALTER TABLE import_staging OWNER TO batch;
GRANT ALL ON ALL TABLES IN SCHEMA public TO webshop, api, worker, warehouse, batch, migrator;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO webshop, api, worker, warehouse, batch, migrator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting, support;
VACUUM ANALYZE;
`
}
