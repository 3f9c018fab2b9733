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

{{/* What every container of this chart has. */}}
{{- define "finetune-advisor.container" -}}
image: {{ include "finetune-advisor.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The names of pull secrets, which are given as names or in Kubernetes' form. */}}
{{- define "finetune-advisor.pullSecrets" -}}
{{- range concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
- {{ if kindIs "map" . }}{{ .name | quote }}{{ else }}{{ . | quote }}{{ end }}
{{- end }}
{{- end -}}

{{/* What every pod of this chart has. */}}
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

{{/* Each setting as FINETUNE_ADVISOR_*; an empty one is left to the service's default. */}}
{{- define "finetune-advisor.environment" -}}
{{- range $name, $value := .Values.settings }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: FINETUNE_ADVISOR_{{ snakecase $name | upper }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
- name: FINETUNE_ADVISOR_PORT
  value: {{ .Values.ports.http | quote }}
- name: FINETUNE_ADVISOR_METRICS_PORT
  value: {{ .Values.ports.metrics | quote }}
{{- if include "finetune-advisor.trees.configMap" . }}
- name: FINETUNE_ADVISOR_TREES_DIR
  value: /trees
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
