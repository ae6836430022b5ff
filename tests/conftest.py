"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a test fails for what it finds, not for a busy machine.
settings.register_profile("c4trace", deadline=None, print_blob=True)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=20_000)
settings.load_profile("c4trace")
