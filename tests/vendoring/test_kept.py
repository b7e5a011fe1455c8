"""An edit that is kept is judged by what it means for access, and is never silently clean."""

import json
from pathlib import Path

import pytest

from conftest import Run, run
from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.configuration.tables import Acceptance
from vpc_cni_iam.vendoring.edits.edit import EditAnswer, KeptEdit
from vpc_cni_iam.vendoring.edits.kept import kept_edits
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.meaning import ChangedBlock, ModuleReason
from vpc_cni_iam.vendoring.report.edits import edit_details, edit_text

NONE, ADDED, UNKNOWN = NoNewAccess, NewAccess, NotProven
VARIANTS = ("ipv4", "ipv4-scoped")
POLICY = render(options(VARIANTS, cni_version="v1.23.0", kind="policy"))
ROLE = render(options(VARIANTS, cni_version="v1.23.0", kind="role"))
EVIL = 'resource "aws_iam_role_policy" "x" {\n  role   = "x"\n  policy = "{}"\n}\n'
STATEMENT = '  statement {\n    actions   = ["s3:*"]\n    resources = ["*"]\n  }\n'
DYNAMIC = '  dynamic "statement" {\n    for_each = [1]\n    content {\n    }\n  }\n'
OPEN = 'data "aws_iam_policy_document" "ipv4" {\n'
EDITS = [
    # What cannot matter.
    ("policy", "main.tf", "# mine", "", NONE, ()),
    ("policy", "README.md", "# mine", "", NONE, ()),
    ("policy", "tests/policy.tftest.hcl", "# mine", "", NONE, ()),
    ("policy", "versions.tf", '">= 3.39"', '"~> 5.0"', NONE, ()),
    ("policy", "versions.tf", '">= 1.6"', '">= 1.9"', NONE, ()),
    ("policy", "variables.tf", '"AWS partition of', '"The partition of', NONE, ()),
    ("policy", "outputs.tf", 'description = "Policy document', 'description = "Document', NONE, ()),
    ("policy", "main.tf", "locals {\n", 'locals {\n  mine = "x"\n', NONE, ()),
    # What the documents say.
    ("policy", "main.tf", '      "ec2:DescribeTags",\n', "", NONE, ()),
    (
        "policy",
        "main.tf",
        '["ec2:CreateTags"]',
        '["ec2:*"]',
        ADDED,
        ("ipv4: for instance ec2:",),
    ),
    ("policy", "main.tf", OPEN, OPEN + STATEMENT, ADDED, ("ipv4: for instance s3:",)),
    ("policy", "main.tf", "[local.cluster_name]", '["*"]', ADDED, ("ipv4-scoped: ",)),
    ("policy", "main.tf", "[local.cluster_name]", "[var.vpc_id]", ADDED, ("ipv4-scoped: ",)),
    ("policy", "main.tf", ":${var.region}:", ":*:", ADDED, ("ipv4: for instance",)),
    (
        "policy",
        "main.tf",
        OPEN,
        OPEN + DYNAMIC,
        UNKNOWN,
        ("ipv4: what a dynamic block repeats",),
    ),
    (
        "policy",
        "main.tf",
        OPEN,
        f'{OPEN}  override_policy_documents = ["{{}}"]\n',
        UNKNOWN,
        ("joi",),
    ),
    ("policy", "main.tf", "var.source_policy_documents", "[local.x]", UNKNOWN, ("joins oth",)),
    (
        "policy",
        "main.tf",
        "coalesce(var.vpc_owner_id, var.account_id)",
        '"*"',
        ADDED,
        ("local.vpc_owner_id is changed", "ipv4-scoped: "),
    ),
    (
        "policy",
        "main.tf",
        OPEN,
        OPEN.replace("ipv4", "x") + STATEMENT + "}\n" + OPEN,
        ADDED,
        ("s3",),
    ),
    # What depends on whether a caller passes a variable.
    *(
        (kind, "main.tf", ":${var.account_id}:network", f":${{{code}}}:network", ADDED, ("ipv4: ",))
        for kind, code in (
            ("policy", 'var.cluster_name == null ? "*" : var.account_id'),
            ("policy", 'var.vpc_id != null ? var.account_id : "*"'),
            ("policy", 'var.vpc_id == null && var.cluster_name != null ? "*" : var.account_id'),
            ("role", 'var.pod_identity ? var.account_id : "*"'),
            ("role", 'var.use_aws_managed_policy ? "*" : var.account_id'),
            ("role", 'var.role_name == null ? var.account_id : "*"'),
            ("role", "var.role_name_prefix"),
            ("role", 'var.pod_identity && var.eks_cluster_arn == null ? "*" : var.account_id'),
        )
    ),
    # Defaults of what stands in documents are tried.
    ("policy", "variables.tf", 'default     = "*"', 'default     = "eu-west-1"', NONE, ()),
    (
        "policy",
        "variables.tf",
        'default     = "aws"',
        'default     = "*"',
        ADDED,
        (": for instance ",),
    ),
    (
        "role",
        "variables.tf",
        "default     = false",
        "default     = true",
        ADDED,
        ("trust: for instance sts:AssumeRole ",),
    ),
    (
        "policy",
        "variables.tf",
        "default     = []",
        'default     = ["{}"]',
        UNKNOWN,
        ("source_policy_documents",),
    ),
    (
        "policy",
        "variables.tf",
        "var.region))",
        'var.region)) || var.region == "x"',
        UNKNOWN,
        ("regi",),
    ),
    # What no document says.
    (
        "policy",
        "outputs.tf",
        'local.json["ipv4"]',
        'local.json["x"]',
        UNKNOWN,
        ("output ipv4_json",),
    ),
    ("policy", "versions.tf", "hashicorp/aws", "evil/aws", UNKNOWN, ("terraform is changed",)),
    (
        "policy",
        "versions.tf",
        "terraform {",
        'provider "aws" {}\nterraform {',
        UNKNOWN,
        ("provider",),
    ),
    (
        # Of a caller who passes account_id alone, it was that account.
        "policy",
        "variables.tf",
        'account_id if not given."\n  type        = string\n  default     = null',
        'account_id if not given."\n  type        = string\n  default     = "*"',
        ADDED,
        ("ipv4-scoped: ",),
    ),
    ("policy", "main.tf", OPEN, EVIL + OPEN, UNKNOWN, ("aws_iam_role_policy x is added",)),
    (
        "policy",
        "outputs.tf",
        "# G",
        EVIL.replace("resource", "data") + "# G",
        UNKNOWN,
        ("is added",),
    ),
    ("policy", "main.tf", "locals {", "locals {{", UNKNOWN, ("cannot be read",)),
    ("policy", "main.tf", '"StringEquals"', '"StringSounds"', UNKNOWN, ("StringSounds",)),
    ("role", "main.tf", "system:serviceaccount:kube-system:aws-node", "*", ADDED, ("trust",)),
    (
        "role",
        "main.tf",
        '      values   = ["kube-system"]',
        '      values = ["x"]',
        ADDED,
        ("trust: for instance", "kubernetes-namespace"),
    ),
    (
        "role",
        "main.tf",
        "permissions_boundary = var.permissions_boundary",
        "",
        UNKNOWN,
        ("aws_iam_role",),
    ),
    (
        "role",
        "main.tf",
        'policy/AmazonEKS_CNI_Policy"',
        'policy/x"',
        UNKNOWN,
        ("local",),
    ),
]


def judged(
    files: dict[str, str], path: str, text: str, accepted: tuple[Acceptance, ...] = ()
) -> KeptEdit:
    (edit,) = kept_edits(files, {**files, path: text}, [path], accepted)
    return edit


HYPERPOD = render(options(VARIANTS, cni_version="v1.23.2", features=["hyperpod"]))
NARROWED = render(options(["ipv4-scoped"], hardening=Hardening(limits=tuple(IdList))))
HYPERPOD_ROLE = render(options(VARIANTS, cni_version="v1.23.2", features=["hyperpod"], kind="role"))


@pytest.mark.parametrize("text", ["another", "*", "var.{}", "$${{var.{}}}", "{}"])
@pytest.mark.parametrize("name", [p.name for p in trust.VARIABLES])
def test_text_in_the_place_of_any_variable_adds_access(name: str, text: str) -> None:
    """Whatever the text is, even what stands for the variable in a report."""
    text = text.format(name)
    trusted = name in [p.name for p in trust.PARAMETERS]
    generated = HYPERPOD_ROLE if trusted else HYPERPOD
    if name in [p.name for p in parameters.LISTS]:
        generated = NARROWED
    main = generated["main.tf"]
    edited = main.replace(f"${{var.{name}}}", text)
    edited = edited.replace(f"for id in var.{name} :", f'for id in ["{text}"] :')
    for owner in ("local", "var"):
        edited = edited.replace(f"[{owner}.{name}]", f'["{text}"]')
        edited = edited.replace(f"{{{owner}.{name}}}", f'{{"{text}"}}')
        edited = edited.replace(f"coalesce({owner}.{name},", f'coalesce("{text}",')
        edited = edited.replace(f"for_each = {owner}.{name}[*]", f'for_each = ["{text}"]')
    assert edited != main
    (edit,) = kept_edits(generated, {**generated, "main.tf": edited}, ["main.tf"])
    assert not edit.fine, edit


@pytest.mark.parametrize(("kind", "path", "old", "new", "access", "words"), EDITS)
def test_what_an_edit_means(
    kind: str, path: str, old: str, new: str, access: type, words: tuple[str, ...]
) -> None:
    files = POLICY if kind == "policy" else ROLE
    text = files[path] + old if not new and old == "# mine" else files[path].replace(old, new, 1)
    assert text != files[path]
    edit = judged(files, path, text)
    assert (type(edit.answer), edit.fine) == (access, access is NONE), edit
    assert bool(edit_details(edit)) is bool(words)
    for word in words:
        assert word in edit_text(edit)


def test_of_an_edit_that_adds_and_removes_access_what_it_adds_is_said() -> None:
    text = POLICY["main.tf"].replace('      "ec2:DescribeTags",\n', "", 1)
    edit = judged(POLICY, "main.tf", text.replace(OPEN, OPEN + STATEMENT))
    assert isinstance(edit.answer, NewAccess)
    (detail,) = edit_details(edit)
    assert detail.startswith("ipv4: for instance s3:")


def test_a_deny_that_goes_may_add_access_that_other_policies_allow() -> None:
    """No module of today's catalog has a Deny; the next one may."""
    deny = STATEMENT.replace("  statement {", '  statement {\n    effect = "Deny"')
    statement = {**POLICY, "main.tf": POLICY["main.tf"].replace(OPEN, OPEN + deny)}
    document = {**POLICY, "main.tf": f"{POLICY['main.tf']}\n{OPEN.replace('ipv4', 'x')}{deny}}}\n"}
    edits = [judged(files, "main.tf", POLICY["main.tf"]) for files in (statement, document)]
    assert [type(edit.answer) for edit in edits] == [ADDED, UNKNOWN]
    assert edit_details(edits[0])[0].startswith("ipv4: no longer denied, for instance s3:")
    assert edit_details(edits[1]) == ("x: is removed, and it denies access",)


def test_an_edit_of_one_file_through_another() -> None:
    """A local that only one file adds and only another one uses is found."""
    texts = {
        "versions.tf": POLICY["versions.tf"] + 'locals {\n  mine = "s3:*"\n}\n',
        "main.tf": POLICY["main.tf"].replace('["ec2:CreateTags"]', "[local.mine]", 1),
    }
    edits = {e.path: e for e in kept_edits(POLICY, {**POLICY, **texts}, texts)}
    kinds = [type(edits[path].answer) for path in ("main.tf", "versions.tf")]
    assert kinds == [ADDED, NONE]
    main = Acceptance("main.tf", digest(texts["main.tf"]), "x")
    edits = {e.path: e for e in kept_edits(POLICY, {**POLICY, **texts}, texts, [main])}
    assert edits["main.tf"].fine
    # What main.tf means with the other file is not what was accepted of it.
    assert not edits["versions.tf"].fine


OWN_ACCOUNT = ':${coalesce(var.account_id, "*")}:network'


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("variables.tf", 'regex("^([*]|[0-9]{12})$", var.account_id)', "var.account_id"),
        ("variables.tf", '"The vpc_id must be', '"The vpc_id is'),
        ("variables.tf", 'for any account."\n  type        = string', '"\n  type        = any'),
        ("override.tf", "", 'variable "account_id" {\n  nullable = true\n}\n'),
    ],
)
def test_an_edit_rests_on_validations_as_they_are(
    path: str, old: str, new: str, tmp_path: Path
) -> None:
    """An account ID that may be empty since an accepted edit is every account by another one."""
    folder = tmp_path / MODULE
    (tmp_path / "vpc-cni-iam.toml").write_text(PINNED)
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, ":${var.account_id}:network", OWN_ACCOUNT)
    assert kept(tmp_path).code == 0
    assert "it adds no access" in run("check", cwd=tmp_path).out
    text = (folder / path).read_text() if old else ""
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1) if old else new)
    assert kept(tmp_path).code == 1
    accept = [x for x in run("check", cwd=tmp_path).out.splitlines() if f'file = "{path}"' in x]
    toml = tmp_path / "vpc-cni-iam.toml"
    toml.write_text(f"{toml.read_text()}{accept[0].partition('.toml: ')[2]}\n")
    unsettled = "account_id" in new or "account_id" in old or "any account" in old
    for command in ("check", "diff", "sync"):
        done = run(command, cwd=tmp_path)
        assert done.code == unsettled, done.out
        words = "ipv4: depends on variables whose values are not limited as generated: account_id"
        assert (words in done.out) is unsettled
    edit(tmp_path, '"ec2:DescribeTags",\n', "")
    assert run("sync", "--keep", cwd=tmp_path).code == unsettled


def test_an_edit_is_accepted_by_its_hash_alone() -> None:
    text = POLICY["main.tf"].replace('["ec2:CreateTags"]', '["ec2:*"]', 1)
    entry = Acceptance("main.tf", digest(text), "until ticket 7 is done")
    edit = judged(POLICY, "main.tf", text, (entry,))
    assert isinstance(edit.answer, NewAccess) and edit.fine
    assert edit_text(edit).endswith("; accepted: until ticket 7 is done")
    other = judged(POLICY, "main.tf", text + "# more\n", (entry,))
    assert not other.fine
    assert "accepts another text of the file" in edit_text(other)


MODULE = "modules/vpc-cni-iam-policy"


PINNED = f'[[module]]\npath = "{MODULE}"\ncni_version = "v1.23.2"\n'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "vpc-cni-iam.toml").write_text(PINNED)
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, '["ec2:CreateTags"]', '["ec2:*"]')
    return tmp_path


def edit(repo: Path, old: str, new: str) -> None:
    main = repo / MODULE / "main.tf"
    main.write_text(main.read_text().replace(old, new, 1))


def kept(repo: Path) -> Run:
    return run("sync", "--keep", cwd=repo)


def test_no_command_is_silent_about_access_that_is_kept(repo: Path) -> None:
    added = (
        f"{MODULE}/main.tf was edited, and the edit is kept; it adds access: ipv4: for instance "
    )
    done = kept(repo)
    assert (done.code, f"kept    {added}" in done.out) == (1, True)
    assert run("sync", "--quiet", cwd=repo).code == 1
    for words in (("check",), ("check", "--render", "--outdated"), ("check", "--quiet")):
        done = run(*words, cwd=repo)
        assert done.code == 1, words
        assert (
            "main.tf was edited, and the edit is kept; it adds access: ipv4: for instance"
            in done.out
        )
        assert f"show the difference: vpc-cni-iam diff {MODULE}\n" in done.out
        assert f"take the generated one: vpc-cni-iam sync --force {MODULE}/main.tf" in done.out
    for words in (("diff",), ("diff", "--quiet")):
        done = run(*words, cwd=repo)
        assert (done.code, f"kept     {added}" in done.out) == (1, True)
        assert ('+    actions   = ["ec2:*"]\n' in done.out) == (words == ("diff",))
    for words in (("upgrade",), ("upgrade", "--dry-run")):
        done = run(*words, cwd=repo)
        assert (done.code, f"kept    {added}" in done.out) == (1, True)
    table = run("check", "--format", "markdown", cwd=repo)
    assert (table.code, "it adds access: ipv4: for instance" in table.out) == (1, True)
    data = json.loads(run("check", "--format", "json", cwd=repo).out)
    assert data["modules"][0]["state"] == "edited"
    (file,) = data["modules"][0]["files"]
    assert (file["kept"]["adds_access"], file["kept"]["fine"]) == (True, False)
    for words in (("diff",), ("sync",), ("upgrade",)):
        data = json.loads(run(*words, "--format", "json", cwd=repo).out)
        assert data["modules"][0]["kept"][0]["adds_access"] is True
    for words, of_modules in (("diff", "modules"), ("upgrade", "diffs")):
        data = json.loads(run(words, "--format", "json", cwd=repo).out)
        assert '+    actions   = ["ec2:*"]\n' in data[of_modules][0]["kept_diffs"]["main.tf"]


def test_an_edit_is_accepted_as_check_says(repo: Path) -> None:
    kept(repo)
    (line,) = [x for x in run("check", cwd=repo).out.splitlines() if "accept = " in x]
    toml = repo / "vpc-cni-iam.toml"
    before = toml.read_text()
    entry = line.partition(": accept = ")[2].replace('"..."', '"the team agreed"')
    toml.write_text(f"{before}accept = {entry}\n")
    done = run("check", cwd=repo)
    assert (done.code, "accepted: the team agreed" in done.out) == (0, True)
    assert run("sync", cwd=repo).code == 0
    done = run("check", "--no-kept", cwd=repo)
    assert (done.code, "--no-kept allows no kept edit" in done.out) == (1, True)
    edit(repo, "# Generated", "# Once generated")
    assert kept(repo).code == 1
    assert "accepts another text of the file" in run("check", cwd=repo).out
    assert run("sync", "--force", cwd=repo).code == 0
    done = run("check", cwd=repo)
    assert (done.code, "remove that entry of accept" in done.out) == (0, True)
    data = json.loads(run("check", "--format", "json", cwd=repo).out)
    assert data["modules"][0]["unused_accept"][0]["file"] == "main.tf"


def test_no_kept_edit_is_allowed_if_none_is_to_be(repo: Path) -> None:
    edit(repo, '["ec2:*"]', '["ec2:CreateTags"]')
    edit(repo, "# Generated", "# Once generated")
    (repo / MODULE / "README.md").unlink()
    assert kept(repo).code == 0
    done = run("check", cwd=repo)
    assert (
        done.code,
        "main.tf was edited, and the edit is kept; it adds no access" in done.out,
    ) == (
        0,
        True,
    )
    for output in ("text", "json", "markdown"):
        done = run("check", "--no-kept", "--format", output, cwd=repo)
        assert (done.code, done.out.count("allows no kept edit")) == (1, 2)
    assert run("sync", "--force", cwd=repo).code == 0
    assert run("check", "--no-kept", cwd=repo).code == 0


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('{ file = "main.tf" }', "accept has no sha256"),
        (
            '{ file = "main.tf", sha256 = "x", reason = "y" }',
            "sha256 in accept is 'x', and must be 64 lower-case hexadecimal digits",
        ),
        (
            f'{{ file = "main.tf", sha256 = "{"a" * 64}", reason = " " }}',
            "reason in accept is ' ', and must be a string that is not empty",
        ),
        (
            f'{{ file = "m", sha256 = "{"a" * 64}", reason = "y", until = "z" }}',
            "unknown key 'until'",
        ),
        ('"main.tf"', "accept is ['main.tf'], and must be a list of tables"),
    ],
)
def test_entries_that_do_not_hold_are_named_by_line(entry: str, problem: str, repo: Path) -> None:
    toml = repo / "vpc-cni-iam.toml"
    text = toml.read_text()
    toml.write_text(f"{text}accept = [{entry}]\n")
    done = run("check", cwd=repo)
    assert done.code == 2
    assert f"vpc-cni-iam.toml: line {text.count(chr(10)) + 1}: " in done.err
    assert problem in done.err


def test_tables_of_accept_are_read_and_do_not_move_lines(repo: Path) -> None:
    kept(repo)
    sha = digest((repo / MODULE / "main.tf").read_text())
    toml = repo / "vpc-cni-iam.toml"
    table = f'\n[[module.accept]]\nfile = "main.tf"\nsha256 = "{sha}"\nreason = "path = x"\n'
    other = '\n[[module]]\npath = "b"\ncni_version = "v1.20.4"\n'
    toml.write_text(toml.read_text() + table + other)
    assert run("sync", cwd=repo).code == 0
    assert run("check", cwd=repo).code == 0
    assert run("upgrade", "--cni-version", "v1.22.4", "b", cwd=repo).code == 0
    assert toml.read_text().endswith(other.replace("v1.20.4", "v1.22.4"))


def test_calls_that_are_too_many_to_compare_are_not_proven() -> None:
    names = [f"x{number}" for number in range(12)]
    variables = "".join(f'variable "{name}" {{\n  default = null\n}}\n' for name in names)
    all_null = " && ".join(f"var.{name} == null" for name in names)
    before = {**POLICY, "variables.tf": POLICY["variables.tf"] + variables}
    text = POLICY["main.tf"].replace("${var.region}", f'${{{all_null} ? "*" : var.region}}')
    edit = judged(before, "main.tf", text)
    assert isinstance(edit.answer, NotProven)
    assert edit_details(edit) == (
        "the documents depend on too many variables to compare every call",
    )


def test_documents_with_the_same_answer_are_named_together() -> None:
    block: Answer = NotProven(ModuleReason.block, ChangedBlock(("output", "x"), Change.changed))
    joins: Answer = NotProven(ModuleReason.joins)
    answers = (EditAnswer(joins, "ipv4"), EditAnswer(block), EditAnswer(joins, "ipv6"))
    edit = KeptEdit("main.tf", "0" * 64, answers)
    assert edit_text(edit) == (
        "it is not proven to add no access: ipv4, ipv6: joins other documents "
        "(only an engine can tell what that means: verify); output x is changed"
    )
