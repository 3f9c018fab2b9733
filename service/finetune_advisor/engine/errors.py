"""The base of every error that this package raises on purpose."""


class FinetuneAdvisorError(Exception):
    """Something is wrong that the caller can fix; the message says what, where and how."""
