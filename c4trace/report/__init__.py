"""Read-only views of recordings and segments."""
