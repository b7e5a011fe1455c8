"""What maintainers need and users do not: engines, following upstream, what is generated."""

from __future__ import annotations

import sys
from types import TracebackType


def _say_what_is_missing(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say of a package that is not installed how to install it; show any other error as Python."""
    # A module of a package that is there has a dot in its name: that is a mistake in the code.
    if not isinstance(error, ModuleNotFoundError) or "." in (error.name or "."):
        sys.__excepthook__(kind, error, trace)
        return
    message = f"error: {error.name} is not installed; run `make venv`, which installs it"
    print(message, file=sys.stderr)
    raise SystemExit(3)


# `make demo` makes an environment without what tests, and most of these tools, need.
sys.excepthook = _say_what_is_missing
