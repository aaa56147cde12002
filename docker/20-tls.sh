#!/bin/bash
# Run once by the image's entry point, after 10-roles.sh: an authority, a certificate for localhost, and
# no way in over TCP without TLS and SCRAM (the health check only asks whether the server answers).
set -euo pipefail
cd "$PGDATA"

openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=pgstride test authority" \
  -keyout ca.key -out ca.crt
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out server.crt \
  -extfile <(printf 'subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1\n')
chmod 600 ca.key server.key

psql -v ON_ERROR_STOP=1 --no-psqlrc --username postgres \
  --command "ALTER ROLE postgres PASSWORD 'secret'" \
  --command "ALTER SYSTEM SET ssl = on"

cat >pg_hba.conf <<'HBA'
local     all  all       trust
hostnossl all  all  all  reject
hostssl   all  all  all  scram-sha-256
HBA
