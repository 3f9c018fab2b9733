"""Tests of trees and of instances: suites, their reports, and conformance."""
