"""The files of a published version: the standard module structure, as texts by path."""

from __future__ import annotations

from msgspec.structs import replace

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.catalog.variants import VARIANTS, Scope, Variant
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.write import Arguments, NewBlock, block, comment
from vpc_cni_iam.publishing.address import REPOSITORY, ModuleAddress
from vpc_cni_iam.publishing.versioning.semver import Version
from vpc_cni_iam.rendering import kinds, policy_module, role_module

ROLE = "modules/role"
# The published README has another usage section, and the rendered text from this heading on.
_REST = "## Variants\n"
_TITLE = f"# {policy_module.NAME}\n"
_ROLE_SOURCE = f'  source = "./{role_module.NAME}"'
_ROLE_ARGUMENTS = [("oidc_provider_arn", Expression("aws_iam_openid_connect_provider.this.arn"))]


def package_options(options: Options) -> Options:
    """Return the options of a published version, with every variant of the selection."""
    version = options.selection.version
    variants = tuple(v for v in VARIANTS if version is None or version >= v.minimum)
    return Options(variants, options.selection)


def package_files(options: Options, version: Version, address: ModuleAddress) -> dict[str, str]:
    """Return the files of a published version of `package_options`, without its CHANGELOG.md."""
    files = kinds.render(options)
    files["README.md"] = _readme(files["README.md"], options, version, address)
    role = kinds.render(replace(options, kind=ModuleKind.role))
    # Its usage section has the published source.
    call = _call("x", f"{address.source}//{ROLE}", version, [])
    role["README.md"] = role["README.md"].replace(_ROLE_SOURCE, "\n".join(call[1:-1]))
    files |= {f"{ROLE}/{path}": text for path, text in role.items()}
    for variant in options.variants:
        files[f"examples/{variant.name}/main.tf"] = _example(variant)
    files["examples/role/main.tf"] = _role_example(options.variants[0])
    files["LICENSE"] = resources.text("publishing/data/LICENSE")
    return files


def _readme(rendered: str, options: Options, version: Version, address: ModuleAddress) -> str:
    head, _, rest = rendered.partition(_TITLE)
    _, mark, rest = rest.partition(_REST)
    lines = [
        f"# {REPOSITORY}",
        "",
        "IAM policy documents for the Amazon VPC CNI plugin, as `aws_iam_policy_document` data",
        "sources. The root module creates no resource: it returns JSON for an `aws_iam_policy`, a",
        "role or your own module.",
        "",
        "```hcl",
        *_usage(options.variants, version, address),
        "```",
        "",
        f"[{ROLE}]({ROLE}) creates the role of the plugin's service account with one of them:",
        "",
        "```hcl",
        *_call("vpc_cni_role", f"{address.source}//{ROLE}", version, _ROLE_ARGUMENTS),
        "```",
        "",
        "[examples/](examples) has a root module for each variant and for the role.",
        "[CHANGELOG.md](CHANGELOG.md) lists the changed permissions of each version.",
        "",
    ]
    return head + "\n".join(lines) + "\n" + mark + rest


def _usage(variants: tuple[Variant, ...], version: Version, address: ModuleAddress) -> list[str]:
    scoped = next((v for v in variants if v.scope is Scope.CLUSTER_NAME), None)
    arguments = [
        ("cluster_name", Expression("aws_eks_cluster.this.name")),
        ("vpc_id", Expression("aws_eks_cluster.this.vpc_config[0].vpc_id")),
    ]
    call = _call("vpc_cni_policy", address.source, version, arguments if scoped else [])
    return [*call, "", *_policy(scoped or variants[0]).splitlines()]


def _call(
    name: str, source: str, version: Version, arguments: list[tuple[str, Expression]]
) -> list[str]:
    constraint = Literal(f"~> {version.major}.{version.minor}")
    call = NewBlock(f'module "{name}"', [("source", Literal(source)), ("version", constraint)])
    call.attributes += arguments
    return block(call).splitlines()


def _policy(variant: Variant) -> str:
    reference = Expression(f"module.vpc_cni_policy.{variant.identifier}_json")
    head = 'resource "aws_iam_policy" "vpc_cni"'
    return block(NewBlock(head, [("name", Literal("vpc-cni")), ("policy", reference)]))


def _example(variant: Variant) -> str:
    """Return a root module that creates a variant's policy with the module two folders above."""
    call = NewBlock('module "vpc_cni_policy"', [("source", Literal("../../"))])
    if variant.scope is Scope.CLUSTER_NAME:
        vpc = Literal("vpc-0123456789abcdef0")
        call.attributes += [("cluster_name", Literal("example")), ("vpc_id", vpc)]
    output = _output("policy_arn", "ARN of the policy.", "aws_iam_policy.vpc_cni.arn")
    title = f"The policy for {variant.summary}."
    return "\n".join([*_head(title), block(call), _policy(variant), output])


def _role_example(variant: Variant) -> str:
    call = NewBlock(
        'module "vpc_cni_role"',
        [
            ("source", Literal(f"../../{ROLE}")),
            ("variant", Literal(variant.name)),
            ("pod_identity", Expression("true")),
        ],
    )
    description = "ARN of the role, for the association with kube-system/aws-node."
    output = _output("role_arn", description, "module.vpc_cni_role.role_arn")
    title = f"The role, trusted by EKS Pod Identity, with the policy for {variant.summary}."
    return "\n".join([*_head(title), block(call), output])


def _head(title: str) -> list[str]:
    """Return the first blocks of a root module."""
    floor = policy_module.PROVIDER_FLOOR
    source = f'{{\n      source  = "hashicorp/aws"\n      version = ">= {floor}"\n'
    settings = NewBlock(
        "terraform",
        [("required_version", Literal(f">= {policy_module.ENGINE_FLOOR}"))],
        [NewBlock("required_providers", [("aws", Expression(f"{source}    }}"))])],
    )
    return ["\n".join(comment([title])) + "\n", block(settings)]


def _output(name: str, description: str, value: str) -> str:
    attributes: Arguments = [("description", Literal(description)), ("value", Expression(value))]
    return block(NewBlock(f'output "{name}"', attributes))
