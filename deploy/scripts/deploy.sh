#!/bin/sh
# Releases an image into an environment: migrates, then rolls the server out, and takes the rollout
# back when it does not become ready or does not answer.
#
#   deploy/scripts/deploy.sh staging REGISTRY/tallystick@sha256:...
#   deploy/scripts/deploy.sh --render staging REGISTRY/tallystick@sha256:...   prints what is applied
#
# KUBECTL names another kubectl. SMOKE_URL is asked for /readyz at the end, when it is given.
# A migration is not taken back: it expands first, so that the server of before goes on working.
set -eu

kubectl=${KUBECTL:-kubectl}
namespace=tallystick
folder=$(cd "$(dirname "$0")/../kubernetes/overlays" && pwd)

complain() {
  echo "deploy: $1" >&2
  exit 2
}

render_only=false
if [ "${1:-}" = --render ]; then
  render_only=true
  shift
fi
[ $# -eq 2 ] || complain 'usage: deploy.sh [--render] staging|production IMAGE@sha256:DIGEST'
environment=$1
image=$2
case $environment in
  staging | production) ;;
  *) complain "there is no environment $environment" ;;
esac
echo "$image" | grep -Eq '^[a-z0-9./:_-]+@sha256:[0-9a-f]{64}$' ||
  complain "$image is not an image by digest"

# The overlay with the image, in a folder of its own that is gone at the end.
work=$(mktemp -d "$folder/.release.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

render() {
  rm -rf "$work/release"
  mkdir "$work/release"
  cat >"$work/release/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../$1
images:
  - name: tallystick
    newName: ${image%@*}
    digest: ${image#*@}
END
  "$kubectl" kustomize "$work/release"
}

render "$environment/migrate" >"$work/migrate.yaml"
render "$environment" >"$work/server.yaml"
if $render_only; then
  cat "$work/migrate.yaml"
  echo ---
  cat "$work/server.yaml"
  exit 0
fi

in_namespace() {
  "$kubectl" --namespace "$namespace" "$@"
}

echo "deploy: migrating"
in_namespace delete job tallystick-migrate --ignore-not-found --wait=true
"$kubectl" apply -f "$work/migrate.yaml"
# A job that fails never becomes complete: both ends are looked for.
tries=0
until [ "$(in_namespace get job tallystick-migrate -o 'jsonpath={.status.conditions[?(@.type=="Complete")].status}')" = True ]; do
  failed=$(in_namespace get job tallystick-migrate -o 'jsonpath={.status.conditions[?(@.type=="Failed")].status}')
  tries=$((tries + 1))
  if [ "$failed" = True ] || [ "$tries" -gt "${MIGRATE_TRIES:-300}" ]; then
    in_namespace logs job/tallystick-migrate --tail=100 >&2 || true
    echo "deploy: the migration did not succeed; the server of before is still there" >&2
    exit 1
  fi
  sleep "${PAUSE_SECONDS:-3}"
done

take_back() {
  echo "deploy: $1; taking the rollout back" >&2
  in_namespace get pods >&2 || true
  in_namespace logs deployment/tallystick --tail=50 >&2 || true
  in_namespace rollout undo deployment/tallystick
  in_namespace rollout status deployment/tallystick --timeout=360s
  exit 1
}

smoke() {
  tries=0
  until curl --fail --silent --show-error --max-time 10 "$SMOKE_URL/readyz"; do
    tries=$((tries + 1))
    [ "$tries" -lt "${SMOKE_TRIES:-20}" ] || return 1
    sleep "${PAUSE_SECONDS:-3}"
  done
}

echo "deploy: rolling out $image"
"$kubectl" apply -f "$work/server.yaml"
in_namespace rollout status deployment/tallystick --timeout=360s || take_back 'the pods did not become ready'
[ -z "${SMOKE_URL:-}" ] || smoke || take_back "$SMOKE_URL does not answer"
echo "deploy: $environment runs $image"
