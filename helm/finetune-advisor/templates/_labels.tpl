{{/* Labels that never change, for selectors: (list $ "server"). They are quoted, since a release may be named 123, true or 1e3. */}}
{{- define "finetune-advisor.selector" -}}
app.kubernetes.io/name: {{ include "finetune-advisor.name" (index . 0) | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* All labels of an object or a pod: (list $ "server" $more $evenMore). The first to set a label wins. */}}
{{- define "finetune-advisor.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "finetune-advisor.selector" (list $root (index . 1)) | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" ($root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | trimAll "-._") -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "finetune-advisor" -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-._") -}}
{{- range (slice . 2) }}{{ $own = merge $own . }}{{ end -}}
{{- toYaml (merge $own $root.Values.commonLabels) -}}
{{- end -}}

{{/* The metadata of an object without annotations: (list $ "name" "server"). */}}
{{- define "finetune-advisor.metadata" -}}
name: {{ index . 1 | quote }}
namespace: {{ (index . 0).Release.Namespace | quote }}
labels:
  {{- include "finetune-advisor.labels" (concat (list (index . 0) (index . 2)) (slice . 3)) | nindent 2 }}
{{- end -}}
