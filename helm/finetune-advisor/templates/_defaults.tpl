{{/*
Fill in the defaults of values that are null, or that the values of an older chart lack (`helm upgrade
--reuse-values`). Every template starts with this, since Helm renders them in no fixed order.

Inside values in Kubernetes' format, null removes a key. Platforms that choose the user of a pod need this.
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
