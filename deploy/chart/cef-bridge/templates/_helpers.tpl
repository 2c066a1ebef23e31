{{/* Names and labels */}}
{{- define "cef-bridge.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "cef-bridge.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cef-bridge.labels" -}}
{{ include "cef-bridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: forwarder
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "cef-bridge.meta" -}}
name: {{ include "cef-bridge.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "cef-bridge.labels" . | nindent 2 }}
{{- end -}}

{{- define "cef-bridge.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "cef-bridge.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "cef-bridge.image" -}}
{{- $repository := required "image.repository is missing. No image is published: build one with deploy/image, and name it with --set image.repository=REGISTRY/cef-bridge" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What no schema can say */}}
{{- define "cef-bridge.check" -}}
{{- if not .Values.destinations -}}
{{- required "destinations is empty. Add one, such as {name: siem, to: \"tls://siem.example.net:6514\", mapping: splunk}" "" -}}
{{- end -}}
{{- if and (eq .Values.mode "relay") (ne (int .Values.relay.replicas) 1) -}}
{{- fail (printf "relay.replicas is %v. The relay sends each event to every client: a second replica would send each event a second time. Use 1, or mode node or kafka." .Values.relay.replicas) -}}
{{- end -}}
{{- if eq .Values.mode "kafka" -}}
{{- if not .Values.kafka.brokers -}}{{- required "kafka.brokers is empty. Add one, such as broker-1:9092" "" -}}{{- end -}}
{{- if not .Values.kafka.topics -}}{{- required "kafka.topics is empty. Add one, such as kubearmor" "" -}}{{- end -}}
{{- with .Values.kafka.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "kafka.autoscaling.minReplicas (%v) is more than maxReplicas (%v)." .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Helm reads whole numbers as floats, and would write 16777216 as 1.6777216e+07 */}}
{{- define "cef-bridge.settings" -}}
{{- $found := dict -}}
{{- range $key, $value := . -}}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) -}}
{{- $value = int64 $value -}}
{{- end -}}
{{- $_ := set $found $key $value -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- define "cef-bridge.from" -}}
{{- if eq .Values.mode "relay" -}}
kubearmor://{{ .Values.relay.address }}
{{- else if eq .Values.mode "node" -}}
kubearmor://{{ ternary "[${NODE_ADDRESS}]" "${NODE_ADDRESS}" .Values.node.ipv6 }}:{{ .Values.node.port }}
{{- else -}}
kafka://{{ join "," .Values.kafka.brokers }}/{{ join "," .Values.kafka.topics }}
{{- end -}}
{{- end -}}

{{/* The config of cef-bridge forward */}}
{{- define "cef-bridge.config" -}}
queue: /var/lib/cef-bridge
metrics: {{ .Values.metrics.address | quote }}
{{- with .Values.heartbeat }}
heartbeat: {{ . }}
{{- end }}
grace: {{ .Values.grace }}
watch: yes
sources:
  - from: {{ include "cef-bridge.from" . | quote }}
    {{- if eq .Values.mode "kafka" }}
    group: {{ .Values.kafka.group | quote }}
    {{- end }}
    {{- with (index .Values .Values.mode).settings }}
    {{- include "cef-bridge.settings" . | nindent 4 }}
    {{- end }}
destinations:
  {{- range .Values.destinations }}
  - name: {{ .name | quote }}
    to: {{ .to | quote }}
    {{- with omit . "name" "to" }}
    {{- include "cef-bridge.settings" . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* Where the queue is: claim, host or empty */}}
{{- define "cef-bridge.queue" -}}
{{- if or (not .Values.persistence.enabled) (eq .Values.mode "kafka") -}}empty
{{- else if eq .Values.mode "node" -}}host
{{- else -}}claim
{{- end -}}
{{- end -}}

{{/* The template of a pod */}}
{{- define "cef-bridge.pod" -}}
{{- include "cef-bridge.check" . -}}
{{- $queue := include "cef-bridge.queue" . -}}
metadata:
  labels:
    {{- include "cef-bridge.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "cef-bridge.serviceAccount" . }}
  automountServiceAccountToken: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if and (eq .Values.mode "node") .Values.node.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  # Longer than `grace`, so that the queue is closed in order.
  terminationGracePeriodSeconds: {{ include "cef-bridge.termination" . }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int64 .Values.user }}
    runAsGroup: {{ int64 .Values.user }}
    fsGroup: {{ int64 .Values.user }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- if and (eq $queue "host") .Values.persistence.prepareHostPath }}
  initContainers:
    - name: queue
      image: {{ include "cef-bridge.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [chown, {{ printf "%d:%d" (int64 .Values.user) (int64 .Values.user) | quote }}, /var/lib/cef-bridge]
      resources:
        requests: {cpu: 10m, memory: 16Mi}
        limits: {memory: 32Mi}
      securityContext:
        runAsNonRoot: false
        runAsUser: 0
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL], add: [CHOWN]}
      volumeMounts:
        - {name: queue, mountPath: /var/lib/cef-bridge}
  {{- end }}
  containers:
    - name: cef-bridge
      image: {{ include "cef-bridge.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [cef-bridge]
      args: [forward, --config, /etc/cef-bridge/forward.yaml]
      {{- if or .Values.env (eq .Values.mode "node") }}
      env:
        {{- if eq .Values.mode "node" }}
        - name: NODE_ADDRESS
          valueFrom: {fieldRef: {fieldPath: status.hostIP}}
        {{- end }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - {name: metrics, containerPort: {{ include "cef-bridge.port" . }}}
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 20
        failureThreshold: 6
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        # Whole folders: a file that is mounted alone (subPath) never changes.
        - {name: config, mountPath: /etc/cef-bridge, readOnly: true}
        {{- if .Values.mappingsConfigMap }}
        - {name: mappings, mountPath: /etc/cef-bridge-mappings, readOnly: true}
        {{- end }}
        - {name: queue, mountPath: /var/lib/cef-bridge}
        {{- range .Values.secrets }}
        - {name: {{ printf "secret-%s" (replace "." "-" .) | quote }}, mountPath: {{ printf "/run/secrets/%s" . | quote }}, readOnly: true}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: config
      configMap: {name: {{ include "cef-bridge.name" . }}}
    {{- with .Values.mappingsConfigMap }}
    - name: mappings
      configMap: {name: {{ . }}}
    {{- end }}
    - name: queue
      {{- if eq $queue "claim" }}
      persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim | default (include "cef-bridge.name" .) }}}
      {{- else if eq $queue "host" }}
      hostPath: {path: {{ .Values.persistence.hostPath }}, type: DirectoryOrCreate}
      {{- else }}
      emptyDir: {sizeLimit: {{ .Values.persistence.size }}}
      {{- end }}
    {{- range .Values.secrets }}
    - name: {{ printf "secret-%s" (replace "." "-" .) | quote }}
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.tolerations }}
  tolerations:
    {{- toYaml .Values.tolerations | nindent 4 }}
  {{- else if eq .Values.mode "node" }}
  tolerations:
    - {operator: Exists}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cef-bridge.port" -}}
{{ splitList ":" .Values.metrics.address | last }}
{{- end -}}

{{- define "cef-bridge.termination" -}}
{{- $units := dict "s" 1 "m" 60 "h" 3600 -}}
{{- add 20 (mul (regexFind "^[0-9]+" .Values.grace | int) (get $units (regexFind "[smh]$" .Values.grace))) -}}
{{- end -}}
