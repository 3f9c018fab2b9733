{{/* Fail if values contradict each other. Values that are wrong by themselves are the schema's part. */}}
{{- define "finetune-advisor.refuseContradictions" -}}
{{- $trees := .Values.trees -}}
{{- $scaling := .Values.autoscaling -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- $needed := add .Values.drain.preStopSeconds .Values.settings.drainSeconds .Values.settings.gracefulTimeout 5 -}}
{{- if lt (int64 .Values.drain.terminationGracePeriodSeconds) $needed -}}
{{- fail (printf "drain.terminationGracePeriodSeconds: %v is too short; drain.preStopSeconds + settings.drainSeconds + settings.gracefulTimeout + 5 need %d" .Values.drain.terminationGracePeriodSeconds $needed) -}}
{{- end -}}
{{- if eq (int .Values.ports.http) (int .Values.ports.metrics) -}}
{{- fail "ports.metrics: is the same as ports.http; take another, so that no public route leads to /metrics" -}}
{{- end -}}
{{- if and (eq .Values.settings.logClient "forwarded") (not (regexFind "[^,\\s]" .Values.settings.trustedProxies)) -}}
{{- fail "settings.logClient: forwarded believes proxies; name them in settings.trustedProxies" -}}
{{- end -}}
{{- if and .Values.settings.apiKeysExemptPages (not .Values.apiKeys.existingSecret) -}}
{{- fail "settings.apiKeysExemptPages: there are no keys to exempt pages from; name their Secret in apiKeys.existingSecret" -}}
{{- end -}}
{{- if and .Values.tests.apiKey.existingSecret (not .Values.apiKeys.existingSecret) -}}
{{- fail "tests.apiKey.existingSecret: no request needs a key; name the Secret of keys in apiKeys.existingSecret" -}}
{{- end -}}
{{- if and $trees.documents $trees.existingConfigMap -}}
{{- fail "trees: give documents or existingConfigMap, not both" -}}
{{- end -}}
{{- if and $trees.volume (or $trees.documents $trees.existingConfigMap) -}}
{{- fail "trees: give volume, or documents or existingConfigMap, not both" -}}
{{- end -}}
{{- if and $trees.existingConfigMap (not $trees.revision) (not .Values.settings.treesWatchSeconds) -}}
{{- fail "trees.revision: is needed with existingConfigMap, so that a change rolls the pods, unless settings.treesWatchSeconds has them look for changes" -}}
{{- end -}}
{{- if and $trees.revision (not (or $trees.existingConfigMap $trees.volume)) -}}
{{- fail "trees.revision: goes only with existingConfigMap or volume; documents have their hash" -}}
{{- end -}}
{{- if and $trees.directory (not $trees.volume) -}}
{{- fail "trees.directory: goes only with volume" -}}
{{- end -}}
{{- if and .Values.settings.treesWatchSeconds (not (or $trees.existingConfigMap $trees.volume)) -}}
{{- fail "settings.treesWatchSeconds: needs trees that change in place: trees.existingConfigMap or trees.volume" -}}
{{- end -}}
{{- if and .Values.settings.treeDigests (not (or $trees.documents $trees.existingConfigMap $trees.volume)) -}}
{{- fail "settings.treeDigests: there are no own trees to permit; give them in trees" -}}
{{- end -}}
{{- $size := 0 -}}
{{- range $name, $document := $trees.documents }}{{ $size = add $size (len $name) (len $document) }}{{ end -}}
{{- if gt $size 1048576 -}}
{{- fail (printf "trees.documents: %d bytes don't fit into a ConfigMap, which takes 1048576; leave some out, or put them into an image of your own" $size) -}}
{{- end -}}
{{- if and (ne $scaling.mode "none") (not (kindIs "invalid" .Values.replicas)) -}}
{{- fail (printf "replicas: contradicts autoscaling.mode %s; leave it out" $scaling.mode) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas: is more than maxReplicas" -}}
{{- end -}}
{{- if and (eq $scaling.mode "hpa") (not $scaling.hpa.targetCPUUtilization) (not $scaling.hpa.metrics) -}}
{{- fail "autoscaling.hpa: give targetCPUUtilization or metrics" -}}
{{- end -}}
{{- if and (eq $scaling.mode "hpa") $scaling.hpa.targetCPUUtilization (not (dig "requests" "cpu" "" .Values.resources)) -}}
{{- fail "autoscaling.hpa.targetCPUUtilization: is a share of resources.requests.cpu, which isn't set" -}}
{{- end -}}
{{- if and (eq $scaling.mode "keda") (not $scaling.keda.triggers) -}}
{{- fail "autoscaling.keda.triggers: give at least one" -}}
{{- end -}}
{{- if and $budget.enabled (not (or (kindIs "invalid" $budget.maxUnavailable) (kindIs "invalid" $budget.minAvailable))) -}}
{{- fail "podDisruptionBudget: give maxUnavailable or minAvailable, not both" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.hosts: give at least one" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs: give at least one" -}}
{{- end -}}
{{- end -}}
