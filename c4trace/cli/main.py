"""The command `c4trace` itself: its options and its verbs."""

from __future__ import annotations

import rich_click as click


@click.group()
@click.version_option(package_name="c4trace")
def main() -> None:
    """Trace the socket factories of Couchbase LiteCore."""
