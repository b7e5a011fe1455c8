"""Root modules that use a published module, planned for real and compared with the catalog."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from conftest import OFFLINE_PROVIDER, TOOLS, write_tree
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.publishing.address import ModuleAddress
from vpc_cni_iam.publishing.destination import DestinationOptions
from vpc_cni_iam.publishing.package import package_options
from vpc_cni_iam.publishing.publish import Published, publish
from vpc_cni_iam.publishing.serve import configuration, server
from vpc_cni_iam.publishing.versioning.semver import Version

AT = ModuleAddress("platform", "registry.example.test")
OPTIONS = options(cni_version="latest")
FOLDER = "registry/v1/modules/platform/vpc-cni-iam/aws"
ARCHIVE = "terraform-aws-vpc-cni-iam-{}.tar.gz"


def publish_one(folder: Path, version: str = "1.0.0", chosen: Options = OPTIONS) -> Published:
    return publish(folder, chosen, asked(), Version.of(version))


def asked(oci_repository: str | None = None, at: ModuleAddress = AT) -> DestinationOptions:
    return DestinationOptions(at.host, at.namespace, oci_repository)


@contextmanager
def serving(folder: Path, log: Callable[[str], None] = lambda _: None) -> Iterator[int]:
    """Serve a published directory in a thread; gives the port."""
    with server(folder, 0, log=log) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running.server_port
        finally:
            running.shutdown()
            thread.join()


def at(engine: Engine, folder: Path, lines: str, **environ: str) -> Engine:
    """The engine with more lines in its CLI configuration and more in its environment."""
    path = folder / "consumer.rc"
    path.write_text((TOOLS / "terraform.rc").read_text() + lines)
    return replace(engine, environ={**engine.environ, "TF_CLI_CONFIG_FILE": str(path), **environ})


def at_registry(engine: Engine, folder: Path, port: int) -> Engine:
    return at(engine, folder, configuration(AT.host, port))


# The module has no names of a feature, and no lists.
GIVEN = "".join(
    f'  {name} = "{value}"\n'
    for name, value in parameters.SAMPLE.items()
    if name not in {"hyperpod_cluster_id", *(p.name for p in parameters.LISTS)}
)
# The variant that the role modules are planned with.
ROLE_VARIANT = "ipv4-scoped"


def root(sources: dict[str, str], roles: dict[str, str]) -> str:
    """A root module that calls each source with names, and puts out what each gives."""
    more = f'  variant = "{ROLE_VARIANT}"\n  pod_identity = true\n'
    return OFFLINE_PROVIDER + "".join(
        f'module "{name}" {{\n{source}\n{GIVEN}{more if name in roles else ""}}}\n'
        f'output "{name}" {{\n'
        f"  value = module.{name}.{'policy_json' if name in roles else 'json'}\n}}\n"
        for name, source in {**sources, **roles}.items()
    )


def consume(
    engine: Engine,
    folder: Path,
    sources: dict[str, str],
    roles: dict[str, str] | None = None,
    chosen: Options = OPTIONS,
) -> None:
    """Plan a root module that calls each source, and compare its documents with the catalog."""
    roles = roles or {}
    write_tree(folder, {"main.tf": root(sources, roles)})
    plan = engine.plan(folder)
    result = {n: o["value"] for n, o in plan["planned_values"]["outputs"].items()}
    assert set(result) == {*sources, *roles}
    composed = {c.variant.name: c for c in package_options(chosen).composed()}
    for name, value in result.items():
        documents = {ROLE_VARIANT: value} if name in roles else value
        assert set(documents) == ({ROLE_VARIANT} if name in roles else set(composed)), name
        for variant, text in documents.items():
            expected = parameters.substitute(composed[variant].policy, parameters.SAMPLE)
            assert differences(expected, loads(text, name)) == (), (name, variant)
