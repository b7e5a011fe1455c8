"""Cases with known results: a plan, and what its review must and must not say.

A case is one file in ``tests/review/corpus``, whose README says how to write one, or in a similar
folder. Its plan was made by a real engine and is in ``plans/``, or is written in the case in the
form of a newer provider.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from vpc_cni_iam.cli import main

CORPUS = Path(__file__).parents[1] / "tests" / "review" / "corpus"
DOCUMENTS, PLANS, REPORTS = CORPUS / "documents", CORPUS / "plans", CORPUS / "reports"
Json = dict[str, Any]
# A table as one of these arguments is written as JSON.
JSON_ARGUMENTS = ("policy", "assume_role_policy", "configuration_values")
_ADDRESS = re.compile(r"(?:module\.\w+(?:\[[^]]*\])?\.)*(?:data\.)?(\w+)\.(\w+)(\[.*\])?$")
# As hashicorp/setup-terraform prints the plan.
_WRAPPED = (
    "[command]/opt/hostedtoolcache/terraform/1.15.5/terraform-bin show -json tfplan\n{}\n"
    "::debug::Terraform exited with code 0.\n::debug::stdout: {{}}\n"
)
_KEYS = {"about", "plan_of", "engine", "by_hand", "options", "input", "ignore", "exit"} | {
    *("finding", "may", "never", "plugin", "reported", "not_reported")
}


@dataclass(frozen=True)
class Expected:
    """A finding that a review must have.

    Args:
        rules: The possible rules; one if decided.
        levels: The possible levels; one if decided.
        addresses: The possible addresses.
        words: Words in its message, details or fix, in any case.
    """

    rules: tuple[str, ...]
    levels: tuple[str, ...]
    addresses: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{' or '.join(self.levels)} {' or '.join(self.rules)} {' or '.join(self.addresses)}"
        return f"{text} with {', '.join(self.words)}" if self.words else text

    def fits(self, finding: Json) -> bool:
        """Whether a finding is this one."""
        return (
            finding["rule"] in self.rules
            and finding["level"] in self.levels
            and finding["address"] in self.addresses
            and not missing(self.words, text_of(finding))
        )


def text_of(finding: Json) -> str:
    """Return the text of a finding."""
    return "\n".join([finding["message"], *finding["details"], finding["fix"]])


def missing(words: tuple[str, ...], text: str) -> list[str]:
    """Return the words that a text does not contain, in any case."""
    return [word for word in words if word.lower() not in text.lower()]


@dataclass(frozen=True)
class Case:
    """One case, as `tomllib` reads it."""

    name: str
    data: Json
    folder: Path = CORPUS

    @property
    def source(self) -> Case:
        """The case that has the plan."""
        return load(self.data["plan_of"], self.folder) if "plan_of" in self.data else self

    @property
    def plan(self) -> bytes:
        """The plan as `review` gets it."""
        hand = self.source.data.get("by_hand")
        made = self.folder / "plans" / f"{self.source.name}.json"
        if not (hand or made.exists()):
            raise ValueError(f"{made.name}: `python tests/review/make_corpus.py` makes this plan")
        text = json.dumps(written(hand)) if hand else made.read_text(encoding="utf-8")
        match self.data.get("input"):
            case "setup-terraform":
                return _WRAPPED.format(text.rstrip()).encode()
            case "gzip":
                return gzip.compress(text.encode(), mtime=0)
            case "utf-16":
                return text.encode("utf-16")
        return text.encode()

    @property
    def expected(self) -> list[Expected]:
        """The findings that a review must have."""
        return [
            Expected(
                many(f["rule"]), many(f["level"]), many(f["address"]), many(f.get("words", ()))
            )
            for f in self.data.get("finding", ())
        ]

    def problems(self, code: int, review: Json) -> Iterator[str]:
        """The differences between a review and the case."""
        findings: list[Json] = review["findings"]
        expected, may = self.expected, many(self.data.get("may", ()))
        for needed in expected:
            if not any(needed.fits(f) for f in findings):
                yield f"not said:      {needed}"
        for finding in findings:
            if finding["level"] == "note" or finding["rule"] in may:
                continue
            if not any(needed.fits(finding) for needed in expected):
                yield f"not expected:  {one_line(finding)}"
        never = self.data.get("never", {})
        for finding in findings:
            if finding["rule"] in never.get("rules", ()):
                yield f"must not say:  {one_line(finding)}"
        shown = json.dumps(review, ensure_ascii=False)
        yield from (f"must not hold: {word}" for word in never.get("words", ()) if word in shown)
        yield from self._plugins(review)
        if code != self.data["exit"]:
            yield f"exit code:     {code}, not {self.data['exit']}"

    def _plugins(self, review: Json) -> Iterator[str]:
        for expected in self.data.get("plugin", ()):
            plugins = [{k: p.get(k) for k in expected} for p in review.get("plugins", ())]
            if expected not in plugins:
                yield f"no plugin:     {expected} in {plugins}"


def one_line(finding: Json) -> str:
    """Return a finding in a line."""
    where = f"{finding['address']} {finding['attribute']}".strip()
    return f"{finding['level']} {finding['rule']} {where}: {finding['message'][:200]}"


def many(value: Any) -> tuple[str, ...]:
    """Return a list of texts, which may be written as one text."""
    return (value,) if isinstance(value, str) else tuple(value)


@cache
def load(name: str, folder: Path = CORPUS) -> Case:
    """Return a case.

    Raises:
        ValueError: Its file has other members than a case.
    """
    text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    case = Case(name, tomllib.loads(text), folder)
    if unknown := case.data.keys() - _KEYS:
        raise ValueError(f"{name}: unknown {', '.join(sorted(unknown))}")
    if not {"about", "exit"} <= case.data.keys():
        raise ValueError(f"{name}: about or exit is missing")
    if len(case.data.keys() & {"plan_of", "engine", "by_hand"}) != 1:
        raise ValueError(f"{name}: write one of plan_of, engine and by_hand")
    return case


def cases(folder: Path = CORPUS) -> list[Case]:
    """Return every case."""
    return [load(path.stem, folder) for path in sorted(folder.glob("*.toml"))]


def review(case: Case) -> tuple[int, Json]:
    """Return the exit code and the JSON of a review."""
    code, text = report(case, "--format", "json")
    return code, json.loads(text) if text else {"findings": []}


def report(case: Case, *words: str) -> tuple[int, str]:
    """Run `review` as the command line does, in this process; return its exit code and output."""
    out = io.StringIO()
    command = ["vpc-cni-iam", "review", "plan.json", *words, *case.data.get("options", ())]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(patch.object(sys, "argv", command))
        stack.enter_context(patch("signal.signal"))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        (folder / "plan.json").write_bytes(case.plan)
        if "ignore" in case.data:
            (folder / "vpc-cni-iam-ignore.toml").write_text(case.data["ignore"], encoding="utf-8")
        try:
            main.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue()


def digest(case: Case) -> str:
    """Return the digest that shows whether a plan is from a case's current configuration."""
    return hashlib.sha256(json.dumps(case.data["engine"], sort_keys=True).encode()).hexdigest()[:16]


def written(hand: Json) -> Json:
    """Return the plan in a case.

    A table or array as a policy becomes its JSON, and text of the form ``@NAME`` the document.
    """
    changes = [_change(c) for c in hand.get("change", ())]
    drift = [_change(c) for c in hand.get("drift", ())]
    blocks = {}
    for item in hand.get("change", ()):
        kind, name, _ = _parts(item["address"])
        expressions = {k: {"references": many(v)} for k, v in item.get("refs", {}).items()}
        blocks[f"{kind}.{name}"] = {
            "address": f"{kind}.{name}",
            "mode": "managed",
            "type": kind,
            "name": name,
            "provider_config_key": item.get("provider", kind.partition("_")[0]),
            "expressions": expressions,
        }
    return {
        "format_version": "1.2",
        "terraform_version": "1.15.5",
        "resource_changes": changes,
        **({"resource_drift": drift} if drift else {}),
        "configuration": {"root_module": {"resources": list(blocks.values())}},
        **hand.get("plan", {}),
    }


def _parts(address: str) -> tuple[str, str, str]:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(f"{address} is not the address of a resource")
    return match[1], match[2], match[3] or ""


def _change(item: Json) -> Json:
    kind, name, index = _parts(item["address"])
    before, after = (_values(item.get("values", item.get(side))) for side in ("before", "after"))
    if before is None:
        actions = ["create"]
    elif after is None:
        actions = ["delete"]
    else:
        actions = ["no-op"] if before == after and not item.get("unknown") else ["update"]
    top: Json = {k: item[k] for k in ("previous_address", "deposed") if k in item}
    change: Json = {k: item[k] for k in ("importing", "replace_paths") if k in item}
    return {
        "address": item["address"],
        "mode": "managed",
        "type": kind,
        "name": name,
        **({"index": json.loads(index[1:-1])} if index else {}),
        "provider_name": f"registry.terraform.io/hashicorp/{kind.partition('_')[0]}",
        **top,
        "change": {
            "actions": item.get("actions", actions),
            "before": before,
            "after": after,
            "after_unknown": item.get("unknown", {}),
            "before_sensitive": item.get("before_sensitive", {}),
            "after_sensitive": item.get("sensitive", {}),
            **change,
        },
    }


def _values(values: Json | None) -> Json | None:
    if values is None:
        return None
    return {key: _value(key, value) for key, value in values.items()}


def _value(key: str, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return json.dumps(json.loads((DOCUMENTS / f"{value[1:]}.json").read_text()))
    if isinstance(value, Mapping) and key in JSON_ARGUMENTS:
        return json.dumps(value)
    return value
