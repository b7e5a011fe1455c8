"""The rules of a review; ``docs/rules.md`` is made from this table."""

from __future__ import annotations

from vpc_cni_iam.review.findings import Level, Meaning, Rule


def _rule(identifier: str, level: Level, means: str, summary: str, text: str) -> Rule:
    meanings: tuple[Meaning, ...] = ("new-access", "coverage-lost", "any-change")
    return Rule(identifier, level, tuple(m for m in meanings if m in means.split()), summary, text)


_NEW, _LOST, _ANY = "new-access any-change", "coverage-lost any-change", "any-change"

RULES: tuple[Rule, ...] = (
    _rule(
        "new-access",
        "error",
        _NEW,
        "A changed policy allows something that it did not allow before.",
        "The finding names a request that the new policy allows and the old one does not; it is "
        "checked by an evaluator of IAM's logic, so it is not a matter of spelling. If the plugin "
        "does not need it, take it out. A role that had the same access by way of another policy "
        "gains nothing; then the finding is a note.",
    ),
    _rule(
        "new-policy",
        "warning",
        _NEW,
        "A new policy allows something.",
        "Nothing is compared, since there was no policy before. It is a note where the policy is "
        "a document of the catalog, and where the roles that it is attached to had its access "
        "already.",
    ),
    _rule(
        "not-proven",
        "warning",
        _NEW,
        "Whether a changed policy allows anything new could not be decided.",
        "Neither a proof nor a request that is newly allowed was found; the finding says what "
        "stands in the way. A Deny that goes is one: what it held back is allowed from then on, if "
        "another policy of the role allows it, which the plan need not show. Read the change "
        "yourself.",
    ),
    _rule(
        "unknown-policy",
        "warning",
        _NEW,
        "A policy is only known after apply, in whole or in part.",
        "The plan does not hold the policy. As much of it as the configuration says is rebuilt "
        "and shown; the finding lists what is left. Names that are known before apply, such as a "
        "role's name instead of its ARN, or a variable, make the policy known at plan time.",
    ),
    _rule(
        "sensitive-policy",
        "warning",
        _NEW,
        "A policy that changes is marked sensitive, so it is neither shown nor judged.",
        "A policy is no secret, since whoever has the role can read it. Take the mark off with "
        "`nonsensitive()`.",
    ),
    _rule(
        "unreadable-policy",
        "error",
        _NEW,
        "What stands in place of a policy is no policy.",
        "IAM would refuse it at apply, in the middle of everything else.",
    ),
    _rule(
        "unknown-attachment",
        "warning",
        _NEW,
        "A policy whose document the plan does not hold is attached.",
        "The plan has its ARN and not what it allows. Look at the policy in IAM.",
    ),
    _rule(
        "trust-widened",
        "error",
        _NEW,
        "A changed trust policy lets somebody assume a role who could not before.",
        "The finding names a request to assume the role that is newly allowed.",
    ),
    _rule(
        "boundary-weakened",
        "error",
        _NEW,
        "A permissions boundary is taken off or replaced.",
        "A boundary holds back what policies grant; without it all that they grant counts.",
    ),
    _rule(
        "coverage-lost",
        "error",
        _LOST,
        "The plugin could make a call before that it cannot make after.",
        "The calls that the release makes are played against the policies of both sides. A fatal "
        "loss keeps the plugin from starting, or pods from getting addresses; a lesser one is a "
        "warning.",
    ),
    _rule(
        "coverage-lacking",
        "warning",
        "",
        "A new policy of the plugin does not allow a call without which the release fails.",
        "Policies that the plan attaches to the same role are taken together; it may be that one "
        "which the plan does not show allows it.",
    ),
    _rule(
        "managed-policy-attached",
        "warning",
        "",
        "AmazonEKS_CNI_Policy is still attached to the node role.",
        "Every pod on the node that reaches the instance metadata has it, whatever the plugin's "
        "own role is scoped to. Once the plugin has a role of its own, detach it from the node "
        "role. Beside a scoped policy on one role it undoes the scoping, and is an error.",
    ),
    _rule(
        "exclusive-removes",
        "warning",
        _ANY,
        "An exclusive resource removes an inline policy or an attachment that it no longer names.",
        "Whatever is not in its list is removed from the role at apply, by whomever it was made.",
    ),
    _rule(
        "conflict",
        "warning",
        _ANY,
        "A policy or attachment goes though a resource of the plan is to keep it, or makes it.",
        "IAM knows one attachment of a policy to a role, and one inline policy of a name: who "
        "takes it away takes it from every resource that made it. Use a `moved` block where a "
        "resource has only another address. A role that is replaced comes back without what the "
        "plan leaves alone; name it by `aws_iam_role.NAME.id`, which is only known after apply, so "
        "that the plan makes that anew, too.",
    ),
    _rule(
        "size-limit",
        "error",
        "",
        "A policy is larger than IAM takes.",
        "White space does not count. The limits are 6,144 characters for a managed policy, "
        "10,240, 5,120 and 2,048 for all inline policies of a role, group or user together, and "
        "2,048 for a trust policy, which a quota increase raises.",
    ),
    _rule(
        "irsa-no-audience",
        "warning",
        "",
        "A trust by IRSA does not ask for the audience.",
        "Without a condition on `ISSUER:aud` every token of the cluster's issuer is taken, also "
        "one that was made for another purpose than AWS. An error where the plan takes it away.",
    ),
    _rule(
        "irsa-no-subject",
        "error",
        "",
        "A trust by IRSA does not ask for the service account.",
        "Without a condition on `ISSUER:sub` every pod of the cluster may assume the role.",
    ),
    _rule(
        "irsa-subject-wildcard",
        "warning",
        "",
        "A trust by IRSA takes service accounts by a wildcard.",
        "Name the service account, `system:serviceaccount:kube-system:aws-node`.",
    ),
    _rule(
        "irsa-never-matches",
        "error",
        "",
        "A wildcard in a trust by IRSA is compared letter by letter.",
        "`StringEquals` takes `*` for a star. Nobody can assume the role.",
    ),
    _rule(
        "irsa-string-like",
        "note",
        "",
        "A subject without a wildcard is compared by StringLike.",
        "It means the same, until somebody puts a star into the name. Use `StringEquals`.",
    ),
    _rule(
        "irsa-other-subject",
        "warning",
        "",
        "The plugin's role is for another service account than the plugin's.",
        "The plugin runs as `aws-node` in `kube-system`.",
    ),
    _rule(
        "irsa-issuer-differs",
        "error",
        "",
        "A trust by IRSA has a condition on another issuer than its principal.",
        "Tokens have only keys of their own issuer, so that nobody can assume the role.",
    ),
    _rule(
        "pod-identity-no-tag-session",
        "error",
        "",
        "A trust by EKS Pod Identity does not allow sts:TagSession.",
        "EKS Pod Identity assumes the role with session tags, and is refused.",
    ),
    _rule(
        "pod-identity-unscoped",
        "warning",
        "",
        "A trust by EKS Pod Identity has no condition.",
        "Conditions on `aws:RequestTag/kubernetes-namespace`, "
        "`aws:RequestTag/kubernetes-service-account`, `aws:RequestTag/eks-cluster-arn` or "
        "`aws:SourceAccount` say for which pods the role is.",
    ),
    _rule(
        "pod-identity-tags-disabled",
        "error",
        "",
        "Session tags are asked for, and an association switches them off.",
        "With `disable_session_tags` no session of the role has tags: conditions on them in the "
        "trust or in a policy are never met.",
    ),
    _rule(
        "pod-identity-source-arn",
        "error",
        "",
        "The source ARN in a trust by EKS Pod Identity names an association.",
        "`aws:SourceArn` is the ARN of the cluster.",
    ),
    _rule(
        "drift",
        "warning",
        _ANY,
        "A policy was changed outside of the configuration.",
        "Somebody, or something, changed it since the last apply. The finding says what the "
        "change means; what the plan does about it is a finding of its own. Where the plan leaves "
        "it so, as with `ignore_changes`, it also counts for what it gains or loses.",
    ),
    _rule(
        "incomplete",
        "note",
        _ANY,
        "The plan leaves something out, since it was made for targets, or puts it off.",
        "What is left out is not reviewed. Review the next plan, too.",
    ),
    _rule(
        "access-removed",
        "note",
        _ANY,
        "A change only takes access away, or a policy is deleted.",
        "What the plugin needs is a finding of its own.",
    ),
    _rule(
        "rewritten",
        "note",
        _ANY,
        "A policy is written differently and means the same.",
        "Order, lists of one, labels and layout do not matter to IAM. That it means the same is "
        "proven.",
    ),
    _rule(
        "moved",
        "note",
        _ANY,
        "A policy, role or attachment is imported, moved, forgotten or replaced.",
        "Its meaning stays, and who keeps it changes. What is forgotten stays in IAM and is "
        "nobody's from then on.",
    ),
    _rule(
        "ignore-expired",
        "warning",
        "",
        "An entry of the ignore file has expired.",
        "Its findings count again. Mend what it was about, or give it a new date and a reason.",
    ),
    _rule(
        "ignore-unused",
        "note",
        "",
        "An entry of the ignore file fits no finding.",
        "Take it out, so that it hides nothing later.",
    ),
)
BY_ID = {rule.id: rule for rule in RULES}


def documentation() -> str:
    """Return the page about the rules, as Markdown."""
    lines = [
        "# Rules of `vpc-cni-iam review`",
        "",
        "Made from the rule table by `make generate`. `--fail-on` takes a level (`error`,",
        "`warning`, `note`) or one of `new-access`, `coverage-lost` and `any-change`; the last",
        "column says for which of these a finding counts besides its level.",
        "",
        "| rule | level | counts for |",
        "| --- | --- | --- |",
    ]
    for rule in RULES:
        lines.append(f"| [{rule.id}](#{rule.id}) | {rule.level} | {', '.join(rule.means)} |")
    for rule in RULES:
        lines += ["", f"## {rule.id}", "", f"**{rule.summary}** {rule.help}"]
    return "\n".join(lines) + "\n"
