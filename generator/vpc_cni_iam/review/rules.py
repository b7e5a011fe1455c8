"""The rules of a review; ``docs/rules.md`` is made from this table."""

from __future__ import annotations

from vpc_cni_iam.review.checks.trust_rules import TRUST
from vpc_cni_iam.review.findings import Rule, rule

_NEW, _LOST, _ANY = "new-access any-change", "coverage-lost any-change", "any-change"

RULES: tuple[Rule, ...] = (
    rule(
        "new-access",
        "error",
        _NEW,
        "A changed policy allows something that it did not allow before.",
        "The finding names a request that the new policy allows and the old one does not; it is "
        "checked by an evaluator of IAM's logic, so it is not a matter of spelling. If the plugin "
        "does not need it, take it out. A role that had the same access by way of another policy "
        "gains nothing; then the finding is a note.",
    ),
    rule(
        "new-policy",
        "warning",
        _NEW,
        "A new policy allows something.",
        "Nothing is compared, since there was no policy before. It is a note where the policy is "
        "a document of the catalog, and where the roles that it is attached to had its access "
        "already.",
    ),
    rule(
        "not-proven",
        "warning",
        _NEW,
        "Whether a changed policy allows anything new could not be decided.",
        "Neither a proof nor a request that is newly allowed was found; the finding says what "
        "stands in the way. A Deny that goes is one: what it held back is allowed from then on, if "
        "another policy of the role allows it, which the plan need not show. Read the change "
        "yourself.",
    ),
    rule(
        "unknown-policy",
        "warning",
        _NEW,
        "A policy is only known after apply, in whole or in part.",
        "The plan does not hold the policy. As much of it as the configuration says is rebuilt "
        "and shown; the finding lists what is left. Names that are known before apply, such as a "
        "role's name instead of its ARN, or a variable, make the policy known at plan time.",
    ),
    rule(
        "sensitive-policy",
        "warning",
        _NEW,
        "A policy that changes is marked sensitive, so it is neither shown nor judged.",
        "A policy is no secret, since whoever has the role can read it. Take the mark off with "
        "`nonsensitive()`.",
    ),
    rule(
        "unreadable-policy",
        "error",
        _NEW,
        "What stands in place of a policy is no policy.",
        "IAM would refuse it at apply, in the middle of everything else.",
    ),
    rule(
        "unknown-attachment",
        "warning",
        _NEW,
        "A policy whose document the plan does not hold is attached.",
        "The plan has its ARN and not what it allows. Look at the policy in IAM.",
    ),
    rule(
        "trust-widened",
        "error",
        _NEW,
        "A changed trust policy lets somebody assume a role who could not before.",
        "The finding names a request to assume the role that is newly allowed.",
    ),
    rule(
        "group-joined",
        "warning",
        _NEW,
        "A user joins a group, and has what the group has.",
        "What that is stands in the group's policies, of which the plan may not show all.",
    ),
    rule(
        "boundary-weakened",
        "error",
        _NEW,
        "A permissions boundary is taken off or replaced.",
        "A boundary holds back what policies grant; without it all that they grant counts.",
    ),
    rule(
        "coverage-lost",
        "error",
        _LOST,
        "The plugin could make a call before that it cannot make after.",
        "The calls that the release makes are played against the policies of both sides. A fatal "
        "loss keeps the plugin from starting, or pods from getting addresses; a lesser one is a "
        "warning, and so is what may be lost to a policy that is not known. A trust policy by "
        "which the plugin can no longer assume its role loses everything.",
    ),
    rule(
        "coverage-lacking",
        "warning",
        "",
        "A new policy of the plugin does not allow a call without which the release fails.",
        "Policies that the plan attaches to the same role are taken together; it may be that one "
        "which the plan does not show allows it.",
    ),
    rule(
        "managed-policy-attached",
        "warning",
        "",
        "AmazonEKS_CNI_Policy is still attached to the node role.",
        "Every pod on the node that reaches the instance metadata has it, whatever the plugin's "
        "own role is scoped to. Once the plugin has a role of its own, detach it from the node "
        "role. Beside a scoped policy on one role it undoes the scoping, and is an error.",
    ),
    rule(
        "exclusive-removes",
        "warning",
        _ANY,
        "An exclusive resource removes an inline policy or an attachment that it no longer names.",
        "Whatever is not in its list is removed from the role at apply, by whomever it was made.",
    ),
    rule(
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
    rule(
        "size-limit",
        "error",
        "",
        "A policy is larger than IAM takes.",
        "White space does not count. The limits are 6,144 characters for a managed policy, "
        "10,240, 5,120 and 2,048 for all inline policies of a role, group or user together, and "
        "2,048 for a trust policy, which a quota increase raises.",
    ),
    *TRUST,
    rule(
        "drift",
        "warning",
        _ANY,
        "A policy was changed outside of the configuration.",
        "Somebody, or something, changed it since the last apply. The finding says what the "
        "change means; what the plan does about it is a finding of its own. Where the plan leaves "
        "it so, as with `ignore_changes`, it also counts for what it gains or loses.",
    ),
    rule(
        "unseen",
        "note",
        "",
        "A new role may have inline policies that the plan says nothing of.",
        "Of a role that is not there yet, a plan knows as much with a dynamic `inline_policy` "
        "block that depends on what is only known after apply as with none. `--source` tells, for "
        "modules of the same repository; make such policies resources of their own.",
    ),
    rule(
        "incomplete",
        "note",
        _ANY,
        "The plan leaves something out, since it was made for targets, or puts it off.",
        "What is left out is not reviewed. Review the next plan, too.",
    ),
    rule(
        "access-removed",
        "note",
        _ANY,
        "A change only takes access away, or a policy is deleted.",
        "What the plugin needs is a finding of its own.",
    ),
    rule(
        "rewritten",
        "note",
        _ANY,
        "A policy is written differently and means the same.",
        "Order, lists of one, labels and layout do not matter to IAM. That it means the same is "
        "proven.",
    ),
    rule(
        "moved",
        "note",
        _ANY,
        "A policy, role or attachment is imported, moved, forgotten or replaced.",
        "Its meaning stays, and who keeps it changes. What is forgotten stays in IAM and is "
        "nobody's from then on.",
    ),
    rule(
        "ignore-expired",
        "warning",
        "",
        "An entry of the ignore file has expired.",
        "Its findings count again. Mend what it was about, or give it a new date and a reason.",
    ),
    rule(
        "ignore-unused",
        "note",
        "",
        "An entry of the ignore file fits no finding.",
        "Take it out, so that it hides nothing later.",
    ),
)
BY_ID = {one.id: one for one in RULES}


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
    for one in RULES:
        lines.append(f"| [{one.id}](#{one.id}) | {one.level} | {', '.join(one.means)} |")
    for one in RULES:
        lines += ["", f"## {one.id}", "", f"**{one.summary}** {one.help}"]
    return "\n".join(lines) + "\n"
