{{/*
Fill in defaults where the values have nothing: a name that is null, or that values of an older chart lack
(`helm upgrade --reuse-values`). Every template begins with this; what is filled in once stays.

Below a level in Kubernetes' form null takes a name away, as platforms need that choose a user themselves.
*/}}
{{- define "finetune-advisor.fillDefaults" -}}
{{- include "finetune-advisor.fillLevel" (list .Values (.Files.Get "files/defaults.yaml" | fromYaml)) -}}
{{- end -}}

{{- define "finetune-advisor.fillLevel" -}}
{{- $values := index . 0 -}}
{{- $kubernetes := list "podSecurityContext" "securityContext" "resources" "startup" "readiness" "liveness" "behavior" "advanced" "labels" -}}
{{- range $name, $default := index . 1 -}}
{{- if kindIs "invalid" (index $values $name) -}}
{{- $_ := set $values $name $default -}}
{{- else if and (kindIs "map" $default) (not (has $name $kubernetes)) -}}
{{- include "finetune-advisor.fillLevel" (list (index $values $name) $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}
