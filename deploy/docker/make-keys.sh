#!/bin/sh
# Makes what a bank on one machine keeps secret, once, in the folder that is named, or else in the
# volume /keys. Each file is for the one user that reads it.
set -eu
umask 077

keys=${1:-/keys}
server_user=65532
postgres_user=999

mkdir -p "$keys"
cd "$keys"
[ -e app.env ] && exit 0

random() {
  od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

owner_password=$(random 24)
server_password=$(random 24)
admin_password=$(random 12)

random 24 >postgres-password
printf '%s' "$owner_password" >owner-password
printf '%s' "$server_password" >server-password
printf 'username: admin\npassword: %s\n' "$admin_password" >first-admin.txt
cat >app.env.part <<END
DATABASE_URL=postgresql://tallystick:$server_password@postgres:5432/tallystick
MIGRATION_DATABASE_URL=postgresql://tallystick_owner:$owner_password@postgres:5432/tallystick
TOKEN_SYMMETRIC_KEY=$(random 32)
BOOTSTRAP_ADMIN_USERNAME=admin
BOOTSTRAP_ADMIN_PASSWORD=$admin_password
END

if [ "$keys" = /keys ]; then
  chown "$postgres_user" postgres-password owner-password server-password first-admin.txt
  chown "$server_user" app.env.part
  chmod 711 .
fi
# The last step: what is not complete does not count.
mv app.env.part app.env
