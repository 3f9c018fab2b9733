{{/* A directory, and no subPath: the kubelet doesn't update files that are mounted by one. */}}
{{- define "finetune-advisor.apiKeys.volumeMounts" -}}
{{- if .Values.apiKeys.existingSecret -}}
- name: api-keys
  mountPath: /api-keys
  readOnly: true
{{- end -}}
{{- end -}}

{{- define "finetune-advisor.apiKeys.volumes" -}}
{{- with .Values.apiKeys.existingSecret -}}
- name: api-keys
  secret:
    secretName: {{ . | quote }}
    items:
      - {key: {{ $.Values.apiKeys.secretKey | quote }}, path: {{ $.Values.apiKeys.secretKey | quote }}}
{{- end -}}
{{- end -}}
