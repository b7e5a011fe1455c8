"""Generates a file again that git merged from two sides.

Each edited side is first merged with the text that is generated now. Then the two sides are merged:
only lines that both edited can conflict. A side without an edit is ignored.
"""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.merge import Merged, merge
from vpc_cni_iam.texts import has_markers
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.observe import ModuleContents, is_unedited

_SIDES = ("ours", "theirs")


class Lifted(Struct, frozen=True):
    """A file that was merged again."""

    merged: Merged
    edited: tuple[str, ...]  # the texts of the sides that were edited


def lift(observed: ModuleContents, checkout: Checkout, path: str, text: str) -> Lifted | None:
    """Return a file merged again; None if a person resolved it, or nothing was merged."""
    now, place = observed.generated[path], f"{observed.module.path}/{path}"
    if _is_of_generated(observed, path, text):
        return Lifted(Merged(now), ())
    sides = checkout.sides(place)
    if sides is None or sides.ours is None or sides.theirs is None:
        return None
    texts = dict.fromkeys((sides.ours, sides.theirs))
    if text in texts or not checkout.left(place, sides, text):
        return None
    edited = tuple(t for t in texts if t != now and not is_unedited(observed, path, t))
    merged = Merged(now)
    for side in edited:
        base = observed.base(path, side)
        if base is None:
            return None
        lifted = merge(side, base, now)
        both = merge(merged.text, now, lifted.text, names=_SIDES)
        merged = Merged(both.text, merged.conflict or lifted.conflict or both.conflict)
    return Lifted(merged, edited)


def _is_of_generated(observed: ModuleContents, path: str, text: str) -> bool:
    """Return whether git merged a text from two generated texts, as in a squash merge."""
    names = observed.known.generated.get(path, frozenset())
    texts = observed.origins.texts(path)
    if len(names) != 2 or not names <= texts.keys() or has_markers(text):  # noqa: PLR2004 - sides
        return False
    ours, theirs = (texts[name] for name in sorted(names))
    return any(merge(ours, base, theirs).text == text for base in dict.fromkeys(texts.values()))


def deleted_by_a_side(observed: ModuleContents, checkout: Checkout, path: str) -> bool:
    """Return whether git left a file that only one side deleted on purpose."""
    if path not in observed.known.deleted:
        return False
    sides = checkout.sides(f"{observed.module.path}/{path}")
    return sides is not None and sides.unmerged and None in (sides.ours, sides.theirs)


def accepted_origin(observed: ModuleContents, path: str, text: str) -> str | None:
    """Return the accepted text that git merged with an update, as in a rebase, or None.

    Reverting the update must give this text.
    """
    names = observed.known.accepted.get(path, {})
    now = observed.generated[path]
    for base in dict.fromkeys(observed.generated_texts(path).values()) if names else ():
        before = merge(text, now, base)
        if not before.conflict and digest(before.text) in names and before.text != text:
            return before.text
    return None
