"""The shapes on the wire, as marshmallow schemas. Requests refuse unknown fields; responses may grow."""
