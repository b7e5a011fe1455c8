"""Plans that real engines made, see `make_plans.py`; one table for all engines."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import ENGINES, TERRAFORM_FLOOR, TERRAFORM_NEWEST, TOFU, make_engine, run
from make_plans import CONFIGURATIONS, OF_FLOOR, PLANS, plan
from synthetic import OPTIONS
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.run import review

ATTACHMENT = "aws_iam_role_policy_attachment"
REGISTRY = 'additional["registry"]'
ROLE = "aws_iam_role.this[0]"
IRSA = 'module.vpc_cni_irsa["{}"]'
# By case: the findings as level, rule, and where.
EXPECTED: dict[str, list[str]] = {
    "create": [
        "note new-policy aws_iam_policy.cni policy",
        "note new-policy aws_iam_role.cni assume_role_policy",
    ],
    "tighten": [
        # Upstream's scoped document does not let the plugin change security groups.
        "note coverage-lost aws_iam_role.cni",
        "note access-removed aws_iam_policy.cni policy",
    ],
    "widen": [
        "error new-access aws_iam_policy.cni policy",
        "error trust-widened aws_iam_role.cni assume_role_policy",
    ],
    "admin": [
        "error admin-attached aws_iam_role.listed managed_policy_arns[0]",
        "error admin-attached aws_iam_role_policy.all policy",
        f"error admin-attached {ATTACHMENT}.admin policy_arn",
        f"error admin-attached {ATTACHMENT}.moved policy_arn",
        f"error unknown-attachment {ATTACHMENT}.unknown policy_arn",
        f"note access-removed {ATTACHMENT}.moved policy_arn",
    ],
    "identity": [
        "error plugin-identity-lost aws_iam_openid_connect_provider.client",
        "error plugin-identity-lost aws_iam_openid_connect_provider.gone",
    ],
    # The role has the same policy after, by another key.
    "chained": ['note rewritten aws_iam_policy.p["new"] policy'],
    "reorder": ["note rewritten aws_iam_policy.cni policy"],
    "replace": [],
    "destroy": [
        "error coverage-lost aws_iam_role.node",
        "note coverage-lacking aws_iam_role.node",
        "note access-removed aws_iam_policy.cni policy",
    ],
    "unknown": [
        "warning unknown-policy aws_iam_policy.opaque policy",
        "warning new-policy aws_iam_policy.rebuilt policy",
        "note new-policy aws_iam_role.other assume_role_policy",
    ],
    "drift": [
        "error coverage-lost aws_iam_policy.cni",
        "warning drift aws_iam_policy.cni policy",
    ],
    "nested": [
        f"note new-policy {IRSA.format('green')}.{ROLE} assume_role_policy",
        f"warning new-policy {IRSA.format('blue.eu')}.{ROLE} assume_role_policy",
        *(
            f"{level} {rule} {IRSA.format(key)}.{where}"
            for key in ("blue.eu", "green")
            for level, rule, where in (
                ("warning", "new-policy", f"{ATTACHMENT}.{REGISTRY} policy_arn"),
                ("warning", "coverage-lacking", ROLE),
            )
        ),
    ],
    # That the role repeats its attachments makes no drift.
    "node-role": [
        "note managed-policy-attached aws_iam_role.node",
        "note new-policy aws_iam_policy.cni policy",
        "note new-policy aws_iam_role.cni assume_role_policy",
    ],
    "swap": [
        "note coverage-lost aws_iam_role.node",
        "note access-removed aws_iam_policy.cni policy",
    ],
    "inline": [
        "error coverage-lost aws_iam_role.inline",
        "warning sensitive-policy aws_iam_role_policy.hidden policy",
        "note coverage-lacking aws_iam_role.inline",
        "note access-removed aws_iam_role.inline assume_role_policy",
        "note rewritten aws_iam_role.inline inline_policy[1].policy",
    ],
    "moved": [],
    "forget": [],
    # That an attachment's role is sensitive makes no drift of what the role repeats of it.
    "sensitive": [
        "error new-access aws_iam_policy.document policy",
        "error new-access aws_iam_policy.named policy",
        "error new-access module.child.aws_iam_policy.child policy",
        "warning sensitive-policy aws_iam_policy.encoded policy",
        "warning sensitive-policy aws_iam_role_policy.inline policy",
        "note access-removed aws_iam_role.gone",
    ],
    "guesses": [
        'warning new-policy aws_iam_policy.each["a"] policy',
        'warning new-policy aws_iam_policy.each["a"] policy',  # roles that are known after apply
        "warning unknown-policy aws_iam_role.blocks inline_policy[0].policy",
        "warning unknown-policy aws_iam_role.blocks inline_policy[1].policy",
        "warning unknown-attachment aws_iam_role.list managed_policy_arns",
        f'warning unknown-attachment {ATTACHMENT}.crossed["a"] policy_arn',
        f'warning unknown-attachment {ATTACHMENT}.crossed["b"] policy_arn',
        f"warning unknown-attachment {ATTACHMENT}.either policy_arn",
        *(
            f"note new-policy aws_iam_role.{r} assume_role_policy"
            for r in ("blocks", "dynamic", "list")
        ),
    ],
}


def reviewed(
    case: str, engine: str = TERRAFORM_NEWEST, fail_on: tuple[str, ...] = ("warning",)
) -> ShownReview:
    path, after = PLANS / f"{case}.{engine}.json", CONFIGURATIONS / case / "after"
    options = replace(OPTIONS, source=after if after.is_dir() else CONFIGURATIONS / case)
    return shown(review(read_plan(path.read_bytes(), path.name), options), fail_on)


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.json")), ids=lambda p: p.stem)
def test_a_real_plan_has_the_findings_that_it_has(path: Path) -> None:
    case, _, engine = path.stem.partition(".")
    results = [
        f"{f.level} {f.rule} {f.address} {f.attribute}".strip()
        for f in reviewed(case, engine).findings
    ]
    assert sorted(results) == sorted(EXPECTED[case])


def test_every_case_is_stored_for_the_newest_engines() -> None:
    stored = {p.stem for p in PLANS.glob("*.json")}
    newest = {f"{case}.{engine}" for case in EXPECTED for engine in ENGINES[1:]}
    assert stored == newest | {f"{case}.{TERRAFORM_FLOOR}" for case in OF_FLOOR}


def test_a_policy_that_is_not_known_is_rebuilt_as_far_as_it_goes() -> None:
    """By the data source that it refers to, and with an attachment by a module."""
    (gain,) = (f for f in reviewed("unknown").findings if f.address == "aws_iam_policy.rebuilt")
    assert "call 3 actions in 2 statements: iam:PassRole, iam:GetRole" in gain.message
    assert any("ec2:DescribeTags" in detail for detail in gain.details)


def test_places_are_found_through_modules_by_count_and_for_each() -> None:
    address = f"{IRSA.format('blue.eu')}.module.policy[0].aws_iam_policy.vpc_cni"
    options = replace(OPTIONS, source=CONFIGURATIONS / "nested" / "after")
    path = PLANS / f"nested.{TERRAFORM_NEWEST}.json"
    locator = review(read_plan(path.read_bytes(), path.name), options).context.locator
    place = locator.place(address)
    assert place is not None and place.file == "irsa/policy/main.tf"
    lines = (CONFIGURATIONS / "nested" / "after" / place.file).read_text().splitlines()
    assert lines[place.line - 1] == 'resource "aws_iam_policy" "vpc_cni" {'
    assert lines[place.end - 1] == "}"


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
        ("reorder", "any-change", True),
        # Nobody's permissions change.
        *((case, "any-change", False) for case in ("moved", "forget", "replace")),
        *((case, "new-access", False) for case in ("moved", "forget", "reorder", "replace")),
    ],
)
def test_what_fails_is_chosen(case: str, fail_on: str, failed: bool) -> None:
    assert reviewed(case, fail_on=(fail_on,)).failed is failed


@pytest.mark.parametrize(("case", "engine"), [("create", TERRAFORM_FLOOR), ("drift", TOFU)])
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
        assert (done.code, "no findings; the review passes" in done.out) == (0, True), done.err
