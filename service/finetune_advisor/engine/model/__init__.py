"""What trees and profiles are: inputs, questions, branches, and exact sets of their values."""
