{{/* Spread the pods over nodes and zones, as far as there is room. */}}
{{- define "finetune-advisor.spreading" -}}
affinity:
  {{- if .Values.affinity }}
  {{- toYaml .Values.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "finetune-advisor.selector" (list . "server") | nindent 14 }}
  {{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml . | nindent 4 }}
    {{- if not (hasKey . "labelSelector") }}
    labelSelector:
      matchLabels:
        {{- include "finetune-advisor.selector" (list $ "server") | nindent 8 }}
    {{- end }}
    {{- if and (not (hasKey . "matchLabelKeys")) (semverCompare ">=1.27.0-0" $.Capabilities.KubeVersion.Version) }}
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
