"""Does something at a chosen call of the system, as another program may at any moment."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CALLS = (
    *("open", "close", "read", "stat", "fstat", "lstat", "fsync", "listdir", "access"),
    *("mkdir", "rmdir", "rename", "replace", "link", "unlink"),
)


@contextmanager
def at_call(
    monkeypatch: pytest.MonkeyPatch, actions: dict[int, Callable[[], object]]
) -> Iterator[list[str]]:
    """Run each action before the call of its number, and collect the names of the calls."""
    reached: list[str] = []
    busy = False

    def before(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal busy
            if not busy:
                busy = True
                reached.append(name)
                if len(reached) - 1 in actions:
                    actions[len(reached) - 1]()
                busy = False
            return call(*arguments, **named)

        return wrapper

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, before(name, getattr(os, name)))
        yield reached


def count(monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> list[str]:
    """The names of the calls that something makes."""
    with at_call(monkeypatch, {}) as reached:
        run()
    return reached
