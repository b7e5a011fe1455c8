"""Plans that real engines made, see `make_plans.py`; one table for all engines."""

from pathlib import Path

import pytest
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.diff.coverage import ReviewTarget

from conftest import ENGINES, TERRAFORM_FLOOR, TERRAFORM_NEWEST, TOFU, make_engine, run
from make_plans import CONFIGURATIONS, PLANS, plan
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.run import review

WANTED = ReviewTarget(PluginVersion((1, 23, 0)))
ATTACHMENT = "aws_iam_role_policy_attachment"
REGISTRY = 'additional["registry"]'
IRSA = 'module.vpc_cni_irsa["{}"]'
# By case: the findings as level, rule, and where.
EXPECTED: dict[str, list[str]] = {
    "create": [
        "note new-policy aws_iam_policy.cni policy",
        "note new-policy aws_iam_role.cni assume_role_policy",
        f"note new-policy {ATTACHMENT}.cni policy_arn",
    ],
    "tighten": [
        "note published-document aws_iam_policy.cni policy",
        # Upstream's scoped document does not let the plugin change security groups.
        "warning coverage-lost aws_iam_role.cni",
        "note access-removed aws_iam_policy.cni policy",
    ],
    "widen": [
        "note published-document aws_iam_policy.cni policy",
        "error new-access aws_iam_policy.cni policy",
        "error trust-widened aws_iam_role.cni assume_role_policy",
        "warning irsa-subject-wildcard aws_iam_role.cni assume_role_policy",
    ],
    "admin": [
        'error admin-attached aws_iam_role.listed managed_policy_arns["arn:aws:iam::aws:policy/'
        'AdministratorAccess"]',
        "error admin-attached aws_iam_role_policy.all policy",
        f"error admin-attached {ATTACHMENT}.admin policy_arn",
        f"error admin-attached {ATTACHMENT}.moved policy_arn",
        f"error unknown-attachment {ATTACHMENT}.unknown policy_arn",
    ],
    "identity": [
        "error node-role-changed aws_iam_instance_profile.nodes",
        "error plugin-identity-lost aws_iam_openid_connect_provider.client",
        "error plugin-identity-lost aws_iam_openid_connect_provider.gone",
    ],
    "chained": [
        'note new-policy aws_iam_policy.p["new"] policy',
        'note access-removed aws_iam_policy.p["old"] policy',
        f'note new-policy {ATTACHMENT}.p["new"] policy_arn',
        f'note access-removed {ATTACHMENT}.p["old"] policy_arn',
    ],
    "reorder": ["note rewritten aws_iam_policy.cni policy"],
    "replace": [
        "note moved aws_iam_policy.cni policy",
        f"note moved {ATTACHMENT}.cni policy_arn",
        "note coverage-lacking aws_iam_role.node",
    ],
    "destroy": [
        "error coverage-lost aws_iam_role.node",
        "note access-removed aws_iam_policy.cni policy",
        f"note access-removed {ATTACHMENT}.cni policy_arn",
    ],
    "unknown": [
        "warning unknown-policy aws_iam_policy.opaque policy",
        "warning unknown-policy aws_iam_policy.rebuilt policy",
        "note new-policy aws_iam_role.other assume_role_policy",
        "note unseen",
    ],
    "drift": [
        "error coverage-lost aws_iam_policy.cni policy",
        "warning coverage-lost aws_iam_policy.cni policy",
        "warning drift aws_iam_policy.cni policy",
        "note access-removed aws_iam_policy.cni policy",
    ],
    "nested": [
        f"error irsa-never-matches {IRSA.format('green')}.aws_iam_role.this[0] assume_role_policy",
        *(
            f"{level} {rule} {IRSA.format(key)}.{where}"
            for key in ("blue.eu", "green")
            for level, rule, where in (
                ("warning", "irsa-no-audience", "aws_iam_role.this[0] assume_role_policy"),
                ("warning", "new-policy", f'{ATTACHMENT}.additional["registry"] policy_arn'),
                ("warning", "new-policy", f"{ATTACHMENT}.vpc_cni[0] policy_arn"),
                ("warning", "coverage-lacking", "aws_iam_role.this[0]"),
                ("warning", "new-policy", "module.policy[0].aws_iam_policy.vpc_cni policy"),
                ("note", "new-policy", "aws_iam_role.this[0] assume_role_policy"),
            )
        ),
    ],
    "node-role": [
        "warning managed-policy-attached aws_iam_role.node",
        "note new-policy aws_iam_policy.cni policy",
        "note new-policy aws_iam_role.cni assume_role_policy",
        f"note new-policy {ATTACHMENT}.cni policy_arn",
    ],
    "swap": [
        "warning coverage-lost aws_iam_role.node",
        "note new-policy aws_iam_policy.cni policy",
        f"note new-policy {ATTACHMENT}.cni policy_arn",
        f"note access-removed {ATTACHMENT}.managed policy_arn",
    ],
    "inline": [
        "error pod-identity-no-tag-session aws_iam_role.inline assume_role_policy",
        "warning pod-identity-unscoped aws_iam_role.inline assume_role_policy",
        "warning sensitive-policy aws_iam_role_policy.hidden policy",
        "note coverage-lacking aws_iam_role.inline",
        "note access-removed aws_iam_role.inline assume_role_policy",
        'note new-policy aws_iam_role.inline inline_policy["new"]',
        'note access-removed aws_iam_role.inline inline_policy["old"]',
    ],
    "moved": [
        "note moved aws_iam_policy.imported policy",
        "note moved aws_iam_policy.there policy",
    ],
    "forget": ["note moved aws_iam_policy.here policy"],
    # That an attachment's role is sensitive makes no drift of what the role repeats of it.
    "sensitive": [
        "error new-access aws_iam_policy.document policy",
        "error new-access aws_iam_policy.named policy",
        "error new-access module.child.aws_iam_policy.child policy",
        "warning sensitive-policy aws_iam_policy.encoded policy",
        "warning sensitive-policy aws_iam_role_policy.inline policy",
        "note access-removed aws_iam_role.gone assume_role_policy",
        'note access-removed aws_iam_role.gone inline_policy["(block 0)"]',
    ],
    "guesses": [
        'warning new-policy aws_iam_policy.each["a"] policy',
        'warning new-policy aws_iam_policy.each["b"] policy',
        "warning new-policy aws_iam_policy_attachment.list policy_arn",
        'warning unknown-policy aws_iam_role.blocks inline_policy["alpha"]',
        'warning unknown-policy aws_iam_role.blocks inline_policy["zeta"]',
        'warning unknown-policy aws_iam_role.dynamic inline_policy["(known after apply)"]',
        'warning unknown-attachment aws_iam_role.list managed_policy_arns["(known after apply)"]',
        'warning new-policy aws_iam_role.list managed_policy_arns["aws_iam_policy.each["a"]"]',
        f'warning unknown-attachment {ATTACHMENT}.crossed["a"] policy_arn',
        f'warning unknown-attachment {ATTACHMENT}.crossed["b"] policy_arn',
        f"warning unknown-attachment {ATTACHMENT}.either policy_arn",
        f'warning new-policy {ATTACHMENT}.straight["a"] policy_arn',
        f'warning new-policy {ATTACHMENT}.straight["b"] policy_arn',
        *(
            f"note new-policy aws_iam_role.{r} assume_role_policy"
            for r in ("blocks", "dynamic", "list")
        ),
        "note unseen",
    ],
}


def reviewed(case: str, engine: str = TERRAFORM_NEWEST, **more: object) -> Review:
    path = PLANS / f"{case}.{engine}.json"
    directory = CONFIGURATIONS / case / "after"
    made = read_plan(path.read_bytes(), path.name)
    return review(made, WANTED, locator=Locator(directory, made.configuration), **more)  # type: ignore[arg-type]


def change(case: str, address: str, attribute: str = "policy") -> Change:
    (result,) = (
        c
        for c in reviewed(case).changes
        if (c.address, c.attribute) == (address, attribute) and c.action != "drift"
    )
    return result


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.json")), ids=lambda p: p.stem)
def test_a_real_plan_has_the_findings_that_it_has(path: Path) -> None:
    case, _, engine = path.stem.partition(".")
    results = [
        f"{f.level} {f.rule} {f.address} {f.attribute}".strip()
        for f in reviewed(case, engine).findings
    ]
    assert sorted(results) == sorted(EXPECTED[case])


def test_every_case_is_stored_for_every_engine_that_knows_it() -> None:
    stored = {p.stem for p in PLANS.glob("*.json")}
    expected = {f"{case}.{engine}" for case in EXPECTED for engine in ENGINES}
    assert stored == expected - {f"forget.{TERRAFORM_FLOOR}"}


def test_a_document_of_the_catalog_is_known_again() -> None:
    nearest = change("create", "aws_iam_policy.cni").nearest
    assert nearest is not None
    assert (nearest.equal, nearest.variant) == (True, "ipv4-scoped")
    assert nearest.filled == ("cluster_name = prod", "vpc_id = vpc-0123456789abcdef0")
    near = change("widen", "aws_iam_policy.cni").nearest
    assert near is not None
    assert not near.equal
    assert len(near.differences) == 1


def test_what_is_gained_is_named_and_shown() -> None:
    changed = change("widen", "aws_iam_policy.cni")
    assert [str(line.text) for line in changed.lines] == ["ec2:TerminateInstances on *"]
    assert changed.access is not None and changed.access.witness is not None
    assert changed.access.witness.action == "ec2:TerminateInstances"
    assert changed.principals == ("aws_iam_role.cni",)


def test_tightening_is_proven_to_add_nothing() -> None:
    changed = change("tighten", "aws_iam_policy.cni")
    assert changed.access is not None
    assert changed.access.verdict == "no new access"
    assert not [line for line in changed.lines if line.effect == "gain"]


def test_a_policy_that_is_not_known_is_rebuilt_as_far_as_it_goes() -> None:
    changed = change("unknown", "aws_iam_policy.rebuilt")
    assert changed.after.known == "partly known"
    assert changed.document == "data.aws_iam_policy_document.unknown"
    assert [s.actions for s in changed.after.policy.statements] == [  # type: ignore[union-attr]
        ("ec2:DescribeTags",),
        ("iam:GetRole", "iam:PassRole"),
    ]
    assert changed.after.why[1:] == (
        "statement[0].resources: known after apply: aws_iam_role.other.arn",
        "statement[0].condition[0].values: known after apply: aws_iam_role.other.unique_id",
    )
    # What jsonencode writes out is read where it is written, if that is to be had.
    written = change("unknown", "aws_iam_policy.opaque").after
    assert written.known == "partly known"
    assert written.why[0] == "as aws_iam_policy.opaque is written in --source"
    made = read_plan((PLANS / f"unknown.{TERRAFORM_NEWEST}.json").read_bytes(), "plan.json")
    alone = review(made, WANTED).changes
    assert [c.after.known for c in alone if c.address == "aws_iam_policy.opaque"] == ["unknown"]
    through = change("unknown", f"module.attach.{ATTACHMENT}.this", "policy_arn")
    assert through.attachment is not None
    assert through.attachment.policy == "aws_iam_policy.rebuilt"
    assert through.principals == ("aws_iam_role.other",)


def test_what_a_plan_seems_to_say_is_not_taken_for_what_it_says() -> None:
    for name in ("alpha", "zeta"):
        block = change("guesses", "aws_iam_role.blocks", f'inline_policy["{name}"]')
        assert block.after.policy is not None
        assert block.after.policy.actions() == (f"s3:{name}",)
    lists = change("guesses", "aws_iam_policy_attachment.list", "policy_arn")
    assert lists.principals == ("aws_iam_role.list", "roles known after apply")


def test_places_are_found_through_modules_by_count_and_for_each() -> None:
    address = f"{IRSA.format('blue.eu')}.module.policy[0].aws_iam_policy.vpc_cni"
    changed = change("nested", address)
    assert changed.place is not None and changed.document_place is not None
    lines = (CONFIGURATIONS / "nested" / "after" / changed.place.file).read_text().splitlines()
    assert changed.place.file == "irsa/policy/main.tf"
    assert lines[changed.place.line - 1] == 'resource "aws_iam_policy" "vpc_cni" {'
    assert lines[changed.document_place.line - 1].startswith("data ")
    assert lines[changed.place.end - 1] == "}"


def test_what_moves_is_a_change_though_nothing_else_is() -> None:
    for case in ("moved", "forget", "reorder", "replace"):
        assert reviewed(case, fail_on=("any-change",)).failed
        assert not reviewed(case, fail_on=("new-access",)).failed


@pytest.mark.parametrize(
    ("case", "fail_on", "failed"),
    [
        ("widen", "new-access", True),
        ("tighten", "new-access", False),
        ("swap", "new-access", False),
        ("unknown", "new-access", True),
        ("tighten", "coverage-lost", True),
        ("widen", "coverage-lost", False),
        ("tighten", "error", False),
        ("create", "note", True),
        ("create", "warning", False),
    ],
)
def test_what_fails_is_chosen(case: str, fail_on: str, failed: bool) -> None:
    assert reviewed(case, fail_on=(fail_on,)).failed is failed


def test_a_sensitive_text_is_nowhere_in_a_real_plan() -> None:
    for output in ("text", "json"):
        done = run("review", PLANS / f"inline.{TOFU}.json", "--format", output)
        assert done.code == 1
        assert "hunter" not in done.out


@pytest.mark.parametrize(("case", "engine"), [("unknown", TERRAFORM_FLOOR), ("drift", TOFU)])
def test_plans_are_made_again_alike(
    case: str, engine: str, attached: dict[str, str], aws_endpoint: str, tmp_path: Path
) -> None:
    made = plan(case, make_engine(engine, tmp_path, attached), aws_endpoint, tmp_path)
    assert made == (PLANS / f"{case}.{engine}.json").read_text()


def test_a_saved_plan_is_shown_by_the_engine_that_made_it(tmp_path: Path) -> None:
    engine = make_engine(TERRAFORM_NEWEST, tmp_path)
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text('output "a" {\n  value = 1\n}\n')
    engine.plan(root)
    environ = {k: v for k, v in engine.environ.items() if k in ("PATH", "TF_CLI_CONFIG_FILE")}
    for target in (root / "plan.bin", root):
        done = run("review", target, env=environ)
        assert (done.code, "Nothing in the plan changes" in done.out) == (0, True), done.err
