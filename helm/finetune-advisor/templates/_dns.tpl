{{/* The way to the cluster's DNS, in a pod or in the node's own cache; OpenShift's pods listen on 5353 behind the Service's 53. */}}
{{- define "finetune-advisor.dnsEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
    - {port: 5353, protocol: UDP}
    - {port: 5353, protocol: TCP}
  to:
    - namespaceSelector: {}
    - ipBlock: {cidr: 169.254.20.10/32}
{{- end -}}
