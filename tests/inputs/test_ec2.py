"""What the AWS CLI prints is read whole, or refused with what to do."""

import io
import json
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.aws import ec2
from vpc_cni_iam.inputs.aws.ec2 import Inventory

INSTANCE = {
    "InstanceId": "i-0000000a",
    "VpcId": "vpc-01234567",
    "State": {"Code": 16, "Name": "running"},
    "Tags": [{"Key": "Name", "Value": "n"}],
    "NetworkInterfaces": [{"NetworkInterfaceId": "eni-0000000a", "Status": "in-use"}],
}
INTERFACE = {
    "NetworkInterfaceId": "eni-0000000a",
    "VpcId": "vpc-01234567",
    "Status": "in-use",
    "InterfaceType": "interface",
    "Description": "",
    "Attachment": {"InstanceId": "i-0000000a", "DeviceIndex": 0},
    "TagSet": [{"Key": "k", "Value": ""}],
}


def instances(*result: object, **more: object) -> dict[str, object]:
    return {"Reservations": [{"Groups": [], "Instances": list(result)}], **more}


def interfaces(*result: object, **more: object) -> dict[str, object]:
    return {"NetworkInterfaces": list(result), **more}


def text(*pages: object, **options: object) -> bytes:
    return "\n".join(json.dumps(page, **options) for page in pages).encode()  # type: ignore[arg-type]


def read(parts: Sequence[tuple[str, bytes]]) -> Inventory:
    with TemporaryDirectory() as folder, chdir(folder):
        for name, data in parts:
            Path(name).write_bytes(data)
        return ec2.read([name for name, _ in parts], io.BytesIO())


def test_each_is_known_by_its_content_in_any_order() -> None:
    both = [("a", text(instances(INSTANCE))), ("b", text(interfaces(INTERFACE)))]
    contents = read(both)
    assert contents == read(both[::-1])
    assert contents.instances is not None and contents.interfaces is not None
    assert contents.instances["i-0000000a"].tags == {"Name": "n"}
    assert contents.interfaces["eni-0000000a"].instance == "i-0000000a"
    assert contents.interfaces["eni-0000000a"].tags == {"k": ""}


def test_what_was_not_described_is_not_none_of_it() -> None:
    contents = read([("a", text(instances()))])
    assert contents.instances == {} and contents.interfaces is None
    contents = read([("a", text(interfaces()))])
    assert contents.instances is None and contents.interfaces == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_that_shells_write(encoding: str) -> None:
    content = text(instances(INSTANCE), indent=4).decode().encode(encoding)
    assert read([("a", content)]).instances


def test_pages_in_one_input_and_in_several() -> None:
    other = {**INSTANCE, "InstanceId": "i-0000000b"}
    first, last = instances(INSTANCE, NextToken="x"), instances(other)
    for parts in (
        [("a", text(first, last, interfaces(INTERFACE)))],
        [("a", text(last)), ("b", text(first))],
    ):
        inventory = read(parts)
        assert set(inventory.instances or ()) == {"i-0000000a", "i-0000000b"}
        assert inventory.continued_pages == 1


def test_what_is_described_twice_alike_counts_once() -> None:
    assert read([("a", text(instances(INSTANCE))), ("b", text(instances(INSTANCE)))]).instances


def test_both_in_one_object() -> None:
    contents = read([("a", text({**instances(INSTANCE), **interfaces(INTERFACE)}))])
    assert contents.instances and contents.interfaces


def test_a_null_token_ends_the_pages() -> None:
    assert read([("a", text(interfaces(INTERFACE, NextToken=None)))]).interfaces


def test_terminated_instances_are_left_out() -> None:
    gone = {**INSTANCE, "State": {"Name": "terminated"}}
    assert read([("a", text(instances(gone)))]).instances == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a: is empty"),
        (b" \n", "a: is empty"),
        (b"{", "a: line 1, column 2: is not JSON"),
        (b'{"Reservations": []} x', "is not JSON"),
        (b"\xff\xfe\x00\xd8", "is not UTF-16 text"),
        (b"An error occurred (UnauthorizedOperation)", "is not JSON"),
        (b"RESERVATIONS\t111122223333\tr-1\n", "line 1: is not JSON; use --output json"),
        (b"NETWORKINTERFACES\teu-west-1a\n", "line 1: is not JSON; use --output json"),
        (
            b"-----------------------\n|  DescribeInstances  |",
            "line 1: is not JSON; use --output json",
        ),
        (b"Reservations:\n- Groups: []\n", "a: is YAML, not JSON; print it as JSON with: yq"),
        (b'{"Reservations":\n["\xff"]}', "a: line 2, column 3: is not UTF-8 text: byte 0xff"),
        (b"[]", "a: $: is a list or a single value, as with --query"),
        (b'"i-0a"', "is a list or a single value, as with --query"),
        (text({"Vpcs": []}), "neither Reservations nor NetworkInterfaces"),
        (text(instances(), {"Vpcs": []}), "a: page 2: $: has neither"),
        (text(instances(INSTANCE, NextToken="x")), "a: $: has a NextToken, but the last page"),
        (
            text({"Reservations": {}}),
            "$: is not as aws prints it without --query: Expected `array | null`",
        ),
        (text({"Reservations": [{}]}), "required field `Instances` - at `$.Reservations[0]`"),
        (text(instances({})), "required field `InstanceId` - at `$.Reservations[0].Instances[0]`"),
        (text(instances({**INSTANCE, "InstanceId": ""})), "'' is not an ID"),
        (
            text(instances("i-0000000a")),
            "Expected `object`, got `str` - at `$.Reservations[0].Instances[0]`",
        ),
        (text(instances({**INSTANCE, "InstanceId": "$(x)"})), "'$(x)' is not an ID"),
        (
            text(instances({**INSTANCE, "Tags": {"Name": "n"}})),
            "got `object` - at `$.Reservations[0].Instances[0].Tags`",
        ),
        (
            text(interfaces({**INTERFACE, "VpcId": None})),
            "got `null` - at `$.NetworkInterfaces[0].VpcId`",
        ),
        (
            text(interfaces({**INTERFACE, "Attachment": "x"})),
            "at `$.NetworkInterfaces[0].Attachment`",
        ),
        (
            text(instances(INSTANCE), instances({**INSTANCE, "Tags": []})),
            "a: page 2: $: describes i-0000000a differently than an earlier page",
        ),
        (
            b'{"Reservations": [{"Instances": []}], "Reservations": []}',
            "the key 'Reservations' is there twice",
        ),
        (
            text(instances(), instances(INSTANCE)).replace(b'"Tags"', b'"Tags": [], "Tags"'),
            "a: line 2, $.Reservations[0].Instances[0].Tags: the key 'Tags' is there twice",
        ),
        (
            text(instances({**INSTANCE, "Tags": [{"Key": "k", "Value": v} for v in "ab"]})),
            "the tag 'k' of i-0000000a is there twice",
        ),
        (
            text(instances({**INSTANCE, "Tags": [{"Value": "v"}]})),
            "required field `Key` - at `$.Reservations[0].Instances[0].Tags[0]`",
        ),
        (
            text(interfaces({**INTERFACE, "TagSet": [{"Key": 1}]})),
            "at `$.NetworkInterfaces[0].TagSet[0].Key`",
        ),
        (b"[" * 100_000, "nests too deeply"),
    ],
)
def test_anything_else_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError) as error:
        read([("a", content)])
    assert message in str(error.value)
