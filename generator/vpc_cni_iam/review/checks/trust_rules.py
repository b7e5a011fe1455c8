"""The rules about trust policies for service accounts; part of the table of rules."""

from __future__ import annotations

from vpc_cni_iam.review.findings import Rule, rule

TRUST: tuple[Rule, ...] = (
    rule(
        "trust-anybody",
        "error",
        "",
        "A trust policy lets everybody assume the role.",
        "`*` as the principal of a trust policy, and NotPrincipal, mean every AWS account. Name "
        "who is meant, or ask for `aws:PrincipalOrgID` or the like in a condition.",
    ),
    rule(
        "irsa-no-audience",
        "warning",
        "",
        "A trust by IRSA does not ask for the audience.",
        "Without a condition on `ISSUER:aud` every token of the cluster's issuer is taken, also "
        "one that was made for another purpose than AWS. An error where the plan takes it away.",
    ),
    rule(
        "irsa-other-audience",
        "warning",
        "",
        "A trust by IRSA asks for another audience than sts.amazonaws.com.",
        "The tokens that EKS makes for pods are for `sts.amazonaws.com`, unless the service "
        "account is annotated with `eks.amazonaws.com/audience`.",
    ),
    rule(
        "irsa-no-subject",
        "error",
        "",
        "A trust by IRSA does not ask for the service account.",
        "Without a condition on `ISSUER:sub` every pod of the cluster may assume the role.",
    ),
    rule(
        "irsa-subject-wildcard",
        "warning",
        "",
        "A trust by IRSA takes service accounts by a wildcard.",
        "Name the service account, `system:serviceaccount:kube-system:aws-node`.",
    ),
    rule(
        "irsa-never-matches",
        "error",
        "",
        "A wildcard in a trust by IRSA is compared letter by letter.",
        "`StringEquals` takes `*` for a star. Nobody can assume the role.",
    ),
    rule(
        "irsa-string-like",
        "note",
        "",
        "A subject without a wildcard is compared by StringLike.",
        "It means the same, until somebody puts a star into the name. Use `StringEquals`.",
    ),
    rule(
        "irsa-other-subject",
        "warning",
        "",
        "The plugin's role is for another service account than the plugin's.",
        "The plugin runs as `aws-node` in `kube-system`.",
    ),
    rule(
        "irsa-issuer-differs",
        "error",
        "",
        "A trust by IRSA has a condition on another issuer than its principal.",
        "Tokens have only keys of their own issuer, so that nobody can assume the role.",
    ),
    rule(
        "pod-identity-no-tag-session",
        "error",
        "",
        "A trust by EKS Pod Identity does not allow sts:TagSession.",
        "EKS Pod Identity assumes the role with session tags, and is refused.",
    ),
    rule(
        "pod-identity-unscoped",
        "warning",
        "",
        "A trust by EKS Pod Identity has no condition on who it is for.",
        "Conditions on `aws:RequestTag/kubernetes-namespace`, "
        "`aws:RequestTag/kubernetes-service-account`, `aws:RequestTag/eks-cluster-arn` or "
        "`aws:SourceAccount` say for which pods the role is.",
    ),
    rule(
        "pod-identity-tags-disabled",
        "error",
        "",
        "Session tags are asked for, and an association switches them off.",
        "With `disable_session_tags` no session of the role has tags: conditions on them in the "
        "trust or in a policy are never met.",
    ),
    rule(
        "pod-identity-source-arn",
        "error",
        "",
        "The source ARN in a trust by EKS Pod Identity names an association.",
        "`aws:SourceArn` is the ARN of the cluster.",
    ),
)
