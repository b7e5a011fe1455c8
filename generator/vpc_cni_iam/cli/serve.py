"""``vpc-cni-iam serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.expand import value

HELP = """Serve a published registry on 127.0.0.1, to try it. Stop with Ctrl-C.

\b
Examples:
  vpc-cni-iam serve dist
  vpc-cni-iam serve dist >>~/.terraformrc
  vpc-cni-iam serve dist --port 8080 --registry-host tf.example.com
"""


def serve(
    directory: Annotated[
        str, typer.Argument(metavar="DIRECTORY", help="Directory that publish wrote.")
    ],
    port: int = value("NUMBER", "Port; 0 for any free one.", 8421, min=0, max=65535),
    registry_host: str | None = value(
        "HOST", "Host name of the registry.  [default: the one recorded in DIRECTORY]"
    ),
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.publishing.destination import DestinationOptions, resolve
    from vpc_cni_iam.publishing.serve import configuration, server

    folder = common.path(directory, ".")
    options = DestinationOptions(registry_host, move=True)
    with server(folder, port, common.say) as running:
        host = resolve(folder, options).destination.address.host
        typer.echo("# Append this to ~/.terraformrc (OpenTofu: ~/.tofurc), then run init:")
        typer.echo(configuration(host, running.server_port), nl=False)
        running.serve_forever()
