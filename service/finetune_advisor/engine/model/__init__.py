"""What trees and profiles are: inputs, questions, branches, and the exact sets of their values."""
