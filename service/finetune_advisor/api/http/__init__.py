"""HTTP and Flask as this API uses them."""
