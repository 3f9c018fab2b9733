{{- define "finetune-advisor.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Cut a name to a length: (list "name" 63). A hash replaces the part that is cut off, so that different names stay different. */}}
{{- define "finetune-advisor.cut" -}}
{{- $name := index . 0 }}{{ $length := index . 1 -}}
{{- if gt (len $name) $length -}}
{{- printf "%s-%s" ($name | trunc (int (sub $length 9)) | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The uncut name of objects. A Service's name must start with a letter and have no dot, unlike a release's. */}}
{{- define "finetune-advisor.wholeName" -}}
{{- $name := include "finetune-advisor.name" . -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $whole := .Values.fullnameOverride | default $both | replace "." "-" -}}
{{- regexMatch "^[0-9]" $whole | ternary (printf "advisor-%s" $whole) $whole -}}
{{- end -}}

{{- define "finetune-advisor.fullname" -}}
{{- include "finetune-advisor.cut" (list (include "finetune-advisor.wholeName" .) 63) -}}
{{- end -}}

{{/* The name with a suffix, with at most 63 characters: (list $ "metrics"). */}}
{{- define "finetune-advisor.nameWith" -}}
{{- $suffix := index . 1 -}}
{{- $room := sub 62 (len $suffix) -}}
{{- printf "%s-%s" (include "finetune-advisor.cut" (list (include "finetune-advisor.wholeName" (index . 0)) $room)) $suffix -}}
{{- end -}}

{{- define "finetune-advisor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "finetune-advisor.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}
