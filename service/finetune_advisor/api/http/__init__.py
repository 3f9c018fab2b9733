"""HTTP for the API: Flask as it is used here, strict parsing, headers and problems."""
