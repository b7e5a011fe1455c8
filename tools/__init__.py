"""Tools for maintainers: engines, following upstream, generated files."""

from __future__ import annotations

import sys
from types import TracebackType


def _say_what_is_missing(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say how to install a missing package; show any other error as Python does."""
    # A missing module of an installed package has a dot in its name: a mistake in the code.
    if not isinstance(error, ModuleNotFoundError) or "." in (error.name or "."):
        sys.__excepthook__(kind, error, trace)
        return
    message = f"error: {error.name} is not installed; run `make venv`, which installs it"
    print(message, file=sys.stderr)
    raise SystemExit(3)


# `make demo` makes an environment without the packages for tests and most of these tools.
sys.excepthook = _say_what_is_missing
