import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import run
from synthetic import allow, document, plan, policy, resource
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.inputs.plan.saved import opened, saved_plan
from vpc_cni_iam.policy.parse import loads

ONE, TWO = document(allow("ec2:A")), document(allow("ec2:B"))


def found(text: bytes) -> dict[str, object]:
    return {o.name: o.policy for o in open_account("-", text.decode, {}).policies}


def unread(text: bytes) -> dict[str, str]:
    skipped = open_account("-", text.decode, {}).not_known
    return {s.name: s.detail for s in skipped if s.counts}


def test_a_plan_is_opened_as_the_policies_that_it_leaves() -> None:
    role = {"inline_policy": [{"name": "i", "policy": ONE}], "assume_role_policy": ONE}
    hidden = document(allow("ec2:C"))
    secret = policy("s", None, hidden, after_sensitive={"policy": True})
    later = policy("l", None, None)
    later["change"]["after"] = {"name": "l"}
    text = plan(
        policy("p", ONE, TWO),
        policy("gone", ONE, None),
        secret,
        later,
        resource("aws_iam_role", "r", None, role),
    )
    first, two = loads(ONE, "one"), loads(TWO, "two")
    assert found(text) == {"aws_iam_policy.p": two, 'aws_iam_role.r.inline_policy["i"]': first}
    assert unread(text) == {
        "aws_iam_policy.s": "is marked sensitive",
        "aws_iam_policy.l": "is only known after apply",
    }


def test_a_policy_that_is_wholly_unknown_is_named_as_unread() -> None:
    later = policy("l", None, None, actions=["create"], after_unknown=True)
    text = plan(policy("p", None, ONE), deferred_changes=[{"resource_change": later}])
    assert unread(text) == {"aws_iam_policy.l": "is only known after apply"}


def test_a_plan_with_documents_alone_is_opened_as_those() -> None:
    data = {
        "address": "data.aws_iam_policy_document.d",
        "mode": "data",
        "type": "aws_iam_policy_document",
        "name": "d",
        "values": {"json": ONE},
    }
    state = {"values": {"root_module": {"child_modules": [{"resources": [data]}]}}}
    assert list(found(plan(prior_state=state))) == ["data.aws_iam_policy_document.d"]
    with pytest.raises(InputError, match=r"has no .*policy"):
        found(plan())


def test_coverage_takes_a_plan(tmp_path: Path) -> None:
    everything = document(allow("ec2:*"))
    (tmp_path / "plan.json").write_bytes(plan(policy("p", None, everything)))
    done = run("coverage", tmp_path / "plan.json", "--cni-version", "v1.20.4")
    assert (done.code, "aws_iam_policy.p" in done.out) == (0, True), done.err


def test_a_large_plan_is_mapped_and_reads_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpc_cni_iam.inputs.plan import json_stream, saved
    from vpc_cni_iam.inputs.plan import reader as reading

    text = plan(
        policy("p", ONE, TWO),
        resource("aws_instance", "i", None, {"a": "b" * 1000}),
        planned_values={"root_module": {"resources": [{"a": 1}], "child_modules": [{}]}},
        variables={"v": {"value": 1}},
    )
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(text), indent=2))
    small = reading.read_plan(path.read_bytes(), str(path))
    monkeypatch.setattr(json_stream, "SMALL", 10)
    monkeypatch.setattr(json_stream, "STEP", 100)
    monkeypatch.setattr(saved, "LARGE", 10)
    told: list[int] = []
    for packed in (False, True):
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        with opened(path, io.BytesIO()) as data:
            assert not isinstance(data, bytes)
            assert reading.read_plan(data, str(path), told.append) == small
    assert told


def test_what_powershell_writes_reads_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpc_cni_iam.inputs.plan import saved

    monkeypatch.setattr(saved, "PIECE", 7)
    text = plan(policy("ü", ONE, TWO))
    path = tmp_path / "plan.json"
    for encoding in ("utf-16-le", "utf-16-be", "utf-8"):
        for mark in ("\ufeff", ""):
            path.write_bytes(f"{mark}{text.decode()}".encode(encoding))
            with opened(path, io.BytesIO()) as data:
                assert read_plan(data, "p") == read_plan(text, "p")


def test_a_directory_is_one_of_a_saved_plan_if_it_has_one(tmp_path: Path) -> None:
    import zipfile

    with pytest.raises(InputError, match="no saved plan"):
        saved_plan(tmp_path)
    (tmp_path / "main.tf").touch()
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("tfplan", "x")
        if name == "one":
            assert saved_plan(tmp_path) == tmp_path / "one"
    with pytest.raises(InputError, match="name one of one, two"):
        saved_plan(tmp_path)
    assert saved_plan(tmp_path / "main.tf") is None


# A process starts with the peak of the one that made it, so that getrusage says too much.
MEMORY = """
import io, re, sys
from pathlib import Path
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.inputs.plan.saved import opened
with opened(Path(sys.argv[1]), io.BytesIO()) as data:
    assert read_plan(data, "plan").resources
print(int(re.search("VmHWM: *\\t*(.*) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("kind", ["aws_subnet", "aws_instance"])
def test_memory_does_not_grow_with_what_is_not_iam(kind: str, tmp_path: Path) -> None:
    """Of instances, what is read says their role."""
    path = tmp_path / "plan.json"
    other = json.dumps(resource(kind, "%d", None, {"a": "b" * 10_000}))
    peaks = []
    for count in (1, 15_000):
        with path.open("w") as file:
            file.write('{"format_version": "1.2", "configuration": {}, "planned_values": ')
            every = ",".join(other.replace("%d", f"i{number}") for number in range(count))
            file.write('{"root_module": {"resources": [' + every + "]}}, ")
            file.write('"resource_changes": [' + every + ",")
            file.write(json.dumps(policy("p", ONE, TWO)) + "]}")
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert path.stat().st_size > 300_000_000
    # Two windows of passed text, of 16 MB each, may be in memory at a time.
    assert peaks[1] < peaks[0] + 40, peaks
