"""Where an answer to whether aws-node works does not agree with the findings beside it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from shown_reviews import RULES
from vpc_cni_iam.review.rules import Consequence, Topic

Json = dict[str, Any]


def contradictions(report: Json) -> Iterator[str]:
    """Yield where an answer and the findings about the same cluster or role do not agree."""
    every = [*report["findings"], *(entry["finding"] for entry in report.get("ignored", ()))]
    for plugin in report.get("plugins", ()):
        owners = {plugin["cluster"], *plugin["roles_before"], *plugin["roles_after"]} - {""}
        own = [f for f in every if f["subject"] in owners or is_named(owners, f["message"])]
        # A list of many roles need not name this one.
        unnamed = [f for f in every if not owners or _MORE.search(f["message"])]
        answer, verdict = f"{' '.join(owners)}: {plugin['answer']}", plugin["verdict"]
        doubts = [f for f in own if f["level"] != "note" and is_of_plugin(f)]
        if verdict == "works" and doubts:
            yield f"{answer}, beside {doubts[0]['message']}"
        is_said = any(f["level"] == "error" and may_say_loss(f) for f in (*own, *unnamed))
        if verdict == "fails" and not (is_said or "fails as before" in answer):
            yield f"{answer}, and no error says why"
        roles = plugin["roles_before"], plugin["roles_after"]
        is_changed = all(roles) and roles[0] != roles[1]
        is_warned = any(f["level"] != "note" for f in (*own, *unnamed))
        if verdict == "unknown" and is_changed and not is_warned:
            yield f"{answer}, and no warning counts it"


# The end of a list.
_MORE = re.compile(r"\band \d+ more\b")


def may_say_loss(finding: Json) -> bool:
    """Say whether a finding may be that aws-node fails."""
    is_asked = RULES[finding["rule"]].question in (Topic.PLUGIN, Topic.TRUST)
    return is_asked or Consequence.COVERAGE_LOST in finding["means"] or finding["rule"] == "drift"


def is_named(owners: Iterable[str], message: str) -> bool:
    """Say whether a sentence names one of them."""
    return any(re.search(rf"(?<![\w.]){re.escape(owner)}(?![\w-])", message) for owner in owners)


def is_of_plugin(finding: Json) -> bool:
    """Say whether a finding is that aws-node fails or may fail, not that it can do more."""
    is_asked = RULES[finding["rule"]].question is Topic.PLUGIN
    return is_asked and {*finding["means"]} == {Consequence.COVERAGE_LOST}
