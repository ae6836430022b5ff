"""Where something turns red: the lines that the alerts draw too (rules/alerts.yml)."""

from __future__ import annotations

from typing import Final

__all__ = ["BACKLOG", "CLOSING", "ERRORS", "LOST", "OPENING", "STALL"]

OPENING: Final = 10.0
CLOSING: Final = 5.0
STALL: Final = 20.0
BACKLOG: Final = 65536.0
ERRORS: Final = 0.25
LOST: Final = 0.001
"""Any loss at all."""
