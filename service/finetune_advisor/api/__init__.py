"""The API, on flask-smorest and marshmallow: HTTP, the resources and their description."""
