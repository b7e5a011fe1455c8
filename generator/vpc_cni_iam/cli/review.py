"""``vpc-cni-iam review``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer
from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import formats
from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import progress
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import IpFamily

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
    from vpc_cni_iam.review.ignore import IgnoreFile
    from vpc_cni_iam.review.options import ReviewOptions
    from vpc_cni_iam.review.report.shown import ShownReview
    from vpc_cni_iam.review.report_formats import Setting

HELP = """Review the IAM changes of a plan: access that is newly allowed or no longer allowed, and
whether the plugin still works.

PLAN is the output of `terraform show -json` or `tofu show -json`, plain or compressed with gzip, as
a file or - for standard input. PLAN can also be a saved plan, or a directory with one. The engine
that made a saved plan then shows it, in --source if given. Exit code 0 means that no finding
matches --fail-on, 1 that one does, 3 that the plan cannot be read.

\b
Examples:
  terraform show -json tfplan | vpc-cni-iam review -
  vpc-cni-iam review tfplan --source . --fail-on warning --fail-on new-access
  vpc-cni-iam review plan.json --cni-version v1.20.4 --mode ipv4 --format json
  vpc-cni-iam review plan.json --report sarif=iam.sarif --report html=iam.html
  vpc-cni-iam review plan.json --format markdown --for gitlab
"""


_REPORTS = formats.names("vpc_cni_iam.review.report.formats")
if TYPE_CHECKING:
    ReviewFormat = StrEnum
else:
    ReviewFormat = options.choices("ReviewFormat", _REPORTS)


class Forge(StrEnum):
    """Where reports are read."""

    github = "github"
    gitlab = "gitlab"
    bitbucket = "bitbucket"


class EngineChoice(StrEnum):
    """Which engine shows a saved plan."""

    auto = "auto"
    terraform = "terraform"
    tofu = "tofu"


def _fail_on() -> list[str]:
    from vpc_cni_iam.levels import Level
    from vpc_cni_iam.review.rules import Consequence

    return [*Consequence, *Level]


class ReviewedPluginOptions(Struct, frozen=True):
    """The options that describe the plugin after the plan."""

    PANEL: ClassVar[str] = "Plugin"

    cni_version: str | None = options.plugin_version(
        "Plugin version to check, such as v1.20.4, or latest.  "
        "[default: the plan's, with --source else that of vpc-cni-iam.toml, else the newest]"
    )
    mode: IpFamily | None = options.mode("each policy's")


class VerdictOptions(Struct, frozen=True):
    """The options that decide which findings make the command fail."""

    PANEL: ClassVar[str] = "Verdict"

    fail_on: list[str] = value(
        "WHAT",
        "Fail on findings of this kind or severity: new-access, coverage-lost, "
        "any-change, error, warning or note; repeat for more.",
        ["warning"],
        autocompletion=_fail_on,
    )
    ignore_file: Path | None = value(
        "FILE",
        "Suppressed findings.  [default: vpc-cni-iam-ignore.toml, if it exists]",
        readable=False,
    )


class PlanOptions(Struct, frozen=True):
    """The options that say how the plan is read."""

    PANEL: ClassVar[str] = "Plan"

    source: Path | None = value(
        "DIRECTORY", "Directory of the root module, to report files and lines."
    )
    engine: EngineChoice = options.choice(
        EngineChoice, "--engine", "Engine that shows a saved plan.", EngineChoice.auto
    )


class ReportOptions(Struct, frozen=True):
    """The options for the report."""

    PANEL: ClassVar[str] = "Report"

    details: bool = flag("Print all details, and every changed policy.")
    output: ReviewFormat = options.output_format(ReviewFormat.__members__["text"])
    report: list[str] | None = value(
        "FORMAT=FILE",
        "Also write a report to a file, such as sarif=iam.sarif; repeat for more.",
    )
    read_on: Forge | None = options.choice(
        Forge,
        "--for",
        "Where reports are read. Markdown keeps its size limit (default: github's), SARIF for "
        "github leaves out ignored findings, and JUnit for gitlab names files.",
    )


def review(
    plan: Annotated[
        str,
        typer.Argument(
            metavar="PLAN",
            help="JSON of a plan, a saved plan, or its directory; - is standard input.",
        ),
    ],
    plugin: ReviewedPluginOptions,
    verdict: VerdictOptions,
    reading: PlanOptions,
    report: ReportOptions,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.review.obtain import obtain
    from vpc_cni_iam.review.report.make import check_fail_on, shown
    from vpc_cni_iam.review.run import review as reviewed

    fails_on, source = check_fail_on(verdict.fail_on), reading.source
    if not plan:
        raise UsageError("PLAN is empty; name a plan, or write . for the current directory")
    files = _files(report.report or (), plan)
    asked, ignored = _options(plugin, source), _ignore_file(verdict.ignore_file)
    with progress("reading the plan") as passed:
        read = obtain(plan, sys.stdin.buffer, reading.engine.value, os.environ, passed, source)
    if source is not None:
        called = (call.source for call in read.configuration.root.calls.values())
        asked = replace(asked, pin=_pinned_version(source, called))
    made = reviewed(read, asked, ignored)
    result = shown(made, fails_on)
    if not made.context.locator.fits:
        common.say(f"--source {source} has no resource of the plan; is it another root module?")
    _reports(result, report.output, files, _setting(report, source))
    raise typer.Exit(1 if result.failed else 0)


def _options(plugin: ReviewedPluginOptions, source: Path | None) -> ReviewOptions:
    import datetime

    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.review.options import ReviewOptions

    version = known_versions.find(plugin.cni_version) if plugin.cni_version else None
    mode = plugin.mode
    today = datetime.date.today()
    return ReviewOptions(version, None, mode.value if mode else None, today, source)


def _pinned_version(directory: Path, called: Iterable[str]) -> PluginVersion | None:
    """Return the plugin version of the modules that a root module calls, by their sources.

    If the configuration names none of them, return the version of all its modules. Return None
    without a configuration, and if there are several versions.
    """
    from vpc_cni_iam.errors import VpcCniIamError
    from vpc_cni_iam.vendoring.repository import find

    try:
        config = find(directory.absolute(), None)
    except VpcCniIamError:
        return None
    places = {(directory / source).resolve() for source in called}
    of_plugin = [m for m in config.modules if m.options.program is None]
    modules = [m for m in of_plugin if config.folder(m).resolve() in places] or of_plugin
    versions = {m.options.selection.version for m in modules}
    return versions.pop() if len(versions) == 1 else None


def _ignore_file(path: Path | None) -> IgnoreFile | None:
    from vpc_cni_iam.review import ignore

    chosen = path or Path(ignore.NAME)
    return None if path is None and not chosen.exists() else ignore.load(chosen)


def _files(reports: Iterable[str], plan: str) -> dict[Path, str]:
    """Return the formats to write, by file."""
    from vpc_cni_iam.errors import UsageError

    files: dict[Path, str] = {}
    taken = {Path(plan).resolve(): "is the plan"}
    for report in reports:
        name, _, file = report.partition("=")
        path = Path(file)
        if name not in _REPORTS or not path.name:
            raise UsageError(
                f"--report {report!r}: write FORMAT=FILE, with one of {', '.join(_REPORTS)}"
            )
        if file == "-":
            raise UsageError(f"--report {report!r}: to print a report, use --format {name}")
        if why := taken.get(path.resolve()):
            raise UsageError(f"--report {report!r}: {file} {why}")
        taken[path.resolve()] = "is the file of another --report"
        files[path] = name
    return files


def _setting(report: ReportOptions, source: Path | None) -> Setting:
    from vpc_cni_iam.review.report_formats import FORGES, Setting

    width = shutil.get_terminal_size().columns if common.has_width() else None
    forge = next((name for name in FORGES if name == report.read_on), None)
    return Setting(forge, _prefix(source), width, common.has_colours(), report.details)


def _reports(
    result: ShownReview, output: ReviewFormat, files: dict[Path, str], setting: Setting
) -> None:
    """Write the files, and print one to stdout."""
    from vpc_cni_iam.files import single
    from vpc_cni_iam.review.report_formats import pieces

    plain = replace(setting, width=None, colour=False)
    for path, name in files.items():
        single.write(path, pieces(name, result, plain))
    common.print_any_letter()
    # typer.echo refuses a locale of ASCII.
    sys.stdout.writelines(pieces(output.value, result, setting))


def _prefix(source: Path | None) -> str:
    """Return the path of the root module in its git checkout, else in the current directory."""
    if source is None:
        return ""
    folder = source.resolve()
    above = (folder, *folder.parents)
    top = next((f for f in above if (f / ".git").exists()), Path.cwd())
    return folder.relative_to(top).as_posix() if top in above else ""
