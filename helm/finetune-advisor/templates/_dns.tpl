{{/* The way to the cluster's DNS, in a pod or in the node's own cache. */}}
{{- define "finetune-advisor.dnsEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  to:
    - namespaceSelector: {}
    - ipBlock: {cidr: 169.254.20.10/32}
{{- end -}}
