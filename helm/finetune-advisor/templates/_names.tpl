{{- define "finetune-advisor.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Any two names stay different when they are cut, because what was cut is hashed. */}}
{{- define "finetune-advisor.cut" -}}
{{- $name := index . 0 }}{{ $length := index . 1 -}}
{{- if gt (len $name) $length -}}
{{- printf "%s-%s" ($name | trunc (int (sub $length 9)) | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* A Service's name starts with a letter and has no dot; a release's may do otherwise. */}}
{{- define "finetune-advisor.wholeName" -}}
{{- $name := include "finetune-advisor.name" . -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $whole := .Values.fullnameOverride | default $both | replace "." "-" -}}
{{- regexMatch "^[0-9]" $whole | ternary (printf "advisor-%s" $whole) $whole -}}
{{- end -}}

{{- define "finetune-advisor.fullname" -}}
{{- include "finetune-advisor.cut" (list (include "finetune-advisor.wholeName" .) 63) -}}
{{- end -}}

{{/* The name with something after it, 63 characters at most: (list $ "metrics"). */}}
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
