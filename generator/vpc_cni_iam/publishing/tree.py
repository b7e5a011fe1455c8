"""The standard module structure of a published version: texts by path, without any I/O."""

from __future__ import annotations

from dataclasses import replace

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.catalog.scoping import Scope
from vpc_cni_iam.catalog.variants import VARIANTS, Variant
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.write import Block, block, comment
from vpc_cni_iam.publishing.coordinates import REPOSITORY, Coordinates
from vpc_cni_iam.publishing.semver import Version
from vpc_cni_iam.rendering import kinds, policy_module, role_module

ROLE = "modules/role"
# Where the README of a policy module goes from its usage, which is another one here, to the rest.
_REST = "## Variants\n"
_TITLE = f"# {policy_module.NAME}\n"
_ROLE_SOURCE = f'  source = "./{role_module.NAME}"'
_ROLE_ARGUMENTS = [("oidc_provider_arn", Expression("aws_iam_openid_connect_provider.this.arn"))]


def served(options: Options) -> Options:
    """Return the options of a published module: every variant that the selection can serve.

    Args:
        options: With the selection; the variants in it are not looked at.
    """
    release = options.selection.release
    chosen = tuple(v for v in VARIANTS if release is None or release >= v.minimum)
    return Options(chosen, options.selection)


def tree(options: Options, version: Version, coordinates: Coordinates) -> dict[str, str]:
    """Return the files of a published version, but for its CHANGELOG.md.

    Args:
        options: What `served` returns.
        version: The version.
        coordinates: Where it will be found.
    """
    found = kinds.render(options)
    found["README.md"] = _readme(found["README.md"], options, version, coordinates)
    role = kinds.render(replace(options, kind=ModuleKind.role))
    role["README.md"] = _role_readme(role["README.md"], version, coordinates)
    found |= {f"{ROLE}/{path}": text for path, text in role.items()}
    for variant in options.variants:
        found[f"examples/{variant.name}/main.tf"] = example(variant)
    found["examples/role/main.tf"] = _role_example(options.variants[0])
    found["LICENSE"] = resources.text("publishing/LICENSE")
    return found


def _readme(rendered: str, options: Options, version: Version, coordinates: Coordinates) -> str:
    head, _, rest = rendered.partition(_TITLE)
    _, mark, rest = rest.partition(_REST)
    lines = [
        f"# {REPOSITORY}",
        "",
        "IAM policy documents for the Amazon VPC CNI plugin, as `aws_iam_policy_document` data",
        "sources. The root module makes no resource: it returns JSON for an `aws_iam_policy`, a",
        "role or a module of yours.",
        "",
        "```hcl",
        *_usage(options.variants, version, coordinates),
        "```",
        "",
    ]
    lines += [
        f"[{ROLE}]({ROLE}) makes the role of the plugin's service account, with one of them:",
        "",
        "```hcl",
        *_call("vpc_cni_role", f"{coordinates.source}//{ROLE}", version, _ROLE_ARGUMENTS),
        "```",
        "",
    ]
    lines += [
        "[examples/](examples) has a root module for each variant and for the role,",
        "[CHANGELOG.md](CHANGELOG.md) says for each version which permissions changed.",
        "",
    ]
    return head + "\n".join(lines) + "\n" + mark + rest


def _role_readme(rendered: str, version: Version, coordinates: Coordinates) -> str:
    """Return the role module's README with the published source in its usage."""
    called = _call("x", f"{coordinates.source}//{ROLE}", version, [])
    return rendered.replace(_ROLE_SOURCE, "\n".join(called[1:-1]))


def _usage(variants: tuple[Variant, ...], version: Version, coordinates: Coordinates) -> list[str]:
    scoped = next((v for v in variants if v.scope is Scope.CLUSTER_NAME), None)
    names = [
        ("cluster_name", Expression("aws_eks_cluster.this.name")),
        ("vpc_id", Expression("aws_eks_cluster.this.vpc_config[0].vpc_id")),
    ]
    call = _call("vpc_cni_policy", coordinates.source, version, names if scoped else [])
    return [*call, "", *_policy(scoped or variants[0]).splitlines()]


def _call(
    name: str, source: str, version: Version, arguments: list[tuple[str, Expression]]
) -> list[str]:
    constraint = Literal(f"~> {version.major}.{version.minor}")
    called = Block(f'module "{name}"', [("source", Literal(source)), ("version", constraint)])
    called.attributes += arguments
    return block(called).splitlines()


def _policy(variant: Variant) -> str:
    reference = Expression(f"module.vpc_cni_policy.{variant.identifier}_json")
    head = 'resource "aws_iam_policy" "vpc_cni"'
    return block(Block(head, [("name", Literal("vpc-cni")), ("policy", reference)]))


def example(variant: Variant) -> str:
    """Return a root module that makes the policy of a variant from the module around it.

    Args:
        variant: The variant.
    """
    call = Block('module "vpc_cni_policy"', [("source", Literal("../../"))])
    if variant.scope is Scope.CLUSTER_NAME:
        vpc = Literal("vpc-0123456789abcdef0")
        call.attributes += [("cluster_name", Literal("example")), ("vpc_id", vpc)]
    output = _output("policy_arn", "ARN of the policy.", "aws_iam_policy.vpc_cni.arn")
    what = f"The policy for {variant.summary}."
    return "\n".join([*_settings(what), block(call), _policy(variant), output])


def _role_example(variant: Variant) -> str:
    call = Block(
        'module "vpc_cni_role"',
        [
            ("source", Literal(f"../../{ROLE}")),
            ("variant", Literal(variant.name)),
            ("pod_identity", Expression("true")),
        ],
    )
    arn = "ARN of the role, for the association with kube-system/aws-node."
    what = f"The role, trusted by EKS Pod Identity, with the policy for {variant.summary}."
    output = _output("role_arn", arn, "module.vpc_cni_role.role_arn")
    return "\n".join([*_settings(what), block(call), output])


def _settings(what: str) -> list[str]:
    """Return what a root module begins with."""
    floors = Block(
        "terraform",
        [("required_version", Literal(f">= {policy_module.ENGINE_FLOOR}"))],
        [Block("required_providers", [("aws", _aws_provider())])],
    )
    return ["\n".join(comment([what])) + "\n", block(floors)]


def _output(name: str, description: str, value: str) -> str:
    made = Block(f'output "{name}"', [("description", Literal(description))])
    made.attributes.append(("value", Expression(value)))
    return block(made)


def _aws_provider() -> Expression:
    floor = policy_module.PROVIDER_FLOOR
    return Expression(f'{{\n      source  = "hashicorp/aws"\n      version = ">= {floor}"\n    }}')
