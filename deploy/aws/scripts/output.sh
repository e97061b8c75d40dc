#!/bin/sh
# Prints an output of a stack:   deploy/aws/scripts/output.sh staging network PublicAddresses
set -eu

[ $# -eq 3 ] || {
  echo 'usage: output.sh ENVIRONMENT STACK OUTPUT' >&2
  exit 2
}
region=$(sed -n 's/^ *"region": "\(.*\)",*$/\1/p' "$(dirname "$0")/../settings/shared.json")
case $2 in
  registry) stack=tallystick-registry ;;
  *) stack=tallystick-$1-$2 ;;
esac
value=$(aws cloudformation describe-stacks --region "$region" --stack-name "$stack" \
  --query "Stacks[0].Outputs[?OutputKey=='$3'].OutputValue" --output text)
[ -n "$value" ] || {
  echo "output.sh: $stack has no output $3" >&2
  exit 1
}
printf '%s\n' "$value"
