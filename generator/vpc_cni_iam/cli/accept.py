"""``vpc-cni-iam accept``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, modules
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.options import FORMAT

HELP = """Accept a local change of FILE, or its deletion, and record REASON in the manifest.

`check` and `sync` then report the change as a note. Only the current text is accepted: accept the
file again after another edit. If a sync merges an update into an accepted file, the result stays
accepted if it is proven to allow no more than the generated and the accepted text.

\b
Examples:
  vpc-cni-iam accept modules/vpc-cni-iam-policy/main.tf "ticket NET-12"
  vpc-cni-iam accept modules/vpc-cni-iam-policy/README.md "we have our own"
"""


def accept(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of a module, by path.")],
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why, in one line.")],
    shared: modules.ConfigOptions,
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.accept import accept as record
    from vpc_cni_iam.vendoring.report import files
    from vpc_cni_iam.vendoring.report.shown import shown_accept
    from vpc_cni_iam.vendoring.select import select_file

    configuration = shared.read()
    module, path = select_file(configuration, Path(), file)
    reported = record(configuration, module, path, reason)
    if output is Format.json:
        common.show_json(shown_accept(module, path, reported, shared.commands(configuration)))
        return
    for each in () if shared.quiet else reported:
        word = "accept" if each.path == path else "note" if each.fine else each.state
        common.show(f"{word:<9}{module.path}/{each.path} {files.reason(each)}")
