#!/bin/bash
# The three roles of docs/guides/postgresql.md; run once, when the database is made.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname bailiwick \
  -v owner="$OWNER_PASSWORD" -v app="$APP_PASSWORD" -v system="$SYSTEM_PASSWORD" <<'SQL'
CREATE ROLE bailiwick_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE bailiwick_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app';
CREATE ROLE bailiwick_system LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'system';
ALTER DATABASE bailiwick OWNER TO bailiwick_owner;
ALTER SCHEMA public OWNER TO bailiwick_owner;
REVOKE ALL ON DATABASE bailiwick FROM PUBLIC;
GRANT CONNECT ON DATABASE bailiwick TO bailiwick_app, bailiwick_system;
SQL
