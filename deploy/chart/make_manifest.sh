#!/usr/bin/env bash
# Writes deploy/kubernetes.yaml, for who has no helm: deploy/chart/make_manifest.sh [HELM]
set -euo pipefail

cd "$(dirname "$0")"
{
    cat <<'HEAD'
# One forwarder that reads KubeArmor's relay and sends to a SIEM:
#   kubectl apply -f deploy/kubernetes.yaml
# Change the image, and the destinations in the ConfigMap. KubeArmor's relay is the Service
# "kubearmor"; its namespace here is "kubearmor". Made by deploy/chart/make_manifest.sh of the chart,
# which has more: a DaemonSet, Kafka, certificates, monitoring.
HEAD
    "${1:-helm}" template cef-bridge cef-bridge --namespace kubearmor --values manifest-values.yaml
} >../kubernetes.yaml
