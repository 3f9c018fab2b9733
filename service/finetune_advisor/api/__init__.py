"""The API on flask-smorest and marshmallow: HTTP, the resources, the contract, and the fast path."""
