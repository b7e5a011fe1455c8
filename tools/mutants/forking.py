"""A pytest plugin that tries changes, one after another, in a process that has imported all tests.

It is loaded with ``-p tools.mutants.forking``. Each change is tried in a fork. Starting Python and
collecting tests for each would take two thirds of the time. In the fork, live functions get the
changed code. Code that runs at import cannot be changed like this; `Copy` tries it in its own
process.
"""

import functools
import gc
import inspect
import json
import os
import resource
import signal
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PIPES = "VPC_CNI_IAM_FORKING"  # the numbers of the pipes: of questions and of answers
_CACHED = type(functools.cache(len))


class _Forker:
    def __init__(self, questions: int, answers: int) -> None:
        self._questions, self._answers = questions, answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        with os.fdopen(self._questions) as questions, os.fdopen(self._answers, "w") as answers:
            for line in questions:
                print(json.dumps(_fork(json.loads(line), items)), file=answers, flush=True)
        return True


def _fork(question: dict[str, Any], items: dict[str, pytest.Item]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(_try(question, items)).encode())
        finally:
            os._exit(0)  # after any exception: no answer
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
        return {"outcome": "timeout"}
    return json.loads(text) if text else {}


def _try(question: dict[str, Any], items: dict[str, pytest.Item]) -> dict[str, Any]:
    """Return the outcome of a change and the first failing test; empty if it cannot be made."""
    file = Path(question["file"])
    if not change(str(file), file.read_text(encoding="utf-8"), question["text"]):
        return {}
    _forget(question["package"])
    resource.setrlimit(resource.RLIMIT_CPU, (question["seconds"], question["seconds"] + 5))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(20 * question["seconds"])  # a test that waits forever takes no processor time
    failures = _Failures()
    chosen = [items[name] for name in question["tests"]]
    chosen[0].config.pluginmanager.register(failures)
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failures.names:
            return {"outcome": "killed", "test": failures.names[0]}
    return {"outcome": "survived"}


class _Failures:
    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.names.append(report.nodeid)


def change(file: str, before: str, after: str) -> bool:
    """Give the live functions of a file their changed code.

    Returns:
        Whether the change is only in functions, and one of them is live.
    """
    old, new = (compile(text, file, "exec", dont_inherit=True) for text in (before, after))
    if _at_import(old) != _at_import(new):
        return False
    pairs = zip(_functions(old), _functions(new), strict=True)
    changed = {code: other for code, other in pairs if code != other}
    alive = [
        function
        for function in gc.get_objects()
        if isinstance(function, types.FunctionType)
        and function.__code__.co_filename == file
        and function.__code__ in changed
    ]
    for function in alive:
        function.__code__ = changed[function.__code__]
    return bool(alive)


def _functions(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of the functions of a file and its classes, but not of those inside others."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from [constant] if _is_function(constant) else _functions(constant)


def _is_function(code: types.CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)  # which the body of a class is not


def _at_import(code: types.CodeType) -> tuple[object, ...]:
    """Return the code of a file that runs at import."""
    constants = (
        constant
        if not isinstance(constant, types.CodeType)
        else _is_function(constant) or _at_import(constant)
        for constant in code.co_consts
    )
    return code.co_code, code.co_names, *constants


def _forget(package: str) -> None:
    """Empty the caches of a package, which a fork has from the import."""
    for cached in gc.get_objects():
        if isinstance(cached, _CACHED) and (cached.__module__ or "").startswith(package):
            cached.cache_clear()


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's loop."""
    questions, answers = map(int, os.environ[PIPES].split())
    config.pluginmanager.register(_Forker(questions, answers))
