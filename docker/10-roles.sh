#!/bin/bash
# Run once by the image's entry point. Roles and access as in tests/support/postgres.py.
set -euo pipefail

psql -v ON_ERROR_STOP=1 --no-psqlrc --username postgres <<'SQL'
CREATE ROLE pgstride_trust LOGIN;
SET password_encryption = 'scram-sha-256';
CREATE ROLE pgstride_password LOGIN PASSWORD 'secret';
CREATE ROLE pgstride_scram LOGIN PASSWORD 'secret';
SET password_encryption = 'md5';
CREATE ROLE pgstride_md5 LOGIN PASSWORD 'secret';
CREATE DATABASE pgstride;
\connect pgstride
GRANT ALL ON SCHEMA public TO PUBLIC;
SQL

cat >"$PGDATA/pg_hba.conf" <<'HBA'
local all all                    trust
host  all pgstride_password all  password
host  all pgstride_md5      all  md5
host  all pgstride_scram    all  scram-sha-256
host  all all               all  trust
HBA
