#!/bin/sh
# Makes the login that the server's secret names in the database, or gives it the secret's password anew:
#
#   deploy/aws/scripts/make-server-login.sh staging
#
# The database is out of reach from outside, so a pod of the namespace does it, which lives as long as
# this. Passwords go through standard input, and so into no argument, manifest or log. Needs the
# namespace and the ConfigMap database-ca of deploy/README.md.
set -eu

[ $# -eq 1 ] || {
  echo 'usage: make-server-login.sh ENVIRONMENT' >&2
  exit 2
}
folder=$(dirname "$0")
region=$(sed -n 's/^ *"region": "\(.*\)",*$/\1/p' "$folder/../settings/shared.json")
image=public.ecr.aws/docker/library/postgres:18-trixie

# member_of ENVIRONMENT SECRET MEMBER
member_of() {
  secret=$(aws secretsmanager get-secret-value --region "$region" \
    --secret-id "$("$folder/output.sh" "$1" data "$2")" --query SecretString --output text)
  printf '%s' "$secret" | jq --exit-status --raw-output ".$3"
}
host=$("$folder/output.sh" "$1" data DatabaseHost)
owner_password=$(member_of "$1" OwnerSecret password)
server_login=$(member_of "$1" ServerSecret username)
server_password=$(member_of "$1" ServerSecret password)
case $server_login in
  '' | *[!a-z0-9_]*)
    echo "the secret names the login $server_login, which is none of a-z, 0-9 and _" >&2
    exit 1
    ;;
esac

overrides=$(jq --null-input --arg image "$image" --arg host "$host" '{
  spec: {
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: "RuntimeDefault" }
    },
    containers: [{
      name: "make-server-login",
      image: $image,
      stdin: true,
      stdinOnce: true,
      command: ["sh", "-c", "IFS= read -r PGPASSWORD && export PGPASSWORD && exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1"],
      env: [
        { name: "PGHOST", value: $host },
        { name: "PGUSER", value: "tallystick_owner" },
        { name: "PGDATABASE", value: "tallystick" },
        { name: "PGSSLMODE", value: "verify-full" },
        { name: "PGSSLROOTCERT", value: "/etc/database-ca/ca.pem" }
      ],
      volumeMounts: [{ name: "database-ca", mountPath: "/etc/database-ca", readOnly: true }],
      securityContext: {
        allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] }
      }
    }],
    volumes: [{ name: "database-ca", configMap: { name: "database-ca" } }]
  }
}')

# In psql a quote is doubled and a backslash begins an escape.
quoted=$(printf '%s' "$server_password" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")
{
  printf '%s\n' "$owner_password"
  printf '%s\n' "\\set server_password '$quoted'"
  printf '%s\n' "\\set server_login $server_login"
  cat <<'END'
select format('create role %I login', :'server_login')
where not exists (select from pg_roles where rolname = :'server_login') \gexec
alter role :"server_login" login password :'server_password';
revoke all on database tallystick from public;
grant connect on database tallystick to :"server_login";
-- The migrations make this role, and grant it to the login of their time.
select format('grant tallystick_server to %I', :'server_login')
where exists (select from pg_roles where rolname = 'tallystick_server') \gexec
\echo the login :server_login is there
END
} | "${KUBECTL:-kubectl}" --namespace tallystick run make-server-login --rm --stdin --quiet \
  --restart=Never --pod-running-timeout=5m --image="$image" \
  --labels=app.kubernetes.io/name=tallystick,app.kubernetes.io/component=operator \
  --overrides="$overrides"
