"""Trees and assessments in other notations."""
