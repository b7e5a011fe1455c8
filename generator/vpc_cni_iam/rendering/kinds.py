"""The kinds of module that can be made."""

from __future__ import annotations

from vpc_cni_iam.catalog.options import Options

KINDS = ("policy",)


def render(kind: str, options: Options) -> dict[str, str]:
    """Return the files of a module.

    Args:
        kind: One of `KINDS`.
        options: What it is made from.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    assert kind == "policy", kind  # noqa: S101 - the callers have checked it
    # Imported here, since a check of an unchanged tree renders nothing.
    from vpc_cni_iam.rendering.module import render as policy  # noqa: PLC0415

    return policy(options)
