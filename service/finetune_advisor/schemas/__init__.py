"""Every shape on the wire. Requests are closed: unknown fields are refused. Responses may grow."""
