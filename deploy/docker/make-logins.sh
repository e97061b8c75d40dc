#!/bin/bash
# Runs once, when PostgreSQL has made its data folder: the database, the login that owns its schema
# and the login of the server, which gets its few rights from the migrations.
set -euo pipefail

psql --username="$POSTGRES_USER" --dbname=postgres --set=ON_ERROR_STOP=1 \
  --set=owner_password="$(cat /keys/owner-password)" \
  --set=server_password="$(cat /keys/server-password)" <<'END'
create role tallystick_owner login createrole password :'owner_password';
create role tallystick login password :'server_password';
create database tallystick owner tallystick_owner;
revoke all on database tallystick from public;
grant connect on database tallystick to tallystick;
END
