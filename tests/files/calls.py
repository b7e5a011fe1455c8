"""Does something at a chosen call of the system, as another program may at any moment."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vpc_cni_iam.files import folder

CALLS = (
    *("open", "close", "read", "stat", "fstat", "lstat", "fsync", "scandir", "access"),
    *("mkdir", "rmdir", "rename", "link", "unlink"),
)


@contextmanager
def at_call(
    monkeypatch: pytest.MonkeyPatch, actions: dict[int, Callable[[], object]]
) -> Iterator[list[int]]:
    """Run each action before the call of its number, and collect the numbers that were reached."""
    reached: list[int] = []
    counter = itertools.count()
    busy = False

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal busy
            if not busy:
                busy = True
                number = next(counter)
                reached.append(number)
                if number in actions:
                    actions[number]()
                busy = False
            return call(*arguments, **named)

        return wrapper

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, before(getattr(os, name)))
        patched.setattr(folder, "exchange", before(folder.exchange))
        yield reached


def count(monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> int:
    """How many calls something makes."""
    with at_call(monkeypatch, {}) as reached:
        run()
    return len(reached)
