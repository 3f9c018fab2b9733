{{- define "finetune-advisor.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $repository := ternary (printf "%s/%s" $registry .Values.image.repository) .Values.image.repository (ne $registry "") -}}
{{- if and .Values.image.digest (not .Values.image.tag) -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The fields that all containers of this chart share. */}}
{{- define "finetune-advisor.container" -}}
image: {{ include "finetune-advisor.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The names of pull secrets. Values may have them as names or in Kubernetes' format. */}}
{{- define "finetune-advisor.pullSecrets" -}}
{{- range concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
- {{ if kindIs "map" . }}{{ .name | quote }}{{ else }}{{ . | quote }}{{ end }}
{{- end }}
{{- end -}}

{{/* The fields that all pods of this chart share. No pod calls Kubernetes or other services, so none gets a token or service links. */}}
{{- define "finetune-advisor.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "finetune-advisor.serviceAccountName" . | quote }}
{{- with include "finetune-advisor.pullSecrets" . | fromYamlArray | uniq }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The settings as variables FINETUNE_ADVISOR_*. Empty ones are left out, so that the service's defaults hold. */}}
{{- define "finetune-advisor.environment" -}}
{{- range $name, $value := .Values.settings }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: FINETUNE_ADVISOR_{{ snakecase $name | upper }}
  {{- /* Without toJson, a large number would be written as 8.388608e+06. */}}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
- name: FINETUNE_ADVISOR_PORT
  value: {{ .Values.ports.http | quote }}
- name: FINETUNE_ADVISOR_METRICS_PORT
  value: {{ .Values.ports.metrics | quote }}
{{- with include "finetune-advisor.trees.directory" . }}
- name: FINETUNE_ADVISOR_TREES_DIR
  value: {{ . | quote }}
{{- end }}
{{- if .Values.apiKeys.existingSecret }}
- name: FINETUNE_ADVISOR_API_KEYS_FILE
  value: /api-keys/{{ .Values.apiKeys.secretKey }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
