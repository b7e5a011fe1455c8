"""Addresses of modules and resources, whose keys may hold anything."""

from __future__ import annotations


def split_first(text: str) -> tuple[str, str]:
    """Split a reference after its first part, which keeps its index: ``a["x.y"].b``."""
    if "[" not in text and '"' not in text:
        head, _, rest = text.partition(".")
        return head, rest
    end, quoted, depth = 0, False, 0
    while end < len(text):
        sign = text[end]
        if quoted and sign == "\\":
            end += 1
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "[]":
            depth += 1 if sign == "[" else -1
        elif sign == "." and not quoted and depth <= 0:
            return text[:end], text[end + 1 :]
        end += 1
    return text, ""


def parts(address: str) -> list[str]:
    """Return the parts of an address, each with its index.

    Such as ``module.a["x.y"].aws_iam_role.this[0]``, as in the functions below.
    """
    steps = []
    while address:
        part, address = split_first(address)
        steps.append(part)
    return steps


def without_keys(address: str) -> str:
    """Return an address without the keys of count and for_each."""
    return ".".join(p.partition("[")[0] for p in parts(address))


def module_of(address: str) -> str:
    """Return the module's address of a resource's address."""
    if not address.startswith("module."):
        return ""
    steps = parts(address)
    end = 0
    while end < len(steps) and steps[end] == "module":
        end += 2
    return ".".join(steps[:end])


def parent(module: str) -> str:
    """Return the address of the module around a module."""
    return ".".join(parts(module)[:-2])


def call_names(module: str) -> list[str]:
    """Return the names of the calls that lead to a module."""
    return [p.partition("[")[0] for p in parts(module)[1::2]]
