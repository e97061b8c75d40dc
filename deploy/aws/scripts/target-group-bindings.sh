#!/bin/sh
# Prints the manifests that register the pods of the ingress controller in the load balancer:
#
#   deploy/aws/scripts/target-group-bindings.sh staging | kubectl apply -f -
#
# The API group is that of EKS Auto Mode; the load balancer controller that one installs has
# elbv2.k8s.aws/v1beta1. There is no `networking`: the stack `cluster` opens the ports.
set -eu

[ $# -eq 1 ] || {
  echo 'usage: target-group-bindings.sh ENVIRONMENT' >&2
  exit 2
}
output=$(dirname "$0")/output.sh
http=$("$output" "$1" network HttpTargetGroup)
https=$("$output" "$1" network HttpsTargetGroup)

print() {
  cat <<END
---
apiVersion: eks.amazonaws.com/v1
kind: TargetGroupBinding
metadata:
  name: $1
  namespace: nginx-ingress
spec:
  serviceRef:
    name: nginx-ingress-controller
    port: $2
  targetType: ip
  targetGroupARN: $3
END
}
print http 80 "$http"
print https 443 "$https"
