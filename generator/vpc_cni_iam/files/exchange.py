"""Lets two files exchange their names in one step, which Python has no function for."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache

# The number is the same on both systems.
_CALLS = {"linux": "renameat2", "darwin": "renameatx_np"}
_EXCHANGE = 2
# What a system or a file system answers that does not know how.
_UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}


def exchange(name: str, other: str, above: int | None) -> bool:
    """Let two files exchange their names; False, and nothing done, where that is not possible.

    Both are in the directory of the handle `above`. Raises `OSError` if one is not there.
    """
    call = _call()
    if call is None or above is None:
        return False
    code = call(above, os.fsencode(name), above, os.fsencode(other))
    if code in _UNKNOWN:
        return False
    if code:
        raise OSError(code, os.strerror(code), name)
    return True


@cache
def _call() -> Callable[[int, bytes, int, bytes], int] | None:
    """Return the system's call, which returns 0 or the number of an error; None without one."""
    try:
        import ctypes  # which some builds of Python are without

        function = getattr(ctypes.CDLL(None, use_errno=True), _CALLS[sys.platform])
    except (ImportError, KeyError, OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p] * 2 + [ctypes.c_uint]

    def call(above: int, name: bytes, beside: int, other: bytes) -> int:
        failed = function(above, name, beside, other, _EXCHANGE)
        return ctypes.get_errno() if failed else 0

    return call
