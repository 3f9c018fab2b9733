"""Tests of an instance that strangers reach: API keys under attack and rotation, and gateways before it."""
