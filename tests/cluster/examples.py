"""What example values of the chart expect of a cluster."""

from __future__ import annotations

_PRIORITY = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "business-critical"},
    "value": 1000,
}
_RUNTIME = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "gvisor"},
    "handler": "runc",
}
CLASSES = (_PRIORITY, _RUNTIME)
"""The classes that pods of examples name."""
