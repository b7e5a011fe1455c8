"""What a user should know about the documents chosen, in a line."""

from __future__ import annotations

from vpc_cni_iam.catalog import documents, releases
from vpc_cni_iam.catalog.fit import fit
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
    newest = selection.release or releases.newest()
    failures: dict[tuple[str, str], list[str]] = {}
    for composed in options.composed():
        for gap in fit(composed.policy, composed.variant).gaps:
            if gap.use.impact == "fatal" and gap.spans[-1].last >= newest:
                key = (gap.use.action, str(gap.spans[0].first))
                failures.setdefault(key, []).append(composed.variant.name)
    if selection.release is not None and not failures:
        return ""
    if selection.revision.name == documents.BASELINE:
        revision += " (the baseline)"
    if not failures:
        return revision
    reasons = "; ".join(
        f"from plugin {first} on it fails, since it does not grant {action}, which is fatal "
        f"({', '.join(dict.fromkeys(names))})"
        for (action, first), names in failures.items()
    )
    return f"{revision}: {reasons}. For a present-day plugin use --cni-version latest"
