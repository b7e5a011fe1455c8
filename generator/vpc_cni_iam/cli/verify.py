"""``vpc-cni-iam verify``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.catalog.selection import Additions
    from vpc_cni_iam.verifying.verify import Verification

HELP = """Compare the module in DIRECTORY with the catalog.

The options that generated the module are read from its main.tf, or from vpc-cni-iam.toml. Options
of this command override them. All code must be that of the catalog's module: every other block,
argument and file is reported with its line. With an engine, a copy of the module is also planned
with the provider of your configuration, and the rendered policies must equal the catalog's.

Exit code 1 means that something differs or is unknown.

\b
Examples:
  vpc-cni-iam verify vpc-cni-iam-policy
  vpc-cni-iam verify vpc-cni-iam-policy --engine none
  vpc-cni-iam verify modules/vpc-cni --cni-version latest
  vpc-cni-iam verify modules/vpc-cni --variant ipv4 --format json
"""


class ComparedOptions(Struct, frozen=True):
    """The options that say with what the module is compared."""

    PANEL: ClassVar[str] = "Compare with"

    variant: list[str] | None = options.variant(
        "Compare this variant; repeat for more.  [default: all]"
    )
    revision: str | None = options.revision("Compare with upstream's document of this date.")
    cni_version: str | None = options.plugin_version(
        "Compare with the documents for this plugin version, or latest."
    )
    feature: list[str] | None = options.feature(
        "Expect the actions of an optional feature; repeat for more."
    )
    no_additions: bool = options.NO_ADDITIONS
    all_calls: bool = options.ALL_CALLS

    def selected(
        self, directory: Path, additions: Additions, stated: Options | None
    ) -> Options | None:
        """Return the options to compare with: the user's, else those that the module states.

        The options of a module that sync writes are in the configuration.
        """
        from vpc_cni_iam.catalog import options
        from vpc_cni_iam.catalog.selection import Additions
        from vpc_cni_iam.vendoring.repository import options_of

        stated = stated or options_of(directory)
        names, features = self.variant or (), self.feature or ()
        is_chosen = names or self.revision or self.cni_version or features
        if stated is None and not is_chosen and additions is Additions.needed:
            return None
        make = partial(options.override, stated) if stated else options.options
        return make(
            names,
            revision=self.revision,
            cni_version=self.cni_version,
            features=features,
            additions=additions,
        )


def verify(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIRECTORY", readable=False, help="The module's directory."),
    ],
    chosen: ComparedOptions,
    engine: options.RenderingEngine = options.choice(
        options.RenderingEngine,
        "--engine",
        "Engine that renders the module; auto uses the one on the PATH.",
        options.RenderingEngine.auto,
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.selection import additions_of
    from vpc_cni_iam.engine.run import find
    from vpc_cni_iam.verifying.verify import verify as compare

    additions = additions_of(no_additions=chosen.no_additions, all_calls=chosen.all_calls)
    select = partial(chosen.selected, directory, additions)
    renderer = None if engine is options.RenderingEngine.none else find(engine.value, os.environ)
    if renderer is not None:
        common.say_waiting(f"{renderer.name}, which renders the policies of {directory}")
    result = compare(directory, select, renderer, _published_files)
    for note in result.notes:
        common.say(note)
    _show(result, output)
    raise typer.Exit(0 if result.clean else 1)


def _published_files(options: Options) -> Mapping[str, str]:
    from vpc_cni_iam.publishing.address import ModuleAddress
    from vpc_cni_iam.publishing.package import package_files
    from vpc_cni_iam.publishing.versioning.semver import FIRST

    return package_files(options, FIRST, ModuleAddress())


def _show(result: Verification, output: Format) -> None:
    if output is Format.json:
        from vpc_cni_iam.verifying.verify import verification_data

        common.show_json(verification_data(result))
        return
    for document in result.documents:
        common.show(
            f"{document.state:<8}{document.name:<12} {document.statements} statements, "
            f"{document.against}; {document.seen}"
        )
        for difference in document.differences:
            common.show(f"        {difference}")
    for finding in result.findings:
        common.show(f"differs {finding}")
