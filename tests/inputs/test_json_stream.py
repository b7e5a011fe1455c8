import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError, Raw
from msgspec.json import Decoder

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.json_stream import STEP, Reader
from vpc_cni_iam.inputs.plan.reader import read_plan

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def walked(reader: Reader) -> Any:
    sign = reader.peek()
    if sign == b"{":
        return {key: walked(reader) for key in reader.members()}
    if sign == b"[":
        return [walked(reader) for _ in reader.items()]
    return json.loads(bytes(reader.value()))


@given(VALUES, st.sampled_from((None, 1)))
def test_walking_is_reading(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    # What follows a value is not part of it.
    for tail in (b"", b" ", b"\n]", b",1"):
        reader = Reader(text + tail, "x")
        assert walked(reader) == value
        assert reader.peek() == tail.strip()[:1]
        passing = Reader(text + tail, "x")
        assert json.loads(bytes(passing.value())) == value
        assert passing.peek() == tail.strip()[:1]


@given(st.text(), VALUES, st.data())
def test_a_text_that_is_cut_off_is_refused(key: str, value: Any, data: st.DataObject) -> None:
    text = json.dumps({key: value}).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(InputError):
        walked(Reader(text[:cut], "x"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1 "b": 2}', "line 1, column 9: "),
        ('{"a": 1,}', "line 1, column 9: "),
        ('{"a" 1}', "line 1, column 6: "),
        ('{"a": nope}', "line 1, column 8: is not JSON: this character is not allowed here$"),
        ('{"a": 1, "a": 2}', "line 1, column 13: "),
        ("[1, 2", "line 1, column 6: "),
        ('{"é":\n 1,\n "ü": "ö" nope}', "line 3, column 11: "),
        ("[" * 100_000, "line 1, column 1: nests"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InputError, match=f"^x: {place}"):
        reader = Reader(text.encode(), "x")
        (walked if len(text) < 100 else Reader.value)(reader)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1 2", "JSON is malformed: trailing characters (byte 3)"),
        (b'{"a": [1]}, {}', "JSON is malformed: trailing characters (byte 11)"),
        (b'"x"}', "JSON is malformed: trailing characters (byte 4)"),
        (b'{"a": nope}', "JSON is malformed: invalid character (byte 7)"),
        (b'{"a": [1, ', "Input data was truncated"),
    ],
)
def test_the_messages_of_msgspec_from_which_places_are_read(text: bytes, message: str) -> None:
    """msgspec tells where a value ends in its message alone; a version may change it."""
    with pytest.raises(DecodeError) as caught:
        Decoder(Raw).decode(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(("depth", "is_read"), [(100, True), (101, False)])
def test_a_configuration_of_modules_that_nest_too_deeply_is_refused(
    depth: int, is_read: bool
) -> None:
    module: dict[str, object] = {}
    for _ in range(depth):
        module = {"module_calls": {"m": {"module": module}}}
    plan = {"format_version": "1.2", "configuration": {"root_module": module}}
    content = json.dumps(plan).encode()
    if is_read:
        assert read_plan(content, "plan.json").source == "plan.json"
    else:
        with pytest.raises(InputError, match="nest too deeply to be a plan"):
            read_plan(content, "plan.json")


def test_a_place_far_into_one_line_is_counted_in_pieces() -> None:
    text = ('[1,\n"' + "\u00e9" * (STEP + 5) + '" nope]').encode()
    reader = Reader(text, "x")
    tracemalloc.start()
    try:
        assert reader.position(len(text) - 5) == f"line 2, column {STEP + 9}"
        assert tracemalloc.get_traced_memory()[1] < 3 * STEP
    finally:
        tracemalloc.stop()
