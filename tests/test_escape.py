"""Text that somebody else wrote: a terminal, Markdown and HTML find nothing in it to obey."""

import ast

import pytest

from conftest import ROOT
from vpc_cni_iam.escape import (
    code_cell,
    code_span,
    escape_control,
    escape_html,
    escape_log_command,
    escape_markdown,
    sanitise,
)

SOURCE = ROOT / "generator" / "vpc_cni_iam"
UNSEEN = "\u00a0\u00ad\u034f\u115f\u1160\u180b\u2009\u200b\u200d\u202e\u202f\u2060\u2800\u3000"
UNSEEN += "\u3164\ufe0f\ufeff\uffa0\U0001d159\U000e0041\U000e0100\x1b\x7f\x9b\ud800\u2028"


@pytest.mark.parametrize("character", UNSEEN, ids=lambda c: f"{ord(c):x}")
def test_what_is_not_seen_is_shown_as_its_number(character: str) -> None:
    """IAM takes some of these in a policy, such as the space that does not break."""
    assert escape_control(f"a{character}b") == f"a\\u{ord(character):04x}b"


@pytest.mark.parametrize(
    "text", ["a b ~", "Gr\u00fc\u00dfe", "\u65e5\u672c", "e\u0301", "\u0915\u093f", "\U0001f600"]
)
def test_what_is_seen_stays(text: str) -> None:
    assert escape_control(text) == text


def test_a_long_text_says_how_much_of_it_is_left_out() -> None:
    assert sanitise("a" * 2000 + "bcd") == "a" * 2000 + "... (3 characters more)"


@pytest.mark.parametrize("command", ["::error file=a::b", "##vso[task.complete]", "::add-mask::x"])
def test_a_line_of_a_log_is_no_command(command: str) -> None:
    assert escape_log_command(command) == f"\\u{ord(command[0]):04x}{command[1:]}"


def test_headings_of_markdown_in_a_diff_stay_as_they_are() -> None:
    assert escape_log_command(" ### ipv4 [a](b)") == " ### ipv4 [a](b)"


def test_markdown_and_html_show_text_as_it_is() -> None:
    assert escape_markdown("a|*b*<c>") == "a\\|\\*b\\*\\<c\\>"
    assert code_span("a`b|c") == "`a\\u0060b\\u007cc`"
    assert code_cell("a`b|c") == "`` a`b\\|c ``"
    assert escape_html("<a 'x'>\x00&\"") == "&lt;a &#x27;x&#x27;&gt;\\u0000&amp;&quot;"


def escapes_by_hand(code: str) -> list[int]:
    """The lines of code that escape text for Markdown, HTML or XML."""
    lines = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            # Markup is the type of what is markup already; `markup` alone may import it.
            if {"html", "xml.sax.saxutils", "markupsafe"} & set(modules) and names != ["Markup"]:
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".replace"):
            match node.args:
                case [ast.Constant(str(old)), ast.Constant(str(new))]:
                    if old in set("|<>&\"'`*_[]#\n") and new[:1] in ("\\", "&"):
                        lines.append(node.lineno)
        elif (isinstance(node, ast.Attribute) and ast.unparse(node) == "unicodedata.category") or (
            isinstance(node, ast.Constant)
            and any(
                entity in str(node.value) for entity in ("&lt;", "&amp;", "&quot;", "xmlcharref")
            )
        ):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "code",
    [
        "import html",
        "from html import escape",
        "from xml.sax.saxutils import escape",
        "from markupsafe import escape",
        "text.replace('|', '\\\\|')",
        "text.replace('<', '&lt;')",
    ],
)
def test_escaping_by_hand_is_seen(code: str) -> None:
    assert escapes_by_hand(code)


def test_no_other_module_escapes_by_hand() -> None:
    # hcl/parse.py asks for categories to refuse a text, and writes none.
    for path in {*SOURCE.rglob("*.py")} - {SOURCE / "escape.py", SOURCE / "hcl" / "parse.py"}:
        lines = escapes_by_hand(path.read_text())
        assert not lines, f"{path}:{lines}: use vpc_cni_iam.escape"
