"""Options that commands share: one name, one placeholder and one completion each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from msgspec import Struct
from msgspec.structs import asdict, replace

from vpc_cni_iam.cli.common import Format, say
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.names import resolve

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.coverage.subject import Opener
    from vpc_cni_iam.hcl.module.given import Renderer
    from vpc_cni_iam.inputs.variables import GivenVariables
    from vpc_cni_iam.plugin.settings import PluginSettings


def _versions() -> list[str]:
    from vpc_cni_iam.catalog.facts.known_versions import known
    from vpc_cni_iam.catalog.facts.plugin_version import LATEST

    return [LATEST, *map(str, reversed(known()[1:]))]


def _known_version(context: typer.Context, value: str | None) -> str | None:
    if value is None or context.resilient_parsing:
        return value
    return known(value)


def known(name: str) -> str:
    """Return a version. For an unknown later patch version, warn and return the newest known."""
    from vpc_cni_iam.catalog.facts.known_versions import stand_in, stand_in_warning

    version = stand_in(name)
    if version is None:
        return name
    say(f"warning: {stand_in_warning(name)}")
    return str(version)


# The option that names a plugin version.
plugin_version = partial(value, "VERSION", autocompletion=_versions, callback=_known_version)
AwsOutput = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="Output of the AWS CLI; - is standard input."),
]


class IpFamily(StrEnum):
    """The IP family of a cluster."""

    ipv4 = "ipv4"
    ipv6 = "ipv6"


class RenderingEngine(StrEnum):
    """Which engine renders a module."""

    auto = "auto"
    terraform = "terraform"
    tofu = "tofu"
    none = "none"


def choices(name: str, values: Iterable[str]) -> type[StrEnum]:
    """Return the type of an option whose values are computed at run time."""
    make: Any = StrEnum
    kind: type[StrEnum] = make(name, {value: value for value in values})
    return kind


def choice(kind: type[StrEnum], name: str, text: str, default: StrEnum | None = None) -> Any:
    """Return the option that takes one of the values of an enumeration."""

    def member(word: str) -> StrEnum:
        return kind(resolve(word, kind, name))

    return typer.Option(
        default,
        name,
        parser=member,
        metavar=f"<{'|'.join(kind)}>",
        autocompletion=lambda: list(kind),
        help=text,
    )


def output_format(default: StrEnum) -> Any:
    """Return the option for the output format; the default's enumeration has the formats."""
    return choice(type(default), "--format", "Output format.", default)


def mode(default: str) -> Any:
    """Return the option for the IP family; the help shows `default` as its default."""
    return choice(IpFamily, "--mode", f"IP family of the cluster.  [default: {default}]")


def _kinds() -> list[str]:
    from vpc_cni_iam.catalog.options import ModuleKind

    return list(ModuleKind)


def variants() -> list[str]:
    """Return the names of the variants."""
    from vpc_cni_iam.catalog.variants import every

    return [v.name for v in every()]


def _revisions() -> list[str]:
    from vpc_cni_iam.catalog.facts.documents import revisions

    return [r.name for r in revisions()]


def _features() -> list[str]:
    from vpc_cni_iam.catalog.facts.calls import features

    return list(features())


def _limits() -> list[str]:
    from vpc_cni_iam.catalog.narrowing import IdList

    return list(IdList)


variant = partial(value, "VARIANT", autocompletion=variants)
revision = partial(value, "DATE", autocompletion=_revisions)
feature = partial(value, "FEATURE", autocompletion=_features)

KIND = value("KIND", "Kind of module: policy documents or a role.", "policy", autocompletion=_kinds)
VARIANTS = variant("Variant; repeat for more. `catalog` lists them.  [default: those of upstream]")
NO_ADDITIONS = flag("Do not add the plugin's missing calls to upstream's document.")
ALL_CALLS = flag("Add all calls to upstream's document, also those that the plugin does not need.")
HARDEN = flag(
    "Narrow scoped documents to the tags and the VPC that the plugin version needs. With "
    "--no-harden, they are in upstream's form.  [default: --harden, without --revision]",
    "--harden/--no-harden",
    default=None,
)
LIMIT_TO = value(
    "LIST",
    "With --harden: subnets or security-groups. Adds a variable that lists the allowed ones; a "
    "subnet that is tagged later for subnet discovery is not allowed. Repeat for both.",
    autocompletion=_limits,
)
FORMAT = output_format(Format.text)
QUIET = flag("Print problems only.", "--quiet", "-q")


class DocumentOptions(Struct, frozen=True):
    """The options that choose upstream's documents."""

    PANEL: ClassVar[str] = "Document"

    revision: str | None = revision("Use upstream's document of this date, without changes.")
    cni_version: str | None = plugin_version(
        "Plugin version that the policy must work with.  [default: latest]"
    )
    feature: list[str] | None = feature(
        "Allow the calls of an optional feature; repeat for more. `catalog` lists them."
    )


class HardeningOptions(Struct, frozen=True):
    """The options that narrow scoped documents."""

    PANEL: ClassVar[str] = "Hardening"

    harden: bool | None = HARDEN
    additional_tag_key: list[str] | None = value(
        "KEY", "With --harden: a key of the plugin's ADDITIONAL_ENI_TAGS; repeat for more."
    )
    eni_claim_tag: str | None = value(
        "KEY=VALUE",
        "With --harden: allow claiming only interfaces with this tag, which your node "
        "group or launch template must set.",
    )

    def resolved(
        self, variants: Collection[str], revision: str | None, limit_to: Collection[str] = ()
    ) -> HardeningOptions:
        """Return them with the default of --harden for variants."""
        from vpc_cni_iam.catalog.options import hardened_by_default

        if self.harden is not None:
            return self
        needs_it = self.additional_tag_key or self.eni_claim_tag or limit_to
        return replace(self, harden=bool(needs_it) or hardened_by_default(variants, revision))

    def after(self, recorded: Hardening | None, revision: str | None) -> Hardening | None:
        """Return the hardening of a version after another one."""
        from vpc_cni_iam.catalog.hardening import Hardening

        if self.harden is None and not (self.additional_tag_key or self.eni_claim_tag):
            return recorded if revision is None else None
        was = recorded if recorded is not None and self.harden is not False else Hardening()
        return Hardening.of(
            harden=self.harden is not False,
            additional_tag_keys=self.additional_tag_key or was.additional_tag_keys,
            eni_claim_tag=self.eni_claim_tag or was.claim,
            limit_to=was.limits,
        )


def chosen(
    variants: Collection[str],
    documents: DocumentOptions,
    hardening: HardeningOptions,
    *,
    no_additions: bool = False,
    all_calls: bool = False,
    kind: str = "policy",
    limit_to: Collection[str] = (),
) -> Options:
    """Return the options of the catalog from those of a command; raises `UsageError`."""
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import options
    from vpc_cni_iam.catalog.selection import additions_of

    hardening = hardening.resolved(variants, documents.revision, limit_to)
    return options(
        variants,
        revision=documents.revision,
        cni_version=documents.cni_version,
        features=documents.feature or (),
        additions=additions_of(no_additions=no_additions, all_calls=all_calls),
        kind=kind,
        hardening=Hardening.of(
            harden=bool(hardening.harden),
            additional_tag_keys=hardening.additional_tag_key or (),
            eni_claim_tag=hardening.eni_claim_tag,
            limit_to=limit_to,
        ),
    )


def later(
    before: Options | None, documents: DocumentOptions, hardening: HardeningOptions
) -> Options:
    """Return the options of a version after another; what no option names stays as it was."""
    from vpc_cni_iam.catalog.options import options
    from vpc_cni_iam.catalog.selection import Additions

    if before is None:
        return chosen((), documents, hardening)
    selection = before.selection
    changed = documents.revision is not None or selection.version is None
    return options(
        revision=documents.revision,
        cni_version=documents.cni_version,
        features=documents.feature or selection.features,
        additions=Additions.needed if changed else selection.additions,
        hardening=hardening.after(selection.hardening, documents.revision),
    )


def pairs(option: str, words: list[str] | None) -> Mapping[str, str]:
    """Return the values of an option by name, from words such as ``NAME=VALUE``."""
    from vpc_cni_iam.errors import UsageError

    split = [word.partition("=") for word in words or ()]
    for name, equals, _ in split:
        if not equals:
            raise UsageError(f"{option.partition(' ')[0]} {name!r}: write it as {option}")
    return {name: value for name, _, value in split}


class ModuleOptions(Struct, frozen=True):
    """The options that say how a module in HCL is read."""

    PANEL: ClassVar[str] = "Module in HCL"

    var: list[str] | None = value(
        "NAME=VALUE", "Value of a variable of a module in HCL; repeat for more."
    )
    var_file: list[str] | None = value(
        "FILE", "Values of variables, in the format of .tfvars or .tfvars.json; repeat for more."
    )
    engine: RenderingEngine = choice(
        RenderingEngine,
        "--engine",
        "Engine that renders policies in HCL that only an engine can evaluate; auto uses the "
        "one on the PATH.",
        RenderingEngine.none,
    )

    def read(self) -> GivenVariables:
        """Return the values of variables, and the engine."""
        from vpc_cni_iam.cli import inputs
        from vpc_cni_iam.inputs.variables import given_variables

        text = partial(inputs.text, form="HCL")
        values = given_variables(self.var or (), self.var_file or (), text)
        return replace(values, renderer=self._renderer())

    def opener(self, names: Mapping[str, str | None]) -> Opener:
        """Return the opener of a command's inputs; `names` has the cluster's names and IDs."""
        from vpc_cni_iam.cli import inputs
        from vpc_cni_iam.coverage.subject import Opener

        return Opener(partial(inputs.text, "-"), names, self.read())

    def _renderer(self) -> Renderer | None:
        from vpc_cni_iam.engine.documents import render
        from vpc_cni_iam.engine.run import find
        from vpc_cni_iam.errors import EngineError
        from vpc_cni_iam.hcl.module.given import Renderer

        if self.engine is RenderingEngine.none:
            return None
        if (engine := find(self.engine.value, os.environ)) is None:
            raise EngineError("--engine auto: neither terraform nor tofu is on the PATH")
        return Renderer(engine.version(), partial(render, engine))


class ClusterOptions(Struct, frozen=True):
    """The options for the names and IDs of a cluster and its surroundings, in what is written."""

    PANEL: ClassVar[str] = "Cluster"

    cluster_name: str | None = value("NAME", "Name of the cluster.")
    vpc_id: str | None = value("ID", "VPC of the nodes.")
    partition: str | None = value("PARTITION", "AWS partition.")
    region: str | None = value("REGION", "AWS Region.")
    account_id: str | None = value("ID", "AWS account ID of the nodes.")
    vpc_owner_id: str | None = value("ID", "AWS account ID of the owner of the VPC.")
    hyperpod_cluster_id: str | None = value("ID", "ID of the SageMaker HyperPod cluster.")

    @property
    def values(self) -> dict[str, str | None]:
        """The values by parameter name of the catalog."""
        return asdict(self)


def _settable() -> list[str]:
    return [name.replace("_", "-") for name in ClusterOptions.__struct_fields__]


class ClusterNames(Struct, frozen=True):
    """The option for the same names and IDs in what is checked, which has most of them itself."""

    PANEL: ClassVar[str] = "Cluster"

    set: list[str] | None = value(
        "NAME=VALUE",
        "Name or ID of the cluster, if the input does not have it; repeat for more. NAME is "
        f"{', '.join(_settable())}.",
        autocompletion=lambda: [f"{name}=" for name in _settable()],
    )

    @property
    def values(self) -> dict[str, str | None]:
        """The values by parameter name of the catalog."""
        from vpc_cni_iam.catalog.parameters import PARAMETERS

        known = {p.option.removeprefix("--"): p for p in PARAMETERS}
        chosen_names = dict[str, str | None].fromkeys(p.name for p in PARAMETERS)
        for word, text in pairs("--set NAME=VALUE", self.set).items():
            parameter = known[resolve(word, known, "name", "--set")]
            chosen_names[parameter.name] = parameter.check(text, f"--set {word}:")
        return chosen_names

    def with_names(self, plugin: PluginSettings) -> dict[str, str | None]:
        """Return the values; names that no option gives are those of the plugin's file."""
        own = self.values
        return own | {name: own[name] or value for name, value in plugin.names().items()}
