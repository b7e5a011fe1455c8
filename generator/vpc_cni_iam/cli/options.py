"""Options that commands share: one name, one placeholder and one completion each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from vpc_cni_iam.cli import versions
from vpc_cni_iam.names import resolve

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.hcl.module.given import Renderer
    from vpc_cni_iam.inputs.variables import GivenVariables


class Format(StrEnum):
    """How to print a result."""

    text = "text"
    json = "json"


class Mode(StrEnum):
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
    """Return the type of an option whose values are only known at run time."""
    make: Any = StrEnum
    kind: type[StrEnum] = make(name, {value: value for value in values})
    return kind


def choice(kind: type[StrEnum], flag: str, text: str) -> Any:
    """Return the option that takes one of the values of an enumeration."""

    def member(word: str) -> StrEnum:
        return kind(resolve(word, kind, flag))

    return typer.Option(
        flag,
        parser=member,
        metavar=f"<{'|'.join(kind)}>",
        autocompletion=lambda: list(kind),
        help=text,
    )


def _named(flag: str, metavar: str, completion: Callable[[], list[str]]) -> Callable[..., Any]:
    def option(text: str) -> Any:
        return typer.Option(flag, metavar=metavar, help=text, autocompletion=completion)

    return option


def _kinds() -> list[str]:
    from vpc_cni_iam.catalog.options import ModuleKind

    return list(ModuleKind)


def _variants() -> list[str]:
    from vpc_cni_iam.catalog.variants import every

    return [v.name for v in every()]


def _revisions() -> list[str]:
    from vpc_cni_iam.catalog.facts.documents import revisions

    return [r.name for r in revisions()]


def _features() -> list[str]:
    from vpc_cni_iam.catalog.facts.calls import features

    return list(features())


variant = _named("--variant", "VARIANT", _variants)
revision = _named("--revision", "DATE", _revisions)
feature = _named("--feature", "FEATURE", _features)

KindOption = Annotated[
    str, _named("--kind", "KIND", _kinds)("Kind of module: policy documents or a role.")
]
VariantArgument = Annotated[
    str,
    typer.Argument(
        metavar="VARIANT", help="Variant; `catalog` lists them.", autocompletion=_variants
    ),
]
VariantOption = Annotated[
    list[str] | None,
    variant("Variant; repeat for more. `catalog` lists them.  [default: those of upstream]"),
]
NoGapsOption = Annotated[
    bool, typer.Option("--no-gaps", help="Do not add the actions that upstream's document misses.")
]
FormatOption = Annotated[Format, choice(Format, "--format", "Output format.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print problems only.")]


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """The options that choose upstream's documents."""

    revision: Annotated[
        str | None, revision("Use upstream's document of this date, without changes.")
    ] = None
    cni_version: versions.VersionOption = None
    strict: versions.StrictOption = False
    feature: Annotated[
        list[str] | None,
        feature("Allow what an optional feature calls; repeat for more. `catalog` lists them."),
    ] = None


@dataclass(frozen=True, slots=True)
class HardeningOptions:
    """The options that narrow documents of one cluster."""

    harden: Annotated[
        bool,
        typer.Option(
            "--harden",
            help="Narrow a scoped document to the tags and the VPC that the plugin version needs.",
        ),
    ] = False
    additional_tag_key: Annotated[
        list[str] | None,
        typer.Option(
            "--additional-tag-key",
            metavar="KEY",
            help="With --harden: a key of the plugin's ADDITIONAL_ENI_TAGS; repeat for more.",
        ),
    ] = None
    eni_claim_tag: Annotated[
        str | None,
        typer.Option(
            "--eni-claim-tag",
            metavar="KEY=VALUE",
            help="With --harden: allow claiming only interfaces with this tag, which your node "
            "group or launch template must set.",
        ),
    ] = None


def chosen(
    variants: Iterable[str],
    documents: DocumentOptions,
    hardening: HardeningOptions,
    *,
    no_gaps: bool = False,
    kind: str = "policy",
) -> Options:
    """Return the options of the catalog that those of a command mean; raises `UsageError`."""
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import options

    return options(
        variants,
        revision=documents.revision,
        cni_version=documents.cni_version,
        features=documents.feature or (),
        gaps=not no_gaps,
        kind=kind,
        hardening=Hardening.of(
            harden=hardening.harden,
            additional_tag_keys=hardening.additional_tag_key or (),
            eni_claim_tag=hardening.eni_claim_tag,
        ),
    )


def name(flag: str, text: str) -> Any:
    """Return the option that takes a name or an ID."""
    return typer.Option(flag, metavar=flag.rpartition("-")[2].upper(), help=text)


@dataclass(frozen=True, slots=True)
class VariableOptions:
    """The options that give values to the variables of a module."""

    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=VALUE",
            help="Value of a variable of a module in HCL; repeat for more.",
        ),
    ] = None
    var_file: Annotated[
        list[str] | None,
        typer.Option(
            "--var-file",
            metavar="FILE",
            help="Values of variables, as in terraform.tfvars or its JSON; repeat for more.",
        ),
    ] = None

    def read(self) -> GivenVariables:
        """Return the values."""
        from vpc_cni_iam.cli import inputs
        from vpc_cni_iam.inputs.variables import given_variables

        text = partial(inputs.text, form="HCL")
        return given_variables(self.var or (), self.var_file or (), text)


@dataclass(frozen=True, slots=True)
class ModuleOptions(VariableOptions):
    """The options that say how a module is read."""

    engine: Annotated[
        RenderingEngine,
        choice(
            RenderingEngine,
            "--engine",
            "Engine that renders policies of HCL that cannot be known without one; auto uses the "
            "one on the PATH.",
        ),
    ] = RenderingEngine.none

    def read(self) -> GivenVariables:
        """Return the values, and the engine."""
        return replace(VariableOptions.read(self), renderer=self._renderer())

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


_Text: TypeAlias = str | None


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The options that take the names and IDs of a cluster's surroundings."""

    cluster_name: Annotated[_Text, name("--cluster-name", "Name of the cluster.")] = None
    vpc_id: Annotated[_Text, name("--vpc-id", "VPC of the nodes.")] = None
    partition: Annotated[_Text, name("--partition", "AWS partition.")] = None
    region: Annotated[_Text, name("--region", "AWS Region.")] = None
    account_id: Annotated[_Text, name("--account-id", "AWS account ID of the nodes.")] = None
    vpc_owner_id: Annotated[
        _Text, name("--vpc-owner-id", "AWS account ID of the owner of the VPC.")
    ] = None
    hyperpod_cluster_id: Annotated[
        _Text, name("--hyperpod-cluster-id", "ID of the SageMaker HyperPod cluster.")
    ] = None

    @property
    def values(self) -> dict[str, str | None]:
        """The values by the names of the catalog's parameters."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """The options that name what else must allow what the policies allow."""

    boundary: Annotated[
        str | None,
        typer.Option("--boundary", metavar="POLICY", help="Permissions boundary of the role."),
    ] = None
    scp: Annotated[
        list[str] | None,
        typer.Option(
            "--scp",
            metavar="POLICY",
            help="Service control policies of one level of the organisation; repeat for more.",
        ),
    ] = None

    @property
    def files(self) -> list[str]:
        """The files they name; the boundary's is empty without one."""
        return [*(self.scp or ()), self.boundary or ""]
