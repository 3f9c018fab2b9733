{{/* Egress to the cluster's DNS: its pods, or the node's local cache. On OpenShift the pods listen on 5353, the Service on 53. */}}
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
