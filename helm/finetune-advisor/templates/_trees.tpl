{{/* The name of the ConfigMap with own trees; empty if there is none. It has a hash, so that other trees roll the pods. */}}
{{- define "finetune-advisor.trees.configMap" -}}
{{- if .Values.trees.documents -}}
{{- include "finetune-advisor.nameWith" (list . (printf "trees-%s" (toJson .Values.trees.documents | sha256sum | trunc 10))) -}}
{{- else -}}
{{- .Values.trees.existingConfigMap -}}
{{- end -}}
{{- end -}}

{{/* The directory of own trees in a container; empty if there are none. */}}
{{- define "finetune-advisor.trees.directory" -}}
{{- if or (include "finetune-advisor.trees.configMap" .) .Values.trees.volume -}}
/trees{{ with .Values.trees.directory }}/{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "finetune-advisor.trees.volumeMounts" -}}
{{- if include "finetune-advisor.trees.directory" . -}}
- name: trees
  mountPath: /trees
  readOnly: true
{{- end -}}
{{- end -}}

{{- define "finetune-advisor.trees.volumes" -}}
{{- with include "finetune-advisor.trees.configMap" . -}}
- name: trees
  configMap:
    name: {{ . | quote }}
{{- else }}
{{- with .Values.trees.volume -}}
- name: trees
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
{{- end -}}
