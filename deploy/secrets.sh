#!/bin/sh
# Makes the secrets of compose.yml, once, in deploy/secrets. Keep master.key: without it the data
# cannot be read.
set -eu
cd "$(dirname "$0")"
[ ! -e secrets ] || { echo "deploy/secrets is there already: nothing was changed"; exit 0; }
umask 077
mkdir secrets
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
owner=$(word) app=$(word) system=$(word)
cat >secrets/postgres.env <<TXT
POSTGRES_PASSWORD=$(word)
OWNER_PASSWORD=$owner
APP_PASSWORD=$app
SYSTEM_PASSWORD=$system
TXT
cat >secrets/node.env <<TXT
BAILIWICK_DATABASE_URL=postgres://bailiwick_app:$app@postgres/bailiwick
BAILIWICK_DATABASE_SYSTEM_URL=postgres://bailiwick_system:$system@postgres/bailiwick
TXT
cat >secrets/migrate.env <<TXT
BAILIWICK_DATABASE_OWNER_URL=postgres://bailiwick_owner:$owner@postgres/bailiwick
TXT
printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64)" >secrets/master.key
# Containers read it as another user of this machine; the folder keeps everybody else out.
chmod 644 secrets/master.key
echo "deploy/secrets is made"
