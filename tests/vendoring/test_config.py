"""The configuration: what works, and errors that point to the line."""

import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import ModuleKind, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.catalog.variants import every
from vpc_cni_iam.errors import InputError, TreeError, UsageError
from vpc_cni_iam.vendoring.configuration.config import Config, load, parse
from vpc_cni_iam.vendoring.configuration.tables import schema_text
from vpc_cni_iam.vendoring.init import first_options, init
from vpc_cni_iam.vendoring.init import text as first_text
from vpc_cni_iam.vendoring.repository import find
from vpc_cni_iam.vendoring.upgrade import Pin, find_pin, repin

HERE = Path("vpc-cni-iam.toml")


def text(path: str) -> str:
    """The configuration that `init` writes."""
    return first_text(path, first_options())


SCHEMA = json.loads(schema_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PIN = 'cni_version = "v1.20.4"\n'


def config(body: str) -> Config:
    return parse(body, HERE)


def refusal(body: str) -> InputError:
    """The error of a configuration that is refused."""
    with pytest.raises(InputError) as caught:
        config(body)
    assert caught.value.source == str(HERE)
    return caught.value


def test_what_init_writes_works_and_is_pinned() -> None:
    configuration = config(text("modules/x"))
    (module,) = configuration.modules
    assert module.path == "modules/x"
    assert module.newest
    assert replace(module.options, directory="") == options(
        ["ipv4-scoped"], cni_version="v1.23.2", hardening=Hardening()
    )
    jsonschema.validate(tomllib.loads(text("modules/x")), SCHEMA)


def test_every_key_reaches_the_options() -> None:
    (module,) = config(
        '[[module]]\npath = "m/"\nkind = "policy"\nvariants = ["ipv6"]\n'
        'cni_version = "1.22.4-eksbuild.1"\nfeatures = ["multi-nic"]\nadditions = "none"\n'
    ).modules
    assert module.path == "m"
    assert replace(module.options, directory="") == options(
        ["ipv6"], cni_version="v1.22.4", features=["multi-nic"], additions=Additions.none
    )
    assert not module.newest


HARDENED = f"{PIN}harden = true\n"
TOP = f'# comment\n[[module]]\npath = "a"\n{PIN}\n'


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("x = [", "end of document", "is not TOML: Invalid value"),
        ("a = 1\na = 2\n", "line 2, column 6", "is not TOML: a key is there twice"),
        ("<<<<<<< HEAD\na = 1\n=======\n", "line 1, column 1", "has conflict markers; resolve"),
        ("\nx 1\n", "line 2, column 3", "is not TOML: Expected '=' after a key"),
        ("x = 1\n", "line 1", "unknown key 'x'; known is module"),
        ("\n[other]\nx = 1\n", "line 2", "unknown key 'other'"),
        ("\n[other.part]\nx = 1\n", "line 2", "unknown key 'other'"),
        (f"{TOP}\n[other.part]\nx = 1\n", "line 7", "unknown key 'other'"),
        ('\n\n[module.part]\npath = "a"\n', "line 3", "write [[module]], with two brackets"),
        ("[[modul]]\n", "line 1", "unknown key 'modul'; did you mean 'module'?"),
        (
            '[[module]]\npath = "b"\ncni_versoin = "v1.23.2"\n',
            "line 3",
            "unknown key 'cni_versoin'; did you mean 'cni_version'? Known are path, kind",
        ),
        ('[module]\npath = "a"\n', "line 1", "write [[module]]"),
        ("module = 3\n", "line 1", "write [[module]]"),
        (f"{TOP}[[module]]\n{PIN}", "line 6", "has no path"),
        (f'{TOP}[[module]]\npath = "b"\n', "line 6", "neither cni_version nor revision"),
        (f"{TOP}[[module]]\npath = 3\n{PIN}", "line 7", "path is 3, but must be a string"),
        (
            f'{TOP}[[module]]\npath = "b"\nrevision = "2022-01-31"\n{PIN}',
            "line 8",
            "revision and cni_version exclude",
        ),
        (
            f'{TOP}[[module]]\npath = "b"\nvariants = ["ipv6"]\ncni_version = "v1.8.0"\n',
            "line 8",
            "does not work with plugin v1.8.0",
        ),
        (
            f'[[module]]\npath = "\u00e9"\n{PIN}[[module]]\npath = "e\u0301/b"\n{PIN}',
            "line 4",
            "is inside the path '\u00e9' in line 1; some file systems ignore case",
        ),
        ("x = " + "[" * 5000, "line 1", "nests more than 20 deep"),
        ("x = " + "9" * 5000, "", "a number or a nesting that is too large"),
        (f'[[module]]\npath = "a"\n{PIN}additional_tag_keys = ["a"]', "line 4", "harden = true"),
        (
            f'[[module]]\npath = "a"\n{PIN}harden = true\nadditional_tag_keys = []',
            "line 5",
            "is [], but must be a list of strings, at least one",
        ),
        (f'[[module]]\npath = "a"\n{PIN}harden = true\neni_claim_tag = "a"', "line 5", "KEY=VALUE"),
        (
            '[[module]]\npath = "a"\nharden = true\nrevision = "2022-01-31"',
            "line 3",
            "harden = true needs cni_version",
        ),
        (f'{TOP}[[module]]\n"path" = 3\n{PIN}', "line 7", "path is 3, but must be a string"),
        (
            f'{TOP}[[module]]\nfeatures = ["""\n[[module]]\npath = 1\n"""]\npath = 3\n{PIN}',
            "line 11",
            "path is 3, but must be a string",
        ),
        (
            f'{TOP}# a """ in a comment\n[[module]]\npath = 3\n{PIN}',
            "line 8",
            "path is 3, but must be a string",
        ),
        (
            f'{TOP}[[module]]\nfeatures = ["""\n# not a comment: """]\npath = 3\n{PIN}',
            "line 9",
            "path is 3, but must be a string",
        ),
        (f"[[module]]\npath = true\n{PIN}", "line 2", "path is true, but must be a string"),
        (f'[[module]]\npath = ["A"]\n{PIN}', "line 2", "path is ['A'], but must be a string"),
    ],
)
def test_errors_point_to_the_line(body: str, place: str, words: str) -> None:
    error = refusal(body)
    assert words in str(error) and error.place.startswith(place)


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        ("a/", "line 6", "is the same path as 'a' in line 2"),
        ("A", "line 6", "is the same path as 'a' in line 2"),
        ("./a", "line 6", "is the same path as"),
        ("x/../a", "line 6", "is the same path as"),
        ("A/b", "line 6", "some file systems ignore case"),
        ("a/b", "line 6", "is inside the path 'a' in line 2"),
        ("/a", "line 7", "is absolute"),
        ("C:/a", "line 7", "is absolute"),
        ("", "line 7", "is not a path"),
        ("a\\\\b", "line 7", "is not a path"),
        (".", "line 7", "own directory"),
        (".git/x", "line 7", "is in a .git directory"),
        ("a/git~1", "line 7", "another file on Windows"),
        ("a/.. /b", "line 7", "another file on Windows"),
        ("Aux.d", "line 7", "another file on Windows"),
    ],
)
def test_a_path_that_cannot_be_taken_is_named_with_its_line(
    path: str, place: str, words: str
) -> None:
    error = refusal(f'{TOP}[[module]]\npath = "{path}"\n{PIN}')
    assert words in str(error) and error.place == place


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('version = "v1"', "unknown key 'version'"),
        ('variants = "ipv4"', "variants is 'ipv4', but must be a list of strings, at least one"),
        ("variants = [1]", "variants is [1], but must be"),
        ("variants = []", "variants is [], but must be a list of strings, at least one"),
        ("additions = 1", "additions is 1, but must be a string"),
        ('kind = "pod"', "unknown kind 'pod'"),
        ("revision = 2026-06-01", "revision is 2026-06-01, but must be a string"),
        ('variants = ["ipv4-scop"]', "unknown variant 'ipv4-scop'; did you mean 'ipv4-scoped'?"),
        (
            'variants = ["hyperpod"]',
            "hyperpod is a feature, not a variant; choose a variant such as ipv4, and features",
        ),
        ('features = ["x"]', "unknown feature 'x'"),
        ('cni_version = "v1.5.6"', "did you mean v1.5.5 or v1.5.7"),
        ('revision = "x"', "unknown revision 'x'"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(line: str, words: str) -> None:
    pin = "" if re.match("cni_version|revision", line) else PIN
    error = refusal(f'{TOP}[[module]]\npath = "b"\n{line}\n{pin}')
    assert words in str(error) and error.place == "line 8"


@pytest.mark.parametrize(
    ("keys", "place", "advice"),
    [
        (f'{PIN}variants = ["ipv4,ipv6"]', "line 4", "write a string for each variant"),
        (
            'cni_version = "v1.19.0"\nfeatures = ["multi-nic"]',
            "line 4",
            "choose a later cni_version",
        ),
        ('cni_version = "v9.0.0"', "line 3", "or use cni_version v1.23.2"),
        (f'{PIN}harden = true\nvariants = ["ipv4"]', "line 4", "harden = true needs a cluster"),
        ('cni_version = "v1.8.0"\nvariants = ["ipv6"]', "line 4", "choose with variants"),
        (f'{PIN}variants = ["ipv4", "metrics-helper"]', "line 4", "make a module of each"),
    ],
)
def test_an_error_of_an_option_names_its_key_and_line(keys: str, place: str, advice: str) -> None:
    error = refusal(f'[[module]]\npath = "a"\n{keys}\n')
    assert advice in str(error) and "--" not in str(error)
    assert error.place == place


@pytest.mark.parametrize("key", ["cni_version", "revision", "kind", "path", "x" * 100_000])
def test_a_message_shows_a_long_value_in_part(key: str) -> None:
    lines = {"path": '"a"', "cni_version": '"v1.23.0"', key: f'"{"1" * 100_000}"'}
    if key == "revision":
        del lines["cni_version"]
    with pytest.raises(InputError, match=r"line [2-4]: ") as caught:
        config("[[module]]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items()))
    assert len(str(caught.value)) < 3000


NEWER = TOP.replace("v1.20.4", "v1.23.9-eksbuild.1")


def test_the_newest_release_stands_in_for_a_later_patch_with_a_warning() -> None:
    read = config(f'{NEWER}[[module]]\npath = "b"\n{PIN}')
    newer, older = read.modules
    assert replace(newer.options, directory="") == options(cni_version="v1.23.2")
    assert newer.newest and not older.newest
    (warning,) = read.warnings
    assert warning.startswith("vpc-cni-iam.toml: module in line 2: plugin v1.23.9-eksbuild.1 is")
    assert "taking v1.23.2, the newest version known" in warning


@pytest.mark.parametrize(("pin", "strict"), [("v1.23.9", True), ("v1.99.0", False)])
def test_a_release_newer_than_the_catalog_is_refused(pin: str, strict: bool) -> None:
    with pytest.raises(InputError, match=f"line 4: plugin {pin} is newer than this catalog"):
        parse(TOP.replace("v1.20.4", pin), HERE, strict=strict)


def test_an_upgrade_to_the_newest_keeps_a_newer_pin() -> None:
    assert repin(config(NEWER), find_pin()).text == NEWER
    assert "v1.23.2" in repin(config(NEWER), Pin("cni_version", "v1.23.2")).text


def test_a_hardened_module_is_that_of_the_command() -> None:
    keys = 'harden = true\nadditional_tag_keys = ["Cost Center"]\neni_claim_tag = "made-by=us"\n'
    (module,) = config(f'[[module]]\npath = "a"\ncni_version = "v1.23.0"\n{keys}').modules
    how = module.options.selection.hardening
    assert how == Hardening(("Cost Center",), ("made-by", "us"))


def test_a_narrowed_module_is_that_of_the_command() -> None:
    (module,) = config(
        f'[[module]]\npath = "m"\nvariants = ["ipv4-scoped"]\n{HARDENED}'
        'limit_to = ["subnets", "security-groups"]\n'
    ).modules
    hardening = Hardening.of(harden=True, limit_to=["subnets", "security-groups"])
    assert replace(module.options, directory="") == options(
        ["ipv4-scoped"], cni_version="v1.20.4", hardening=hardening
    )
    for body, problem in (
        ('variants = ["ipv4-scoped"]\nlimit_to = ["subnets"]\n', "needs harden = true"),
        (
            'variants = ["ipv6-scoped"]\nharden = true\nlimit_to = ["subnets"]\n',
            "limit_to: the document of ipv6-scoped names no subnets",
        ),
    ):
        with pytest.raises(InputError, match="line [56]: .*" + problem):
            config(f'[[module]]\npath = "m"\n{PIN}{body}')


def test_the_schema_knows_what_the_catalog_knows() -> None:
    keys = SCHEMA["$defs"]["ModuleTable"]["properties"]
    assert keys["variants"]["items"]["enum"] == [v.name for v in every()]
    assert keys["revision"]["enum"] == [r.name for r in documents.revisions()]
    assert keys["features"]["items"]["enum"] == list(calls.features())
    assert keys["kind"]["enum"] == list(ModuleKind)
    pattern = re.compile(keys["cni_version"]["pattern"])
    for name, taken in (
        *((str(r), True) for r in known_versions.served()),
        ("1.22.4-eksbuild.1", True),
        ("latest", True),
        ("v1.0.0", False),
        ("v1.5.6", False),
        ("v99.0.0", False),
        ("v1.23.00", False),
        ("v1.23.3", True),
        ("v1.23.10-eksbuild.1", True),
        ("v1.99.0", False),
    ):
        assert bool(pattern.search(name)) is taken, name


values = st.one_of(
    st.sampled_from(
        [
            "a",
            "policy",
            "v1.23.0",
            "v99.0.0",
            "v1.23.9",
            "1.5.6",
            "latest",
            "2022-01-31",
            "ipv4",
            "a=b",
            True,
            False,
            3,
            ["ipv4"],
        ]
    ),
    st.just(["ipv4"]),
    st.lists(st.sampled_from(["ipv4", "ipv6", "metrics-helper", 1]), max_size=2),
)
keys = st.sampled_from(
    [
        *("path", "kind", "variants", "cni_version", "revision", "features", "additions", "other"),
        *("harden", "additional_tag_keys", "eni_claim_tag"),
    ]
)


@given(st.dictionaries(keys, values))
def test_schema_and_parser_agree(table: dict[str, object]) -> None:
    """What the parser takes the schema takes; what only the parser refuses is beyond a schema."""
    body = "[[module]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items())
    try:
        config(body)
        problem = ""
    except InputError as error:
        problem = str(error)
    valid = VALIDATOR.is_valid(tomllib.loads(body))
    if not problem:
        assert valid
    elif valid:
        beyond = ("exists from", "does not", "is tied to a cluster")
        assert any(w in problem for w in beyond)


def test_the_nearest_configuration_above_applies(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "vpc-cni-iam.toml").write_text(text("m"))
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find(deep, None).path == tmp_path / "vpc-cni-iam.toml"


def test_no_configuration_outside_the_checkout_applies(tmp_path: Path) -> None:
    (tmp_path / "vpc-cni-iam.toml").write_text(text("m"))
    inner = tmp_path / "checkout"
    (inner / ".git").mkdir(parents=True)
    with pytest.raises(InputError, match=r"does not exist; searched .* vpc-cni-iam init"):
        find(inner, None)


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")], ids=["pipe", "d", "l"]
)
def test_another_thing_of_its_name_hides_no_configuration(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "vpc-cni-iam.toml").write_text(text("m"))
    inner = tmp_path / "inner"
    inner.mkdir()
    make(inner / "vpc-cni-iam.toml")
    with pytest.raises(InputError, match=r"inner/vpc-cni-iam\.toml: is not a regular file"):
        find(inner, None)


@pytest.mark.parametrize("git", [True, False])
def test_a_module_must_lie_inside(git: bool, tmp_path: Path) -> None:
    inside = tmp_path / "repo" / "infra"
    inside.mkdir(parents=True)
    if git:
        (tmp_path / "repo" / ".git").mkdir()
    path = inside / "vpc-cni-iam.toml"
    path.write_text(text("../modules/x"))
    if git:
        assert find(inside, None).modules
    else:
        with pytest.raises(InputError, match="must be inside"):
            find(inside, None)
    path.write_text(text("../../x"))
    with pytest.raises(InputError, match=r"line 7: path '\.\./\.\./x' leaves"):
        find(inside, None)
    (inside / "out").symlink_to(tmp_path)
    path.write_text(text("out/x"))
    with pytest.raises(InputError, match=r"leaves .* through a symbolic link"):
        find(inside, None)


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    for name in ("objects", "refs"):
        (tmp_path / name).mkdir()
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    with pytest.raises(InputError, match="is a bare git repository"):
        init(tmp_path)
    with pytest.raises(InputError, match="is a bare git repository"):
        find(tmp_path, None)
    (tmp_path / "hooks").mkdir()
    with pytest.raises(InputError, match="is a bare git repository"):
        init(tmp_path / "hooks")
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree" / ".git").write_text("gitdir: ../worktrees/x")
    init(tmp_path / "worktree")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8-sig", "line 1: starts with a byte order mark; save it without"),
        ("utf-16", "is UTF-16, and TOML is UTF-8; save it as UTF-8"),
    ],
)
def test_a_byte_order_mark_is_named(encoding: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(TOP, encoding=encoding)
    with pytest.raises(InputError, match=words):
        load(tmp_path / "c.toml")


@pytest.mark.parametrize("path", ['x"\nharden = true #', "a\\b", "\x7f", "a\nb", "", "."])
def test_init_refuses_what_is_no_path(path: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--path: path "):
        init(tmp_path, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ['say "hi"', "it's", "gro\u00df/\U0001f600", "# x", "{path}"])
def test_init_writes_any_path(path: str, tmp_path: Path) -> None:
    (module,) = load(init(tmp_path, path)).modules
    assert module.path == path


def test_init_replaces_nothing(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "vpc-cni-iam.toml").write_text("# mine\n")
    with pytest.raises(TreeError, match="already exists"):
        init(tmp_path)
    assert (tmp_path / "vpc-cni-iam.toml").read_text() == "# mine\n"


COMMENTED = """\
# top

[[module]]  # first
path = "a"   # where
cni_version = "v1.20.4"  # renovate: x
# free
features = [ "multi-nic" ]   # odd   spacing

[[module]]
revision = '2022-01-31' # exact
path = "b"

# the end
"""


def test_repin_changes_the_pin_and_nothing_else() -> None:
    new = repin(config(COMMENTED), Pin("cni_version", "v1.22.4"))
    assert new.text == COMMENTED.replace('"v1.20.4"', '"v1.22.4"').replace(
        "revision = '2022-01-31'", 'cni_version = "v1.22.4"'
    )
    only = repin(config(COMMENTED), Pin("cni_version", "v1.22.4"), ["a"])
    assert only.text == COMMENTED.replace("v1.20.4", "v1.22.4")


@pytest.mark.parametrize("additions", list(Additions))
@pytest.mark.parametrize("form", ["lines", "inline"])
def test_repin_leaves_additions_as_they_are(additions: Additions, form: str) -> None:
    """A revision is taken exactly, whatever they say; a version may come again."""
    pin = 'cni_version = "v1.22.1" # pin'
    body = f'[[module]]\npath = "a"\n{pin}\n  additions = "{additions}" # why\n'
    if form == "inline":
        body = f'module = [{{ path = "a", cni_version = "v1.22.1", additions = "{additions}" }}]\n'
    exact = repin(config(body), Pin("revision", "2024-07-22"))
    assert exact.text.count(f'additions = "{additions}"') == 1
    assert tomllib.loads(exact.text)["module"][0]["additions"] == additions
    assert replace(exact.modules[0].options, directory="") == options(revision="2024-07-22")
    assert repin(exact, Pin("revision", "2024-07-22")).text == exact.text
    again = repin(exact, Pin("cni_version", "v1.22.1"))
    assert again.modules == config(body).modules
    if form == "lines":
        assert exact.text == body.replace('cni_version = "v1.22.1"', 'revision = "2024-07-22"')
        assert again.text == body


def test_repin_to_the_same_changes_nothing() -> None:
    new = repin(config(COMMENTED), Pin("cni_version", "v1.20.4"), ["a"])
    assert new.text == COMMENTED


def test_repin_to_what_a_module_cannot_use_is_refused() -> None:
    with pytest.raises(InputError, match="line 3: variant ipv6 does not work"):
        repin(
            config('[[module]]\npath = "a"\ncni_version = "v1.20.4"\n'),
            Pin("cni_version", "v1.8.0"),
        )


def test_repin_keeps_line_ends_spacing_and_quotes() -> None:
    body = "[[ module ]]\r\n'path' = 'a b' # sp\r\n\"cni_version\"='v1.20.4' # pin\r\n"
    new = repin(config(body), Pin("cni_version", "v1.23.0"))
    assert new.text == body.replace("'v1.20.4'", '"v1.23.0"')


def test_repin_changes_the_module_that_is_named_whatever_stands_in_texts() -> None:
    strange = 'features = [] # \'x """ y\'\n'
    tables = [f'[[module]]\npath = "{name}"\n{strange}{PIN}' for name in "abc"]
    tables[2] = tables[2].replace(strange, "")
    new = repin(config("".join(tables)), Pin("cni_version", "v1.23.0"), ["b"])
    pinned = [str(m.options.selection.version) for m in new.modules]
    assert pinned == ["v1.20.4", "v1.23.0", "v1.20.4"]


@pytest.mark.parametrize("quotes", ['"""', "'''", '"""\n'])
def test_repin_in_a_string_of_several_lines(quotes: str) -> None:
    body = f'# one\n[[module]]\npath = "a"\ncni_version = {quotes}v1.20.4{quotes[:3]} # pin\n'
    new = repin(config(body), Pin("cni_version", "v1.23.0"))
    assert new.text == '# one\n[[module]]\npath = "a"\ncni_version = "v1.23.0" # pin\n'


def test_repin_in_inline_tables() -> None:
    tables = ('path = "x", cni_version = "v1.20.4"', 'path = "y", revision = "2022-01-31"')
    body = f"module = [{', '.join(f'{{ {t} }}' for t in tables)}]\n"
    new = repin(config(body), Pin("cni_version", "v1.23.0"))
    assert [m.options.selection.arguments() for m in new.modules] == [
        ("--cni-version", "v1.23.0")
    ] * 2
    assert new.text.count("\n") == 1


@pytest.mark.parametrize("paths", [("real/a", "lnk/a"), ("lnk/a",), ("lnk",), ("x/../lnk/deep/a",)])
def test_a_path_behind_a_symbolic_link_is_refused(paths: tuple[str, ...], tmp_path: Path) -> None:
    """Two such may be one, and no search for what was left behind follows a link."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "lnk").symlink_to("real")
    tables = [f'[[module]]\npath = "{path}"\n{PIN}' for path in paths]
    (tmp_path / "vpc-cni-iam.toml").write_text("".join(tables))
    line = 3 * len(paths) - 1
    with pytest.raises(InputError, match=f"line {line}: .* goes through the symbolic link lnk; "):
        find(tmp_path, None)
    (tmp_path / "vpc-cni-iam.toml").write_text(text("real/a"))
    assert find(tmp_path, None).modules


def test_a_configuration_that_is_itself_behind_a_link_is_taken(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "lnk").symlink_to("real")
    (tmp_path / "real" / "vpc-cni-iam.toml").write_text(text("m"))
    assert find(tmp_path, tmp_path / "lnk" / "vpc-cni-iam.toml").modules
