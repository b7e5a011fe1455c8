"""What a user should know about the documents chosen, in a line."""

from __future__ import annotations

from vpc_cni_iam.catalog.compatibility import fit
from vpc_cni_iam.catalog.facts import releases
from vpc_cni_iam.catalog.options import Options


def notice(options: Options) -> str:
    """Return which revision this is, from which release on it fails and why; empty if all is well.

    Args:
        options: What was chosen.
    """
    selection = options.selection
    revision = f"revision {selection.revision.name} of upstream's page"
    if selection.stands_in:
        return f"no document existed at plugin {selection.release}; {revision} stands in"
    failures = _failures(options)
    if selection.release is not None and not failures:
        return ""
    if not failures:
        return revision
    reasons = "; ".join(f"{words} ({', '.join(names)})" for words, names in failures.items())
    advice = "Leave --revision out for the newest plugin"
    if selection.release is not None:
        advice = "Leave --no-gaps out to have that granted"
    return f"{revision}: {reasons}. {advice}"


def _failures(options: Options) -> dict[str, list[str]]:
    """Return where documents fail and why, with the variants that do."""
    release = options.selection.release
    found: dict[str, list[str]] = {}
    for composed in options.composed():
        gaps = [
            gap
            for gap in fit(composed.policy, composed.variant).gaps
            if gap.use.impact == "fatal"
            and (release is None or any(release in span for span in gap.spans))
        ]
        on = {gap.spans[0].first for gap in gaps if gap.spans[-1].last == releases.newest()}
        for gap in gaps:
            last = gap.spans[-1].last == releases.newest()
            if not last and any(first <= gap.spans[0].first for first in on):
                continue  # it fails there, and from there on, for another reason
            where = f"from plugin {gap.spans[0].first} on"
            if not last:
                where = f"at plugin {', '.join(map(str, gap.spans))}"
            words = f"{where} it fails, since it does not grant {gap.action}, which is fatal"
            names = found.setdefault(words, [])
            if composed.variant.name not in names:
                names.append(composed.variant.name)
    return found
