"""Bytes to meaning: sans-IO decoders for what crosses the factory boundary."""
