"""The policy picker shows what `vpc-cni-iam policy` prints, and works in a real browser."""

import json
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tools.docs import picker
from typer.testing import CliRunner

from conftest import run
from devtools import Browser, browser
from site_build import picker_data, site
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.cli.main import application
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.versions.works_with import document_versions

__all__ = ["picker_data", "site"]

SAMPLE = 200
NAMES = {
    "cluster_name": "prod_1-x",
    "vpc_id": "vpc-0123456789abcdef0",
    "partition": "aws-us-gov",
    "region": "us-gov-west-1",
    "account_id": "111122223333",
    "vpc_owner_id": "444455556666",
    "hyperpod_cluster_id": "0123456789ab",
}
LISTS = {
    "subnet_ids": ["subnet-01234567", "subnet-89abcdef", "subnet-00000000"],
    "security_group_ids": ["sg-01234567", "sg-89abcdef", "sg-00000000"],
}
CHOICES = list(picker.choices())


def shown(data: dict[str, Any], entry: dict[str, Any], name: str) -> tuple[str, str]:
    """The JSON and the HCL of a policy as the page joins them."""
    parts = [data["statements"][number] for number in entry["statements"]]

    def filled(text: str) -> str:
        return re.sub("@@([a-z_]+)@@", lambda match: NAMES.get(match[1], "*"), text)

    statements = ",\n".join(part["json"] for part in parts)
    text = f'{{\n  "Version": "2012-10-17",\n  "Statement": [\n{statements}\n  ]\n}}\n'
    blocks = "\n".join(part["hcl"] for part in parts)
    return filled(text), filled(f'data "aws_iam_policy_document" "{name}" {{\n{blocks}}}\n')


def test_every_choice_has_the_policy_of_the_catalog(picker_data: dict[str, Any]) -> None:
    assert len(CHOICES) > 3000
    values = parameters.values(NAMES)
    checked = set()
    for variant, version, hardened, features in CHOICES:
        policy = picker.composed(variant, version, hardened, features).policy
        key = picker.key(variant.name, hardened, features)
        number, _ = picker_data["versions"][str(version)][key]
        if (number, variant.name, policy, hardened) in checked:
            continue
        checked.add((number, variant.name, policy, hardened))
        entry = picker_data["policies"][number]
        filled = parameters.substitute(policy, values)
        hcl = block(policy_document(variant.identifier, filled))
        assert shown(picker_data, entry, variant.identifier) == (dumps(filled), hcl), key
        assert entry["works"] == document_versions(policy, variant).works_with
        own = [name for name in entry["parameters"] if name not in LISTS]
        assert own == [p.name for p in parameters.used(policy)]
        creates = "ec2:CreateNetworkInterface" in policy.actions()
        assert ("subnet_ids" in entry["parameters"]) is (hardened and creates)


def test_there_is_nothing_else_to_choose(picker_data: dict[str, Any]) -> None:
    keys = {
        (version, key) for version, entries in picker_data["versions"].items() for key in entries
    }
    assert keys == {(str(v), picker.key(n.name, h, f)) for n, v, h, f in CHOICES}
    variants = [(v["modes"], v["scope"]) for v in picker_data["variants"]]
    assert len(set(variants)) == len(variants) == len(VARIANTS)


@pytest.fixture(scope="module")
def tab(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        opened.size(1280)
        opened.open(site / "policy-picker.html")
        yield opened


def fragment(data: dict[str, Any], choice: tuple[Any, ...], names: dict[str, str]) -> str:
    variant, version, hardened, features = choice
    entry = next(v for v in data["variants"] if v["name"] == variant.name)
    words = [("version", str(version)), ("family", entry["modes"]), ("scope", entry["scope"])]
    words += [("harden", "on" if hardened else "off")] if variant.cluster_scoped else []
    words += [("feature", name) for name in features]
    return urlencode([*words, *names.items()])


FILL_IN = """(words => {
  const form = document.getElementById("picker");
  const given = new URLSearchParams(words);
  form.reset();
  for (const [name, value] of given) {
    for (const field of form.querySelectorAll(`[name="${name}"]`)) {
      if (["radio", "checkbox"].includes(field.type)) {
        field.checked = given.getAll(name).includes(field.value);
      } else {
        field.value = value;
      }
    }
  }
  form.dispatchEvent(new Event("input"));
})"""


def choose(tab: Browser, words: str) -> None:
    """Fill the form in; what is not named is as on a page that was just opened."""
    tab.run(f"{FILL_IN}({words!r})")


OUTPUT = """(name => {
  document.querySelector(`[name="output"][value="${name}"]`).checked = true;
  document.getElementById("picker").dispatchEvent(new Event("input"));
  return document.getElementById("picker-output").textContent;
})"""
OUTPUTS = ["policy", "json", "hcl", "generate", "toml"]
RESULTS = f"""(many => many.map(words => {{
  {FILL_IN}(words);
  return {OUTPUTS}.map({OUTPUT});
}}))"""


def results(tab: Browser, fragments: list[str]) -> list[list[str]]:
    """The outputs for each; the browser draws the page for the last only."""
    return list(tab.run(f"{RESULTS}({fragments})"))


def output(tab: Browser, name: str) -> str:
    """One output for what is chosen."""
    return str(tab.run(f"{OUTPUT}({name!r})"))


def test_an_address_opens_what_it_names(
    site: Path, tab: Browser, picker_data: dict[str, Any]
) -> None:
    choice = CHOICES[-1]
    tab.open(site / "policy-picker.html", fragment(picker_data, choice, {"region": "eu-west-1"}))
    variant, version, hardened, features = choice
    words = ["--cni-version", str(version)]
    words += [word for name in features for word in ("--feature", name)]
    words += ["--harden"] if hardened else []
    words += ["--region", "eu-west-1"]
    command = output(tab, "policy")
    assert command.split() == ["vpc-cni-iam", "policy", variant.name, *words]
    assert tab.run("scrollY") == 0


def test_a_sample_in_the_browser_is_what_the_command_prints(
    tab: Browser, picker_data: dict[str, Any]
) -> None:
    chance = random.Random(17)
    sample = []
    for choice in chance.sample(CHOICES, SAMPLE):
        some = {name: NAMES[name] for name in NAMES if chance.random() < 0.6}
        sample.append((choice, some | {name: NAMES[name] for name in ("cluster_name", "vpc_id")}))
    shown_in_browser = results(tab, [fragment(picker_data, *chosen) for chosen in sample])
    for (choice, some), (command, text, hcl, *_) in zip(sample, shown_in_browser, strict=True):
        words = shlex.split(command)[1:]
        variant, version, hardened, features = choice
        assert words[1:4] == [variant.name, "--cni-version", str(version)]
        assert ("--harden" in words) is hardened
        assert [w for w in words if w in features] == list(features)
        used = parameters.used(picker.composed(*choice).policy)
        values = [(p.option, some[p.name]) for p in used if p.name in some]
        assert all(f"{option} {value}" in command for option, value in values)
        done = CliRunner().invoke(application(words), words)
        assert done.exit_code == 0, command
        assert text == done.stdout, command
        done = CliRunner().invoke(application(words), [*words, "--format", "hcl"])
        assert hcl == done.stdout, command
    assert not tab.errors


def shown_risks(tab: Browser) -> list[str]:
    items = "[...document.querySelectorAll('#picker-risks li')].map(i => i.textContent)"
    return list(tab.run(items))


def covered_risks(folder: Path, policy: str, *words: str) -> list[str]:
    """What coverage lists of a policy, as the page does."""
    (folder / "policy.json").write_text(policy)
    done = run("coverage", "policy.json", *words, cwd=folder)
    listed = re.findall(r"^  (warning|note) +([\w-]+): (.*)$", done.out, re.MULTILINE)
    return [f"{severity} {name}: {text}" for severity, name, text in listed] or ["none known"]


@pytest.mark.parametrize("counts", [(1, 0), (0, 2), (1, 1), (1, 3), (2, 1), (3, 2)])
@pytest.mark.parametrize("scope", ["cluster", "tags"])
def test_lists_of_ids_are_those_that_the_command_takes(
    scope: str, counts: tuple[int, int], tab: Browser, tmp_path: Path
) -> None:
    chosen = {name: ids[:count] for (name, ids), count in zip(LISTS.items(), counts, strict=True)}
    fields = {name: ", ".join(ids) for name, ids in chosen.items() if ids}
    words = {"family": "ipv4", "scope": scope, "harden": "on", "region": "eu-west-1", **fields}
    names = {"cluster_name": "prod", "vpc_id": "vpc-01234567"} if scope == "cluster" else {}
    ((command, text, hcl, generate, toml),) = results(tab, [urlencode(words | names)])
    arguments = shlex.split(command)[1:]
    for option, ids in zip(("--subnet-id", "--security-group-id"), chosen.values(), strict=True):
        assert [arguments[n + 1] for n, w in enumerate(arguments) if w == option] == ids
    done = CliRunner().invoke(application(arguments), arguments)
    assert (done.exit_code, text) == (0, done.stdout), command
    done = CliRunner().invoke(application(arguments), [*arguments, "--format", "hcl"])
    assert hcl == done.stdout
    assert shown_risks(tab) == covered_risks(tmp_path, text)
    limits = [
        x for x, ids in zip(("subnets", "security-groups"), chosen.values(), strict=True) if ids
    ]
    named = shlex.split(generate)
    assert [named[n + 1] for n, w in enumerate(named) if w == "--limit-to"] == limits
    assert f"limit_to = {json.dumps(limits)}\n" in toml
    (tmp_path / "vpc-cni-iam.toml").write_text(toml)
    assert run("sync", "--quiet", cwd=tmp_path).code == 0
    assert run(*named[1:], "--quiet", cwd=tmp_path).code == 0


def test_the_command_that_is_shown_runs_in_a_shell(
    tab: Browser, picker_data: dict[str, Any], tmp_path: Path
) -> None:
    choose(tab, fragment(picker_data, CHOICES[-1], {"region": "*"}))
    command = output(tab, "policy")
    assert run(*shlex.split(command)[1:], cwd=tmp_path).out == output(tab, "json")


def test_generate_and_the_configuration_make_the_policy_that_is_shown(
    tab: Browser, picker_data: dict[str, Any], tmp_path: Path
) -> None:
    scoped = [c for c in CHOICES if c[0].cluster_scoped and c[2] and c[3]]
    names = {"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"}
    for number, choice in enumerate([CHOICES[0], *random.Random(5).sample(scoped, 3)]):
        words = fragment(picker_data, choice, names)
        ((_, text, _, generate, toml),) = results(tab, [words])
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run(*shlex.split(generate)[1:], "--quiet", cwd=folder)
        assert done.code == 0, done.err
        (folder / "policy.json").write_text(text)
        (folder / "vpc-cni-iam.toml").write_text(toml)
        assert run("sync", "--quiet", cwd=folder).code == 0
        made = [folder / "vpc-cni-iam-policy", folder / "modules" / "vpc-cni-iam-policy"]
        mains = [(module / "main.tf").read_text() for module in made]
        mains = [
            text.partition("\n\n")[2] for text in mains
        ]  # whose first lines say how it is made
        assert mains[0] == mains[1]
        variant, version, hardened, features = choice
        expected = render(
            options(
                [variant.name],
                cni_version=str(version),
                features=features,
                hardening=Hardening() if hardened else None,
            )
        )
        assert mains[0] == expected["main.tf"].partition("\n\n")[2]


def test_a_scoped_policy_is_hardened_unless_that_is_switched_off(site: Path, tab: Browser) -> None:
    tab.open(site / "policy-picker.html")
    hardened = "document.querySelector('[name=harden]').checked"
    # The page opens with the policy that every command recommends.
    assert tab.run("document.querySelector('[name=scope]:checked').value") == "cluster"
    assert tab.run(hardened) is True and "--harden" in output(tab, "generate")
    tab.run("document.querySelector('[name=scope][value=account]').click()")
    assert tab.run(hardened) is False and "harden" not in output(tab, "generate")
    tab.run("document.querySelector('[name=scope][value=cluster]').click()")
    tab.run("document.querySelector('[name=harden]').click()")
    tab.run("document.querySelector('[name=scope][value=tags]').click()")
    assert tab.run(hardened) is False and "--no-harden" in output(tab, "generate")
    address = tab.run("location.hash.slice(1)")
    tab.open(site / "policy-picker.html", str(address))
    assert tab.run(hardened) is False
    tab.open(site / "policy-picker.html", "family=ipv4&scope=cluster")
    assert tab.run(hardened) is True


def test_nothing_is_red_before_something_wrong_is_typed(site: Path, tab: Browser) -> None:
    tab.open(site / "policy-picker.html")
    tab.run("document.querySelector('[name=scope][value=cluster]').click()")
    wrong = "document.querySelectorAll('.picker-problem, [aria-invalid=true]').length"
    assert tab.run(wrong) == 0
    assert tab.text("picker-needs") == "Fill in cluster-name and vpc-id."
    assert tab.run("document.getElementById('picker-copied').hidden") is True
    assert "instance-tag-not-set" in tab.text("picker-risks")
    assert output(tab, "json") == output(tab, "hcl") == output(tab, "policy") == ""
    assert "--variant ipv4-scoped" in output(tab, "generate")
    tab.run("document.getElementById('cluster_name').focus()")
    tab.press("a b")
    assert tab.run(wrong) == 2


def test_what_is_still_allowed_comes_first_and_evidence_is_linked(site: Path, tab: Browser) -> None:
    tab.open(site / "policy-picker.html", "family=ipv4&scope=account")
    headings = tab.run("[...document.querySelectorAll('#picker-result h2')].map((h) => h.id)")
    assert headings == ["still-allows", "copy", "actions"]
    links = tab.run(
        "[...document.querySelectorAll('#picker-actions dd')]"
        ".map((e) => [...e.querySelectorAll('a')].map((a) => a.href))"
    )
    assert len(links) == 14
    for first, *places in links:
        assert first.startswith((site / "evidence.html").as_uri())
        assert all(p.startswith("https://github.com/aws/") for p in places)
    assert sum(bool(places) for _, *places in links) == 13  # one is not called


def test_a_choice_moves_the_page_nowhere(site: Path, tab: Browser) -> None:
    tab.open(site / "policy-picker.html")
    scrolled = """[...document.querySelectorAll('.picker *:not(input)')].filter((e) => {
      const { overflowX, overflowY } = getComputedStyle(e);
      const isCut = overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1;
      return isCut || ['auto', 'scroll'].includes(overflowY);
    }).length"""
    tab.run("scrollTo(0, 200)")
    for field in ("[name=scope][value=tags]", "[name=output][value=hcl]", "[name=feature]"):
        tab.run(f"document.querySelector('{field}').click()")
        assert tab.run("scrollY") == 200
        assert tab.run(scrolled) == 0
    tab.run("location.hash = 'actions'")
    assert tab.run("document.querySelector('[name=scope]:checked').value") == "tags"


def test_risks_are_those_of_coverage(
    tab: Browser, picker_data: dict[str, Any], tmp_path: Path
) -> None:
    for choice in random.Random(3).sample(CHOICES, 4):
        variant, version, _, features = choice
        names = {name: NAMES[name] for name in ("cluster_name", "vpc_id")}
        choose(tab, fragment(picker_data, choice, names))
        options = [word for name in features for word in ("--feature", name)]
        words = ("--cni-version", version, *options)
        expected = covered_risks(tmp_path, output(tab, "json"), *words)
        items = shown_risks(tab)
        example = variant.modes[0] == "ipv4" and not variant.cluster_scoped
        if example:  # the command has an example for the name of the cluster
            items = [i.replace("cluster/prod_1-x=", "cluster/example=") for i in items]
        assert items == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("family=ipv4&scope=cluster&cluster_name=a b", '"a b" is not an EKS cluster name'),
        ("family=ipv6&scope=tags", "This policy does not exist"),
        ("version=v1.7.0&family=ipv6", "ipv6-scoped works with plugin v1.10.0 or later"),
        ("family=ipv4&scope=cluster&cluster_name=a&vpc_id=vpc-<b>x</b>", "is not a VPC ID"),
        ("family=ipv4&scope=tags&harden=on&subnet_ids=a", '"a" is not a subnet ID'),
        (
            "family=ipv4&scope=tags&harden=on&subnet_ids=subnet-01234567,subnet-01234567",
            "subnet-id: an ID is given twice",
        ),
        (
            "family=ipv4&scope=tags&harden=on&security_group_ids="
            + ",".join(f"sg-{n:08}" for n in range(60)),
            "but IAM allows 6144 in a managed policy; list fewer IDs",
        ),
    ],
)
def test_what_is_missing_is_said_and_no_policy_is_shown(
    words: str, problem: str, tab: Browser
) -> None:
    choose(tab, words)
    assert problem in tab.text("picker-status")
    assert tab.run("document.getElementById('picker-result').hidden") is True


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_the_screen(
    width: int, dark: bool, site: Path, tab: Browser, picker_data: dict[str, Any]
) -> None:
    tab.size(width, dark=dark)
    tab.open(site / "policy-picker.html", fragment(picker_data, CHOICES[-1], {}))
    assert tab.run("document.documentElement.scrollWidth") == width
    for _ in range(100):  # the theme's script follows the scheme some time after the page is there
        colour = tab.run("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", colour)[:3])) > 384
        if light is not dark:
            break
        tab.run("new Promise((done) => setTimeout(done, 50))")
    assert light is not dark
    assert not [a for a in tab.requests if not a.startswith(("file:", "data:", "about:"))]
    tab.size(1280)


def test_it_can_be_used_with_the_keyboard_alone(site: Path, tab: Browser) -> None:
    tab.open(site / "policy-picker.html")

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if tab.run(f"document.activeElement.matches({selector!r})"):
                return
            tab.press("Tab")
        raise AssertionError(selector)

    tab_to("#version")
    tab.press("ArrowDown")  # from the newest version to the one before
    tab_to("[name=family]")
    tab_to("[name=scope]")
    tab_to("[name=harden]")
    tab.press(" ")
    tab_to("#cluster_name")
    tab.press("prod")
    tab_to("#vpc_id")
    tab.press("vpc-0123456789abcdef0")
    tab_to("[name=feature]")
    tab.press(" ")
    tab_to("[name=output]")
    tab.press("ArrowDown", "ArrowDown")
    assert tab.text("picker-output").strip() == (
        "vpc-cni-iam policy ipv4-scoped --cni-version v1.23.1 --feature multi-nic "
        "--no-harden --cluster-name prod --vpc-id vpc-0123456789abcdef0"
    )
    tab_to("[data-copy=picker-output]")
    tab.press("Enter")
    for _ in range(100):
        text = tab.run("document.activeElement.textContent")
        if text != "Copy":
            break
        tab.run("new Promise((done) => setTimeout(done, 20))")
    assert re.match("Copied|Selected", text)


def test_every_field_has_a_label(tab: Browser) -> None:
    fields = "[...document.querySelectorAll('#picker input, #picker select')]"
    assert tab.run(f"{fields}.length") > 15
    assert tab.run(f"{fields}.filter((field) => !field.labels.length).length") == 0
