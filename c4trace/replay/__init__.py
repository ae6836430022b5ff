"""A recording becomes a running session again."""
