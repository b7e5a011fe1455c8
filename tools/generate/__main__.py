"""Check that generated files are current, or write them again.

python -m tools.generate [--write]

Generated are the modules in modules/ and examples/, the configuration there, the list of examples,
the README's tables and pictures, the pages about risks, rules and other projects' policies, the
schema of the configuration, and a review as a page. Exit codes: 0 current, 1 stale (with the reason
for each), 2 wrong usage.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.docs import peers
from tools.generate import abilities, examples, rule_pages, screenshot, terminal
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.documents import in_force, revisions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import Options, in_directory, options
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import UPSTREAM
from vpc_cni_iam.cli import json_types
from vpc_cni_iam.coverage.analysis import risks
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.report import svg
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import of_variant
from vpc_cni_iam.explain.known import errors
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.tree import entries, texts, write
from vpc_cni_iam.inputs import identify
from vpc_cni_iam.policy.document import Policy, Statement, dumps
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.rendering.policy_module import NAME
from vpc_cni_iam.vendoring.check import check
from vpc_cni_iam.vendoring.configuration.config import Config, load
from vpc_cni_iam.vendoring.configuration.tables import schema_text
from vpc_cni_iam.vendoring.init import first_options, text
from vpc_cni_iam.vendoring.sync import sync
from vpc_cni_iam.versions.listing import listing

ROOT = Path(__file__).resolve().parents[2]

MODULES: dict[str, Options] = {
    f"modules/{NAME}": options(hardening=Hardening()),
    "modules/vpc-cni-iam-role": options(kind="role", hardening=Hardening()),
    "modules/upstream-2022-01-31": examples.UPSTREAM,
    f"examples/modules/{NAME}": examples.POLICY,
    "examples/modules/vpc-cni-iam-role": examples.ROLE,
    "examples/ipv4-narrowed/policy": examples.NARROWED,
    "examples/ipv6-scoped/policy": examples.IPV6_SCOPED,
    "examples/role-many-clusters/role": examples.MANY,
}
# The projects that the README names.
_POPULAR = ("AWS", "terraform-aws-iam", "kOps", "eksctl")
VENDORED = ROOT / "examples" / "vendored" / "vpc-cni-iam.toml"
_SECTION = re.compile(r"<!-- BEGIN (\w+) -->\n(.*?)<!-- END \1 -->\n", re.DOTALL)


def tree(folder: Path) -> dict[str, str]:
    """Return the texts of the files in a folder, by path."""
    return texts(folder, entries(folder))


def stale_modules() -> list[str]:
    """Return a line for each file of a committed module that is stale, missing or left over."""
    results = []
    for folder, made_from in MODULES.items():
        there, expected = tree(ROOT / folder), render(in_directory(made_from, Path(folder)))
        results += [
            f"{folder}/{path}: {'left over' if path not in expected else 'stale or missing'}"
            for path in sorted(there.keys() | expected.keys())
            if there.get(path) != expected.get(path)
        ]
    return results


def vendored() -> Config:
    """Return the configuration of the vendored example."""
    return load(VENDORED)


def variants_table() -> str:
    """Return the table of variants, with the plugin versions that each revision works with."""
    catalog = listing()
    revisions = [r["revision"] for r in catalog["revisions"]]
    lines = [
        f"| variant | for | published by | {' | '.join(revisions)} |",
        f"| --- | --- | --- | {' | '.join('---' for _ in revisions)} |",
    ]
    for variant in (v for v in catalog["variants"] if v["service_account"] == "aws-node"):
        works = [r["works_with"][variant["name"]] for r in catalog["revisions"]]
        cells = [f"`{variant['name']}`", variant["for"], variant["published_by"], *works]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def features_table() -> str:
    """Return the table of optional features."""
    lines = ["| feature | grant it when | from plugin |", "| --- | --- | --- |"]
    lines += [f"| `{f['name']}` | {f['when']} | {f['since']} |" for f in listing()["features"]]
    return "\n".join(lines) + "\n"


def errors_table() -> str:
    """Return the table of errors other than denied calls of the plugin."""
    lines = ["| error | what it says | what it proves |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {e.says} | {e.cause} |" for name, e in errors().items()]
    return "\n".join(lines) + "\n"


def days_table() -> str:
    """Return the README's table of the days until copies of the policy worked again."""
    lines = ["| policy of | days |", "| --- | --- |"]
    for repair in sorted(peers.repairs(), key=lambda each: each.days or 0):
        if repair.project in _POPULAR and repair.date:
            name = f"{repair.project}, {FAMILIES[repair.mode]}"
            unverified = "" if repair.verified else ", date not verified"
            kind = repair.source.partition(" ")[0]
            lines.append(f"| {name} | {repair.days} ({kind}{unverified}) |")
    return "\n".join(lines) + "\n"


def _before_the_outage() -> Policy:
    (ipv4,) = (variant for variant in UPSTREAM if variant.name == "ipv4")
    return ipv4.document(in_force(PluginVersion.of("v1.22.0")))


def _wider() -> Policy:
    added = Statement(actions=("ec2:TerminateInstances",), resources=("*",))
    return Policy((*_before_the_outage().statements, added))


def configuration_table() -> str:
    """Return the table of the configuration's keys, from its schema."""
    module = json.loads(schema_text())["$defs"]["ModuleTable"]
    lines = ["| key | what it is | default |", "| --- | --- | --- |"]
    for key, entry in module["properties"].items():
        default = f"`{json.dumps(entry['default'])}`" if "default" in entry else ""
        lines.append(f"| `{key}` | {entry['description']} | {default} |")
    return "\n".join(lines) + "\n"


def coverage_picture() -> str:
    """Return the picture of upstream's newest scoped document and every plugin version."""
    subject = of_variant("ipv4-scoped", select(revision=revisions()[-1].name), {})
    setting = RequestSetting(known_versions.newest(), subject.mode, names=subject.names)
    return svg.matrix(subject, matrix(subject.policies, setting), verbose=False)


def json_table() -> str:
    """Return the table of the commands that print JSON."""
    lines = ["| command | prints |", "| --- | --- |"]
    for command in json_types.TYPES:
        schema = json_types.schema(command)
        kinds = [
            schema,
            *(schema["$defs"][k["$ref"].rpartition("/")[2]] for k in schema.get("oneOf", ())),
        ]
        prints = "<br>".join(k["description"].rstrip(".") for k in kinds if "description" in k)
        lines.append(f"| `{command}` | {prints} |")
    return "\n".join(lines) + "\n"


PICTURES: dict[str, Callable[[], str]] = {
    "docs/session.svg": terminal.svg,
    "docs/session-narrow.svg": partial(terminal.svg, terminal.NARROW, terminal.FEW_STEPS),
}
# `init` writes the configuration first; the vendored example is generated from it.
FILES: dict[str, Callable[[], str]] = {
    "examples/vendored/vpc-cni-iam.toml": lambda: text(f"modules/{NAME}", first_options()),
    "examples/README.md": examples.page,
    **PICTURES,
    "examples/inputs/plan.json": terminal.PLAN.read_text,
    "examples/inputs/policy.json": lambda: dumps(_before_the_outage()),
    "examples/inputs/wider.json": lambda: dumps(_wider()),
    "docs/coverage.svg": coverage_picture,
    "docs/peers.md": peers.page,
    "docs/risks.md": risks.page,
    "docs/review.html": screenshot.page,
    "docs/vpc-cni-iam.schema.json": schema_text,
}
SECTIONS = {
    "abilities": abilities.table,
    "variants": variants_table,
    "errors": errors_table,
    "features": features_table,
    "days": days_table,
    "configuration": configuration_table,
    "json": json_table,
    "inputs": identify.listing,
}
PAGES = (
    "README.md",
    "docs/variants.md",
    "docs/hardening.md",
    "docs/configuration.md",
    "docs/reference.md",
    "docs/coverage-inputs.md",
    "docs/explain.md",
)


def documents() -> dict[str, str]:
    """Return the generated files outside modules, by path."""
    pages = {f"docs/{path}": page for path, page in rule_pages.pages().items()}
    makers = dict(FILES)
    if not terminal.is_possible():
        for picture in PICTURES:
            print(f"{picture}: not looked at, needs {terminal.ENGINE}", file=sys.stderr)
            del makers[picture]
    return {path: make() for path, make in makers.items()} | pages


def page_text(text: str) -> str:
    """Return a page with its generated sections made current."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name not in SECTIONS:
            return match[0]  # `make bench` writes the figures
        return f"<!-- BEGIN {name} -->\n{SECTIONS[name]()}<!-- END {name} -->\n"

    return _SECTION.sub(fill, text)


def take_pictures() -> None:
    """Take the pictures again that do not show the current page, or name them."""
    for path, scheme in screenshot.PICTURES.items():
        if not screenshot.is_current(ROOT / path) and not screenshot.take(ROOT / path, scheme):
            print(f"{path}: not written, needs chromium", file=sys.stderr)


def rule_files() -> set[str]:
    """Return the paths of the rule pages."""
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/rules").glob("*.md")}


def write_documents(made: dict[str, str]) -> None:
    """Write the texts of `documents`, and remove pages of deleted rules."""
    (ROOT / "docs/rules").mkdir(exist_ok=True)
    for path, content in made.items():
        (ROOT / path).write_text(content, encoding="utf-8")
    for path in rule_files() - made.keys():
        (ROOT / path).unlink()


def main() -> int:
    """Check, or write with ``--write``; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write what is stale")
    arguments = parser.parse_args().write
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    try:
        made = documents()
    except rule_pages.ExampleError as error:
        print(error)
        return 1
    if arguments:
        write_documents(made)
        for folder, made_from in MODULES.items():
            files = render(in_directory(made_from, Path(folder)))
            write(ROOT / folder, files, [p for p in tree(ROOT / folder) if p not in files])
        for module in vendored().modules:
            sync(vendored(), module, Checkout(VENDORED.parent, {}))
        for name, known in pages.items():
            (ROOT / name).write_text(page_text(known), encoding="utf-8")
        take_pictures()
        return 0
    stale = stale_modules()
    stale += [
        f"examples/vendored: {r.module.path} {r.state}"
        for r in check(vendored(), vendored().modules)
        if r.files or r.failure
    ]
    stale += [
        f"{name}: a generated table is stale"
        for name, known in pages.items()
        if page_text(known) != known
    ]
    for path, content in made.items():
        there = ROOT / path
        if not there.exists() or there.read_text(encoding="utf-8") != content:
            stale.append(f"{path}: stale or missing")
    stale += [f"{path}: left over" for path in rule_files() - made.keys()]
    for path in screenshot.PICTURES:
        if not screenshot.is_current(ROOT / path):
            stale.append(f"{path}: shows an older docs/review.html, or is missing; needs chromium")
    for line in stale:
        print(line)
    if stale:
        print("run: make generate")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
