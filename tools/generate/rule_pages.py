"""The pages about the rules of a review, and their list.

A page has the texts of the rule, its entry in `rules.toml` beside this file, and two cases of the
corpus. Both cases are run: one must have the finding, the other must not.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from tools.corpus import JSON_ARGUMENTS, Case, Json, load, review
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.report.shown import ShownRule

RULES = shown_rules()
SOURCE = Path(__file__).with_name("rules.toml")
_NAME = "tools/generate/rules.toml"
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
_HEAD = "<!-- Made by `make generate` from the rule, tools/generate/rules.toml and two cases. -->"


class ExampleError(Exception):
    """An entry of the file is missing or wrong."""


def pages() -> dict[str, str]:
    """Return the pages by their path below docs/.

    Raises:
        ExampleError: A rule has no entry, an entry no rule, or a case says otherwise.
    """
    entries = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    known = {rule.id for rule in RULES}
    if missing := sorted(known - entries.keys()):
        raise ExampleError(
            f"{_NAME} has no entry for {', '.join(missing)}: name two cases and a fix"
        )
    if unknown := sorted(entries.keys() - known):
        raise ExampleError(f"{_NAME} has {', '.join(unknown)}, which is no rule")
    made = {f"rules/{rule.id}.md": page(rule, entries[rule.id]) for rule in RULES}
    return {"rules.md": listing(), **made}


def listing(rules: Iterable[Any] = RULES) -> str:
    """Return the list of the rules, grouped by question."""
    lines = [
        "# Rules of `vpc-cni-iam review`",
        "",
        "A finding fails the review by its level (`--fail-on error`, `warning` or `note`), or by",
        "its kind (`--fail-on new-access`, `coverage-lost` or `any-change`). The page of a rule",
        "says when a finding has another level, and shows an example with a fix.",
        "",
    ]
    for question, group in groupby(rules, key=lambda rule: getattr(rule, "question", None)):
        if question is not None:
            lines += [f"## {QUESTIONS[question]}", ""]
        lines += ["| rule | what it reports | level | `--fail-on` |", "| --- | --- | --- | --- |"]
        lines += [
            f"| [{rule.id}](rules/{rule.id}.md) | {rule.summary} | {rule.level} "
            f"| {', '.join(rule.means)} |"
            for rule in group
        ]
        lines += [""]
    return "\n".join(lines)


def page(rule: ShownRule, entry: dict[str, str]) -> str:
    """Return the page of a rule.

    Args:
        rule: The rule.
        entry: ``fires`` and ``calm``, the names of cases, and ``fix``.

    Raises:
        ExampleError: The first case does not have the finding, or the second one has it.
    """
    fires, calm = load(entry["fires"]), load(entry["calm"])
    reported, other = _of(rule, fires), _of(rule, calm)
    if not reported or other:
        key, case, what = ("calm", calm, "is") if reported else ("fires", fires, "is not")
        raise ExampleError(
            f"{_NAME}: {rule.id} {what} reported in the case {case.name}: name another as {key}"
        )
    counts = f" It fails `--fail-on` {', '.join(rule.means)}." if rule.means else ""
    lines = [
        _HEAD,
        "",
        f"# {rule.id}",
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
        entry["fix"],
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


def _of(rule: ShownRule, case: Case) -> list[Json]:
    return [finding for finding in _findings(case.name) if finding["rule"] == rule.id]


def _ignoring(rule: ShownRule, case: Case, address: str) -> Iterator[str]:
    """Yield the entry of the ignore file that suppresses the finding of a case.

    Raises:
        ExampleError: The case still has the finding.
    """
    if "ignore" in case.data:
        yield "This rule is about the ignore file itself, so it cannot be ignored."
        return
    entry = [
        "[[ignore]]",
        f'rule = "{rule.id}"',
        f"address = {json.dumps(address or '*')}",
        'reason = "why this is acceptable here"',
    ]
    ignoring = replace(case, data={**case.data, "ignore": "\n".join(entry)})
    if any(
        f["rule"] == rule.id and f["address"] == address for f in review(ignoring)[1]["findings"]
    ):
        raise ExampleError(f"{rule.id} is reported though an entry of an ignore file names it")
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
