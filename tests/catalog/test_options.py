"""What a file states is what it was made from, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import Options, claims, options, override, stated
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.errors import UsageError

names = st.lists(st.sampled_from([v.name for v in VARIANTS]), unique=True)
chosen = st.fixed_dictionaries(
    {},
    optional={
        "names": names,
        "features": st.lists(st.sampled_from(list(calls.features())), unique=True),
    },
).flatmap(
    lambda base: st.one_of(
        st.just(base),
        st.sampled_from([r.name for r in documents.revisions()]).map(
            lambda r: {**base, "revision": r}
        ),
        st.tuples(
            st.sampled_from([str(r) for r in known_versions.known()[1:]]),
            st.sampled_from(Additions),
        ).map(lambda drawn: {**base, "cni_version": drawn[0], "additions": drawn[1]}),
    )
)


@given(chosen)
def test_stated_options_read_back(words: dict[str, object]) -> None:
    try:
        made = options(**words)  # type: ignore[arg-type]
    except UsageError:
        return
    assert stated(f"# x\n#   {made.command}\n# more\n") == made


@pytest.mark.parametrize("kind", ["policy", "role"])
def test_the_command_names_what_was_chosen_alone_and_is_read_back(kind: str) -> None:
    words = " --kind role" if kind == "role" else ""
    for version, additions, more in (
        ("v1.23.0", Additions.needed, " --cni-version v1.23.0"),
        ("v1.23.0", Additions.none, " --cni-version v1.23.0 --no-additions"),
        ("v1.23.0", Additions.all, " --cni-version v1.23.0 --all-calls"),
        (None, Additions.needed, " --revision 2022-01-31"),
    ):
        revision = None if version else "2022-01-31"
        made = options(
            ["ipv6"], kind=kind, cni_version=version, revision=revision, additions=additions
        )
        assert made.command == f"vpc-cni-iam generate DIRECTORY{words} --variant ipv6{more}"
        text = f"# {made.command}\n"
        assert stated(text) == made and claims(text) == made.command
    assert claims("# vpc-cni-iam generate\n") == ""


def test_the_default_is_the_newest_release_and_upstreams_three() -> None:
    assert options() == options(["ipv4-scoped", "ipv6", "ipv4"], cni_version="latest")
    assert f"--cni-version {known_versions.newest()}" in options().command  # which moves no module
    bare = options(additions=Additions.none)
    assert bare == options(cni_version=str(known_versions.newest()), additions=Additions.none)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vpc-cni-iam generate DIRECTORY\n",
        "vpc-cni-iam generate DIRECTORY --variant ipv4\n",
        "vpc-cni-iam generate DIRECTORY --variant nope --revision 2022-01-31\n",
        "vpc-cni-iam generate DIRECTORY --variant ipv4 --cni-version v9.0.0\n",
        "vpc-cni-iam generate DIRECTORY --variant ipv4 --exec rm\n",
        "#" * 3000 + "vpc-cni-iam generate DIRECTORY --variant ipv4 --revision 2022-01-31\n",
    ],
)
def test_a_file_that_states_nothing_that_holds_states_nothing(text: str) -> None:
    assert stated(text) is None


@pytest.mark.parametrize(
    ("names", "irsa", "program", "account"),
    [
        ([], True, None, "aws-node"),
        (["ipv4-pod-identity"], False, None, "aws-node"),
        (["ipv4-pod-identity", "ipv6"], True, None, "aws-node"),
        (["metrics-helper"], True, "metrics-helper", "cni-metrics-helper"),
    ],
)
def test_variants_decide_for_which_service_account_a_module_is_and_whether_irsa_works(
    names: list[str], irsa: bool, program: str | None, account: str
) -> None:
    made = options(names)
    assert (made.irsa, made.program, made.service_account) == (irsa, program, account)


def test_a_selection_is_word_for_word_only_by_revision_and_without_features() -> None:
    newest = str(known_versions.newest())
    for made, exact, version in (
        (options(revision="2022-01-31"), True, "v1.18.3"),
        (options(revision="2026-09-29"), True, newest),
        (options(revision="2026-09-29", features=["hyperpod"]), False, newest),
        (options(cni_version="v1.20.4"), False, "v1.20.4"),
    ):
        assert made.selection.word_for_word is exact
        assert str(made.selection.serves) == version


def test_options_can_be_a_key() -> None:
    assert len({options(), options(), options(["ipv4"])}) == 2
    assert isinstance(options(), Options)


def test_a_selection_of_variants_has_the_hardening_of_the_whole_module() -> None:
    module = options(["ipv4", "ipv4-scoped"], cni_version="v1.22.4", hardening=Hardening())
    for names in (["ipv4"], ["ipv4-scoped"], []):
        selected = override(module, names, cni_version="v1.23.2")
        assert selected.selection.hardening == Hardening()
    assert [c.hardened for c in override(module, ["ipv4"]).composed()] == [False]
    assert override(module, revision="2024-07-22").selection.hardening is None
