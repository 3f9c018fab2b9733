{{/* A pod of `helm test` up to its only container's command: (list $ "name"). */}}
{{- define "finetune-advisor.testPod" -}}
{{- $root := index . 0 }}
apiVersion: v1
kind: Pod
metadata:
  {{- include "finetune-advisor.metadata" (list $root (include "finetune-advisor.nameWith" (list $root (printf "test-%s" (index . 1)))) "test" $root.Values.podLabels) | nindent 2 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  {{- include "finetune-advisor.pod" $root | nindent 2 }}
  restartPolicy: Never
  activeDeadlineSeconds: 300
  containers:
    - name: {{ index . 1 }}
      {{- include "finetune-advisor.container" $root | nindent 6 }}
      {{- with $root.Values.tests.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
