{{/* A matcher of this release's metrics, by the job that its monitor makes; of all in the namespace if others scrape. */}}
{{- define "finetune-advisor.instances" -}}
{{- $service := include "finetune-advisor.nameWith" (list . "metrics") -}}
{{- $jobs := dict "ServiceMonitor" $service "PodMonitor" (printf "%s/%s" .Release.Namespace (include "finetune-advisor.fullname" .)) -}}
namespace={{ .Release.Namespace | quote }}
{{- with get $jobs .Values.metrics.monitor.kind }},job={{ . | quote }}{{ end -}}
{{- end -}}
