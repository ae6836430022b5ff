"""What a metrics server is refused with: known to those who need no server, too."""

__all__ = ["ServeError"]


class ServeError(Exception):
    """Metrics cannot be served where they were asked for: one line with address, port, cause and what to do."""
