{{/* PromQL matchers of this release's metrics: the configured ones, or its namespace and the job of its monitor, if it has one. */}}
{{- define "finetune-advisor.instances" -}}
{{- if .Values.prometheusRule.matchers -}}
{{- .Values.prometheusRule.matchers -}}
{{- else -}}
{{- $service := include "finetune-advisor.nameWith" (list . "metrics") -}}
{{- $jobs := dict "ServiceMonitor" $service "PodMonitor" (printf "%s/%s" .Release.Namespace (include "finetune-advisor.fullname" .)) -}}
namespace={{ .Release.Namespace | quote }}
{{- with get $jobs .Values.metrics.monitor.kind }},job={{ . | quote }}{{ end -}}
{{- end -}}
{{- end -}}
