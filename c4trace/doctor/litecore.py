"""A LiteCore: can it be loaded, which version is it, and does c4trace know how it speaks to factories?"""

from __future__ import annotations

from c4trace.doctor.check import Check, fail, failed, ok, warn
from c4trace.doctor.trial import Trial

__all__ = ["check_litecore"]

# The up-calls every LiteCore has; the others came with later versions.
NEEDED = {
    "c4socket_gotHTTPResponse",
    "c4socket_opened",
    "c4socket_received",
    "c4socket_completedWrite",
    "c4socket_closeRequested",
    "c4socket_closed",
}


def check_litecore(path: str | None, trial: Trial | str | None) -> Check:
    """Look at the LiteCore at `path`, which `trial` has loaded."""
    if path is None or trial is None:
        return ok("litecore", "none named; --litecore PATH looks at one")
    if isinstance(trial, str):
        return failed("litecore", f"{path}: {trial}", "name the libLiteCore.so that the program itself loads")
    found = f"{path}: LiteCore {trial.litecore or 'of no known version'}"
    missing = NEEDED - set(trial.upcalls)
    if missing:
        return fail("litecore", f"{found} lacks {', '.join(sorted(missing))}", "name the libLiteCore.so itself")
    if trial.factory_size == 0:
        advice = "give Tracer.wrap factory_size=64 (no `attached`) or 72; c4trace knows 2.5 to 4.x"
        return warn("litecore", f"{found}, whose factories c4trace does not know", advice)
    return ok("litecore", f"{found}, factories of {trial.factory_size} bytes")
