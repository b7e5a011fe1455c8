"""What of the plugin's setup changes and is not read: chart, images and the service account."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import MEANINGS, Finding
from vpc_cni_iam.review.make_finding import finding

# As the attribute of a plan is compared: whether it is unknown, and its value.
_UPSTREAM = '[false, "https://aws.github.io/eks-charts"]'


def check(context: Context) -> Iterator[Finding]:
    """Yield changes of its values by which aws-node may run other code or have another role."""
    for plugin, _ in context.clusters:
        before, after = plugin.before, plugin.after
        if not (before.installed and after.installed):
            continue
        old, new = dict(before.config.others), dict(after.config.others)
        if "chart" in new and "chart" not in old:  # in place of the add-on
            old |= {"chart": new["chart"], "repository": _UPSTREAM}
        elif "chart" in old and "chart" not in new:
            continue
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if changed:
            what = "Helm release" if "chart" in new else "add-on"
            message = f"The plugin's {what} changes what is not read: {', '.join(changed)}"
            yield finding(
                "plugin-configuration-changed",
                f"{message}; aws-node may run other code, or have another role",
                address=plugin.installer,
                place=context.places.get(plugin.installer),
                level="warning",
                means=MEANINGS,
            )
