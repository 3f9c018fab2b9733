"""What is true of a tree or of an assessment: proofs, comparisons, explanations."""
