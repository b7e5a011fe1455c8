"""A review as SARIF 2.1.0 for code scanning.

Sources: OASIS, Static Analysis Results Interchange Format 2.1.0 with errata 01; for GitHub,
docs.github.com, "SARIF support for code scanning".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any
from urllib.parse import quote

from vpc_cni_iam import __version__, json_output
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.rule_texts import rules_of
from vpc_cni_iam.review.report.shown import ShownFinding, ShownIgnored, ShownReview, ShownRule
from vpc_cni_iam.review.report_formats import Setting

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# GitHub refuses a run with more results. Findings are sorted, so the worst are in it.
LIMIT = 25_000
_FINGERPRINTS = "primaryLocationLineHash", "vpcCniIam/v1"
_SEVERITIES = {"error": "error", "warning": "warning", "note": "recommendation"}


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format; it is ASCII.

    Ignored findings are suppressed results. They are left out for GitHub, which shows them as open.
    """
    ignored = review.ignored if setting.forge != "github" else ()
    every: list[ShownFinding | ShownIgnored] = [*review.findings, *ignored]
    writer = _Writer(review, setting.prefix)
    invocation: dict[str, Any] = {"executionSuccessful": True, "exitCode": int(review.failed)}
    if len(every) > LIMIT:
        text = f"{len(every) - LIMIT} findings are left out: code scanning accepts {LIMIT}"
        notification = {"level": "warning", "message": {"text": text}}
        invocation["toolExecutionNotifications"] = [notification]
    rules = list(map(_rule, writer.rules))
    driver = {"name": "vpc-cni-iam", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": writer.results(every[:LIMIT]),
        "properties": {"failOn": review.fail_on},
    }
    return json_output.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(rule: ShownRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.help.replace("`", ""), "markdown": rule.help},
        "defaultConfiguration": {"level": rule.level},
        "properties": {
            "tags": ["iam", "security", *rule.means],
            "precision": "very-high",
            "problem.severity": _SEVERITIES[rule.level],
        },
    }


def message(text: str) -> str:
    """Return text in which SARIF reads no link and no placeholder."""
    safe = "\n".join(map(sanitise, text.split("\n")))
    return re.sub(r"\{(\d+)\}", r"{{\1}}", safe.replace("](", "] ("))


class _Writer:
    def __init__(self, review: ShownReview, prefix: str) -> None:
        self.rules = rules_of(review)
        self._numbers = {rule.id: number for number, rule in enumerate(self.rules)}
        self._prefix = prefix
        name = PurePosixPath(review.plan.replace("\\", "/"))
        self._plan = name.name if name.is_absolute() or ".." in name.parts else str(name)

    def results(self, every: Iterable[ShownFinding | ShownIgnored]) -> list[dict[str, Any]]:
        seen: Counter[str] = Counter()
        results = []
        for item in every:
            finding = item.finding if isinstance(item, ShownIgnored) else item
            seen[finding.fingerprint] += 1
            result = self._result(finding, f"{finding.fingerprint}:{seen[finding.fingerprint]}")
            if isinstance(item, ShownIgnored):
                until = f"; until {item.until}" if item.until else ""
                accepted = {"kind": "external", "status": "accepted"}
                reason = {"justification": sanitise(item.reason) + until}
                result["suppressions"] = [accepted | reason]
            results.append(result)
        return results

    def _result(self, finding: ShownFinding, fingerprint: str) -> dict[str, Any]:
        about = words.about(finding)
        text = f"{about}: {finding.message}" if about else finding.message
        fix = (f"fix: {finding.fix}",) if finding.fix else ()
        lines = (text.replace("\n", " "), *finding.details, *fix)
        return {
            "ruleId": finding.rule,
            "ruleIndex": self._numbers[finding.rule],
            "level": finding.level,
            "message": {"text": message("\n".join(lines))},
            "locations": [self._location(finding)],
            # GitHub's own fingerprint is of the line's text, which all instances share.
            "partialFingerprints": dict.fromkeys(_FINGERPRINTS, fingerprint),
        }

    def _location(self, finding: ShownFinding) -> dict[str, Any]:
        """Return the place in the configuration; if it is not known, the plan."""
        place = finding.place
        path = normpath(f"{self._prefix}/{place.file}").lstrip("/") if place else self._plan
        uri = quote(path.encode("utf-8", "replace"))
        physical = {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.line if place else 1},
        }
        location: dict[str, Any] = {"physicalLocation": physical}
        if finding.address:
            name = sanitise(finding.address)
            location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
        return location
