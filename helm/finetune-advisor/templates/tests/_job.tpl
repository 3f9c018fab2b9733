{{/* The start of a job of `helm test`: (list $ "name"). The caller appends the command of its container. */}}
{{- define "finetune-advisor.testJob" -}}
{{- $root := index . 0 }}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "finetune-advisor.metadata" (list $root (include "finetune-advisor.nameWith" (list $root (printf "test-%s" (index . 1)))) "test") | nindent 2 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 1
  activeDeadlineSeconds: 240
  template:
    metadata:
      labels:
        {{- include "finetune-advisor.labels" (list $root "test" $root.Values.podLabels) | nindent 8 }}
    spec:
      {{- include "finetune-advisor.pod" $root | nindent 6 }}
      restartPolicy: Never
      containers:
        - name: {{ index . 1 }}
          {{- include "finetune-advisor.container" $root | nindent 10 }}
          {{- with $root.Values.tests.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
{{- end -}}
