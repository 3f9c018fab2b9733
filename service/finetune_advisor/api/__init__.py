"""The API: one resource a module, on flask-smorest and marshmallow."""
