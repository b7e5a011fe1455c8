"""Renders the role module: the plugin's IAM role with its trust policy and one of the variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.facts.documents import CNI_POLICY
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.variants import Scope
from vpc_cni_iam.hcl.literals import Expression, Literal, code
from vpc_cni_iam.rendering import policy_module
from vpc_cni_iam.rendering.documents import TOO_LARGE, RenderedDocument, fits
from vpc_cni_iam.rendering.environment import fill
from vpc_cni_iam.rendering.outputs import Output
from vpc_cni_iam.rendering.variables import Variable, refusing

NAME = "vpc-cni-iam-role"
MANAGED_VARIANT = "ipv4"

# The template of each file.
FILES = {
    "main.tf": "role/main.tf.jinja",
    "variables.tf": "variables.tf.jinja",
    "outputs.tf": "outputs.tf.jinja",
    "versions.tf": "versions.tf.jinja",
    "README.md": "role/README.md.jinja",
    "tests/role.tftest.hcl": "role/role.tftest.hcl.jinja",
}
_SAMPLE = {
    "oidc_provider_arn": "arn:aws:iam::111122223333:oidc-provider/"
    "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
    "eks_cluster_arn": "arn:aws:eks:eu-west-1:111122223333:cluster/example",
    "source_account_id": "111122223333",
}
_CLUSTER, _PROVIDER = "aws_eks_cluster.this", "aws_iam_openid_connect_provider.this.arn"
# Limits from the IAM API reference (CreateRole, CreatePolicy). The provider adds 26 characters to
# prefixes.
_IAM_NAME = "[0-9A-Za-z_+=,.@-]"
# IAM also accepts two slashes in a row, but then finds nothing with the intended path.
_FOLDERS = "([!-.0-~]+/)*"
_PATH_LENGTH = 512


def render(options: Options, *, vendored: bool = False) -> dict[str, str]:
    """Return the text of each file of a role module, by its path."""
    chosen = len(options.variants) > 1  # with a variable, at plan time
    context = policy_module.context(options, optional=chosen, vendored=vendored)
    documents = context["documents"]
    names = [d.name for d in documents]
    managed, irsa = MANAGED_VARIANT in names, options.irsa
    document = "local.json[var.variant]" if chosen else next(iter(context["json"].values()))
    needs = _needs(documents if chosen else ())
    untagged = [d for d in documents if d.scope is not Scope.SESSION_TAGS]
    context |= {
        "name": NAME,
        "call_name": "vpc_cni_role",
        **_calls(names[0], untagged, context, chosen=chosen, irsa=irsa),
        "variables": (
            _CREATE,
            *([_variant(names)] if chosen else []),
            *(_needed_by(v, needs) for v in context["variables"]),
            *_trust_variables(options),
            *_role_variables(options),
            *([_MANAGED] if managed else []),
            _TAGS,
        ),
        "outputs": _outputs(options, document, managed=managed),
        "document": document,
        # Without its names, the document of a scoped variant is null.
        "fits": f"try({fits(document)}, true)" if needs else fits(document),
        "too_large": TOO_LARGE,
        "chosen": chosen,
        "own_policy": f"var.create{' && !var.use_aws_managed_policy' if managed else ''}",
        "data_sources": sorted([*context["data_sources"], trust.DOCUMENT]),
        "resources": (
            "aws_iam_policy.this",
            "aws_iam_role.this",
            *(["aws_iam_role_policy_attachment.aws_managed"] if managed else []),
            "aws_iam_role_policy_attachment.this",
        ),
        "scoped_names": [*needs],
        "scoped_by_needs": _by_needs(needs),
        "refused_with_irsa": context["by_session_tags"] if irsa else [],
        "untagged": untagged,
        "names": names,
        "managed": managed,
        "managed_variant": MANAGED_VARIANT,
        "managed_policy": CNI_POLICY,
        "irsa": irsa,
        "trust": trust,
        "trust_sample": _SAMPLE,
        "issuer": trust.issuer(_SAMPLE["oidc_provider_arn"]),
    }
    return fill(FILES, context)


def _needs(documents: Iterable[RenderedDocument]) -> dict[str, tuple[str, ...]]:
    """Return the variables that each variant's document needs, by variant.

    In a module for one variant, these variables are required instead.
    """
    named = [p.name for p in parameters.NAMES]
    used = {
        d.name: tuple(p.name for p in parameters.used(d.composed.policy) if p.name in named)
        for d in documents
    }
    return {name: needed for name, needed in used.items() if needed}


def _by_needs(needs: Mapping[str, tuple[str, ...]]) -> list[tuple[list[str], tuple[str, ...]]]:
    """Return groups of variants that need the same variables, with the variables."""
    return [
        ([name for name in needs if needs[name] == needed], needed)
        for needed in dict.fromkeys(needs.values())
    ]


def _calls(
    variant: str,
    untagged: Sequence[RenderedDocument],
    context: Mapping[str, Any],
    *,
    chosen: bool,
    irsa: bool,
) -> dict[str, dict[str, Any]]:
    """Return the arguments of the module's calls in its tests and in its README.

    Each call passes the names that its variant's document needs.
    """
    passed = {} if chosen else context["call"]
    first = {"variant": untagged[0].name} if chosen and irsa else {}
    provider: dict[str, Any] = {}
    cluster: dict[str, Any] = {"source_account_id": _SAMPLE["source_account_id"]}
    if irsa:
        provider = {"oidc_provider_arn": _SAMPLE["oidc_provider_arn"]}
        arn = Expression(f"{_CLUSTER}.arn")
        cluster = {"pod_identity": Expression("true"), "eks_cluster_arn": arn}
    any_variant = {"variant": variant} if chosen else {}
    return {
        "given": {**first, **provider, **context["sample"]},
        "by_irsa": {**first, "oidc_provider_arn": Expression(_PROVIDER), **passed},
        "by_pod_identity": {**any_variant, **cluster, **passed},
    }


def _needed_by(variable: Variable, needs: Mapping[str, tuple[str, ...]]) -> Variable:
    """Return a variable; its description names the variants that need it, if there are several."""
    for parameter in parameters.NAMES if needs else ():
        if parameter.name == variable.name:
            names = [name for name, needed in needs.items() if variable.name in needed]
            text = f"{parameter.description} Required by {' and '.join(names)}."
            return replace(variable, description=text)
    return variable


def _variant(names: list[str]) -> Variable:
    listed = ", ".join(code(Literal(n)) for n in names)
    return Variable(
        "variant",
        f"Policy variant of the role: {', '.join(names)}.",
        "string",
        code(Literal(names[0])),
        nullable=False,
        condition=f"contains([{listed}], var.variant)",
        message=f"The variant must be one of {', '.join(names)}.",
    )


def _trust_variables(options: Options) -> tuple[Variable, ...]:
    """Return the variables of the trust policy; without IRSA, it is always for Pod Identity."""
    arn, cluster, account = (
        refusing(Variable(p.name, p.description, "string", "null"), p.pattern, p.rule)
        for p in trust.PARAMETERS
    )
    if not options.irsa:
        return (cluster, account)
    pod_identity = Variable(
        trust.POD_IDENTITY,
        f"Whether EKS Pod Identity may assume the role, for kube-system/{options.service_account}. "
        "Needs session tags, which are enabled unless the association disables them.",
        "bool",
        "false",
        nullable=False,
    )
    return (arn, pod_identity, cluster, account)


def _role_variables(options: Options) -> tuple[Variable, ...]:
    prefix = "cni-metrics-helper-" if options.program else "vpc-cni-"

    def name(noun: str, most: int, *, prefix: str | None = None) -> Variable:
        variable = f"{noun}_name" if prefix is None else f"{noun}_name_prefix"
        instead = f"null to generate it from {noun}_name_prefix"
        text = f"Name of the IAM {noun}; {instead}."
        if prefix is not None:
            text = f"Start of the IAM {noun}'s name if {noun}_name is null."
        return refusing(
            Variable(
                variable,
                text,
                "string",
                "null" if prefix is None else code(Literal(prefix)),
                nullable=prefix is None,
            ),
            f"{_IAM_NAME}{{1,{most}}}",
            f"1 to {most} letters, digits and characters of _+=,.@-",
        )

    path = refusing(
        Variable("path", "Path of the role and the policy.", "string", '"/"', nullable=False),
        f"/{_FOLDERS}",
        "a path that starts and ends with a slash, with no two slashes in a row, of at most "
        f"{_PATH_LENGTH} characters",
    )
    return (
        name("role", 64),
        name("role", 38, prefix=prefix),
        name("policy", 128),
        name("policy", 102, prefix=prefix),
        replace(path, condition=f"{path.condition} && length(var.path) <= {_PATH_LENGTH}"),
        refusing(
            Variable(
                "permissions_boundary",
                "ARN of the role's permissions boundary; null for none.",
                "string",
                "null",
            ),
            f"arn:aws[a-z-]*:iam::([0-9]{{12}}|aws):policy/{_FOLDERS}{_IAM_NAME}{{1,128}}",
            "the ARN of an IAM policy, like arn:aws:iam::111122223333:policy/boundary",
        ),
    )


_MANAGED = Variable(
    "use_aws_managed_policy",
    f"Whether to attach the AWS managed policy {CNI_POLICY} instead of the variant's policy. "
    f"Only for the variant {MANAGED_VARIANT}.",
    "bool",
    "false",
    nullable=False,
)
_CREATE = Variable(
    "create", "Whether to create the role and its policy.", "bool", "true", nullable=False
)
_TAGS = Variable("tags", "Tags of the role and the policy.", "map(string)", "{}", nullable=False)


def _outputs(options: Options, document: str, *, managed: bool) -> tuple[Output, ...]:
    text = "Policy document of the role, as JSON"
    attachments = ["aws_iam_role_policy_attachment.this"]
    attachments += ["aws_iam_role_policy_attachment.aws_managed"] if managed else []
    attached = f"concat({', '.join(attachments)})" if managed else attachments[0]
    return (
        Output("role_arn", "ARN of the role.", "one(aws_iam_role.this[*].arn)"),
        Output(
            "service_account_role_arn",
            "ARN of the role for the annotation eks.amazonaws.com/role-arn of the service account, "
            "after its policy is attached."
            if options.program
            else "ARN of the role for the add-on's service_account_role_arn, after its policy is "
            "attached.",
            f"length({attached}) > 0 ? aws_iam_role.this[0].arn : null",
        ),
        Output("role_name", "Name of the role.", "one(aws_iam_role.this[*].name)"),
        Output("policy_arn", "ARN of the attached policy.", f"one({attached}[*].policy_arn)"),
        Output(
            "policy_json",
            f"{text}; null with use_aws_managed_policy." if managed else f"{text}.",
            f"{'var.use_aws_managed_policy ? null : ' if managed else ''}{document}",
        ),
        Output(
            "trust_policy_json",
            "Trust policy of the role, as JSON.",
            "data.aws_iam_policy_document.trust.json",
        ),
    )
