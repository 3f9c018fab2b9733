//go:build tools

package main

// The operators whose types the custom resource definitions are made from.
import (
	_ "github.com/kedacore/keda/v2/apis/eventing/v1alpha1"
	_ "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	_ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
