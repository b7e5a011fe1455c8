"""The pages about the rules of a review, and their list.

A page has the texts of the rule, and two cases of the corpus that name it: in one as `reported`, in
the other as `not_reported`. Both cases are run: one must have the finding, the other must not.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any

from tools.corpus import JSON_ARGUMENTS, Case, Json, cases, load, review
from vpc_cni_iam.review.rules import Rule, every

RULES = every()
# The headings of the list, by the question that a rule is about.
QUESTIONS = {
    "plugin": "Does the plugin keep working?",
    "access": "Who can do more, or less?",
    "trust": "Who can assume a role?",
    "credentials": "Who gets a role?",
    "plan": "What does the plan not show?",
}
# How an example names a long document.
_FILE = "file("
_HEAD = "<!-- Made by `make generate` from the rule and two cases. -->"


class ExampleError(Exception):
    """An entry of the file is missing or wrong."""


def pages() -> dict[str, str]:
    """Return the pages by their path below docs/.

    Raises:
        ExampleError: A rule has no case, several, or one that says otherwise.
    """
    made = {f"rules/{rule}.md": page(rule, *_cases(rule)) for rule in RULES}
    return {"rules.md": listing(), **made}


def _cases(rule: Rule) -> Iterator[Case]:
    """Yield the case that a rule reports, and the one that it does not."""
    for member in ("reported", "not_reported"):
        named = [case for case in cases() if rule in case.data.get(member, ())]
        if len(named) != 1:
            raise ExampleError(f"{len(named)} cases have {rule} in {member!r}: name it in one")
        yield named[0]


def listing(rules: Iterable[Rule] = RULES) -> str:
    """Return the list of the rules, grouped by question."""
    lines = [
        "# Rules of `vpc-cni-iam review`",
        "",
        "A finding fails the review by its level (`--fail-on error`, `warning` or `note`), or by",
        "its kind (`--fail-on new-access`, `coverage-lost` or `any-change`). The page of a rule",
        "says when a finding has another level, and shows an example with a fix.",
        "",
    ]
    for question, group in groupby(rules, key=lambda rule: rule.question):
        lines += [f"## {QUESTIONS[question]}", ""]
        lines += ["| rule | what it reports | level | `--fail-on` |", "| --- | --- | --- | --- |"]
        lines += [
            f"| [{rule}](rules/{rule}.md) | {rule.summary} | {rule.level} "
            f"| {', '.join(rule.means)} |"
            for rule in group
        ]
        lines += [""]
    return "\n".join(lines)


def page(rule: Rule, fires: Case, calm: Case) -> str:
    """Return the page of a rule.

    Raises:
        ExampleError: The first case does not have the finding, or the second one has it.
    """
    reported, other = _of(rule, fires), _of(rule, calm)
    if not reported or other:
        case, what = (calm, "is") if reported else (fires, "is not")
        raise ExampleError(f"{rule} {what} reported in the case {case.name}: name another")
    counts = f" It fails `--fail-on` {', '.join(rule.means)}." if rule.means else ""
    lines = [
        _HEAD,
        "",
        f"# {rule}",
        "",
        f"**{rule.summary}** {rule.help}",
        "",
        f"Level: {rule.level}.{counts}",
        "",
        "## Reported",
        "",
        *_shown(fires),
        "",
        "```text",
        *(line for finding in reported for line in _finding(finding)),
        "```",
        "",
        "## Not reported",
        "",
        *_shown(calm),
        "",
        "## Fix",
        "",
        rule.fix,
        "",
        "## Ignore",
        "",
        *_ignoring(rule, fires, reported[0]["address"]),
    ]
    if any(_FILE in line for line in lines):
        lines[lines.index("## Reported") + 1 :] = [
            "",
            "In the examples, `file` stands for a policy document of this name.",
            *lines[lines.index("## Reported") + 1 :],
        ]
    return "\n".join(lines) + "\n"


def _of(rule: Rule, case: Case) -> list[Json]:
    return [finding for finding in _findings(case.name) if finding["rule"] == rule]


def _ignoring(rule: Rule, case: Case, address: str) -> Iterator[str]:
    """Yield the entry of the ignore file that suppresses the finding of a case.

    Raises:
        ExampleError: The case still has the finding.
    """
    if "ignore" in case.data:
        yield "This rule is about the ignore file itself, so it cannot be ignored."
        return
    entry = [
        "[[ignore]]",
        f'rule = "{rule}"',
        f"address = {json.dumps(address or '*')}",
        'reason = "why this is acceptable here"',
    ]
    ignoring = replace(case, data={**case.data, "ignore": "\n".join(entry)})
    if any(f["rule"] == rule and f["address"] == address for f in review(ignoring)[1]["findings"]):
        raise ExampleError(f"{rule} is reported though an entry of an ignore file names it")
    yield from ("In `vpc-cni-iam-ignore.toml`:", "", "```toml", *entry)
    yield from ("until = 2027-03-31  # optional: the last day", "```")


@cache
def _findings(name: str) -> list[Json]:
    findings: list[Json] = review(load(name))[1]["findings"]
    return findings


def _finding(finding: Json) -> Iterator[str]:
    where = f"{finding['address']} {finding['attribute']}".strip()
    yield f"{finding['level']} {finding['rule']} {where}".strip()
    yield f"  {finding['message']}"
    yield from (f"  {line}" for line in finding["details"])
    if finding.get("fix"):
        yield f"  fix: {finding['fix']}"


def _shown(case: Case) -> Iterator[str]:
    """Yield the description of a case, and its change."""
    yield case.data["about"]
    if options := case.data.get("options"):
        yield f"Options: `{' '.join(options)}`."
    if "ignore" in case.data:
        yield from ("", "```toml", *case.data["ignore"].strip().splitlines(), "```")
    before, after = _configuration(case.source)
    if "ignore" not in case.data:
        yield from ("", *_difference(before, after))


def _configuration(case: Case) -> tuple[list[str], list[str]]:
    """Return the lines of a case's configuration before and after."""
    if "engine" in case.data:
        engine = case.data["engine"]
        common = engine.get("common", "").strip()
        parts = [engine.get("before"), engine["after"]]
        sides = ["\n\n".join(filter(None, (common, (p or "").strip()))) for p in parts]
        # Without a configuration to apply before, everything is new.
        return [] if parts[0] is None else sides[0].splitlines(), sides[1].splitlines()
    changes = case.data["by_hand"].get("change", ())
    return _blocks(changes, "before"), _blocks(changes, "after")


def _blocks(changes: Iterable[Json], side: str) -> list[str]:
    """Return a plan that was written by hand, as a configuration."""
    lines: list[str] = []
    for change in changes:
        values = change.get("values", change.get(side))
        if values is None:
            continue
        known = {key: value for key, value in values.items() if key != "arn"}
        if side == "after":
            known |= {key: None for key in change.get("unknown", {}) if key not in known}
        # References replace the values after a change.
        refers = (
            change.get("refs", {}) if values == change.get("values", change.get("after")) else {}
        )
        resource, _, name = change["address"].rpartition(".")
        if change.get("provider", "aws").startswith("aws."):
            known["provider"] = change["provider"]
            refers = {**refers, "provider": [change["provider"]]}
        width = max(map(len, known), default=0)
        lines += [f'resource "{resource}" "{name}" {{']
        for key, value in known.items():
            text = refers[key][0] if key in refers else _literal(key, value)
            lines.append(f"  {key:{width}} = {text}")
        lines += ["}", ""]
    return lines[:-1]


def _literal(key: str, value: Any) -> str:
    """Return a value as an expression."""
    if value is None:
        return "(known after apply)"
    if isinstance(value, str) and value.startswith("@"):
        return f'{_FILE}"{value[1:]}.json")'
    if isinstance(value, dict) and key in JSON_ARGUMENTS:
        return f"jsonencode({json.dumps(value)})"
    return json.dumps(value)


def _difference(before: list[str], after: list[str]) -> Iterator[str]:
    """Yield two configurations as a code block with their difference."""
    if not before or before == after:
        yield from ("```hcl", *after, "```")
        return
    lines = difflib.unified_diff(before, after, n=len(before), lineterm="")
    yield from ("```diff", *(line.rstrip() for line in list(lines)[3:]), "```")
