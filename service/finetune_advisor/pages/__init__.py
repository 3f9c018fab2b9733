"""The pages for people: the API's reference."""
