"""How fast a scaler follows a step of load, by its settings."""
