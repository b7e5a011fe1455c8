"""The diagrams of the site: SVG that follows the page's colours and fits a telephone.

A page names a diagram in a comment, `<!-- diagram: outage -->`. Each is drawn in two widths, and
the site's style shows one. A diagram loads nothing, and does not rely on colour alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from html import escape

from tools.docs.peers import BREAKING_DATE, Repair, repairs
from vpc_cni_iam.catalog.facts.calls import FAMILIES

_COMMENT = re.compile(r"<!-- diagram: (\S+) -->")
_NARROW, _WIDE, _CARD = 340, 680, 250
# Font size, line height, and the width of a letter in the widest of the usual fonts.
_SIZE, _LINE, _LETTER = 13, 18, 7.3
_PAD, _ARROW, _TITLE = 10, 22, 170


@dataclass(frozen=True, slots=True)
class _Step:
    title: str
    text: str  # words in backticks are code
    tone: str = ""  # good, bad or tool


@dataclass(frozen=True, slots=True)
class _Choice:
    """A source of credentials, and the role that aws-node gets from it."""

    question: str
    role: str


_OUTAGE = (
    _Step(
        "Upgrade",
        "aws-node is upgraded from v1.21.2 to v1.22.0. The policy of its own role does not change.",
    ),
    _Step("New call", "At start, ipamd now calls `ec2:DescribeSecurityGroups`."),
    _Step("Denied call", "No statement of the policy allows it: IAM denies the request.", "bad"),
    _Step("Exit", "ipamd exits. aws-node restarts and exits again.", "bad"),
    _Step("NotReady", "Without a running aws-node, a new node stays NotReady.", "bad"),
)
_CREDENTIALS = (
    _Choice(
        "EKS Pod Identity: is there an association for aws-node?",
        "the role of the association",
    ),
    _Choice(
        "IRSA: does an annotation of its service account name a role?",
        "the role of the annotation",
    ),
    _Choice("Otherwise: the instance profile of the node", "the node role"),
)
_CI = (
    _Step(
        "On your machine",
        "`init` and `sync` write the module. `coverage`, `compare` and `preflight` check a policy "
        "before it is used.",
        "tool",
    ),
    _Step("Pull request", "`check` reports hand edits. `review` reads the plan.", "tool"),
    _Step(
        "Merge",
        "Terraform or OpenTofu applies the plan. `publish` writes a version of a registry module.",
        "tool",
    ),
    _Step(
        "In the account",
        "`audit` lists roles that an upgrade breaks. `explain` says why a call was denied.",
        "tool",
    ),
    _Step(
        "New plugin version",
        "`upgrade` changes the pin and the module, for a new pull request.",
        "tool",
    ),
)
_KEEP = (
    _Step("vpc-cni-iam.toml", "plugin version and variants"),
    _Step("sync", "writes the module, and keeps local changes", "tool"),
    _Step("main.tf", "in your repository, with every statement"),
    _Step("check", "in CI: reports hand edits and out-of-date files", "tool"),
)
_REVIEW = (
    _Step("plan.json", "what Terraform or OpenTofu would change"),
    _Step("review", "compares the account before and after", "tool"),
    _Step("Access", "who can newly do what, with an example request"),
    _Step("Plugin", "whether it still works in each cluster"),
)
_PUBLISH = (
    _Step("publish", "proposes a version number from the change of access", "tool"),
    _Step("1.0.0 and 1.1.0", "static files; a version never changes"),
    _Step("Web server or OCI registry", "`serve` serves it on your machine, to try it"),
    _Step("terraform init", "installs a version of the module"),
)


def drawn(page: str) -> str:
    """Return a page's Markdown with its diagrams instead of their comments."""
    return _COMMENT.sub(lambda match: _figure(match[1]), page)


def _figure(name: str) -> str:
    if name not in _DIAGRAMS:
        raise ValueError(f"no diagram {name!r}; there are {', '.join(_DIAGRAMS)}")
    widths, draw = _DIAGRAMS[name]
    pictures = "".join(_svg(each, width, *draw(width)) for each, width in widths.items())
    return f'<figure class="diagram" id="diagram-{name}" data-search-exclude>{pictures}</figure>'


def _svg(name: str, width: int, height: float, parts: list[str]) -> str:
    """Return a picture; its label has its words, for screen readers."""
    drawing = "".join(parts)
    words = " ".join(re.findall(r">([^<>]+)<", drawing))
    return (
        f'<svg class="{name}" role="img" aria-label="{words}" width="{width}" '
        f'height="{height:g}" viewBox="0 0 {width} {height:g}">{drawing}</svg>'
    )


def _flow(*steps: _Step) -> Callable[[int], tuple[float, list[str]]]:
    """Return a function that draws steps below each other; if wide, with titles on the left."""

    def draw(width: int) -> tuple[float, list[str]]:
        parts: list[str] = []
        top = 1.0
        beside = width > _NARROW
        for number, step in enumerate(steps):
            if number:
                parts.append(_arrow(width / 2 if not beside else _TITLE / 2, top, top + _ARROW))
                top += _ARROW
            left = _TITLE if beside else _PAD + 4
            lines = _wrapped(step.text, width - left - _PAD)
            first = 0 if beside else _LINE
            height = first + len(lines) * _LINE + 2 * _PAD - 2
            parts.append(_rectangle(f"box {step.tone}", (1, top), (width - 2, height)))
            base = top + _PAD + _SIZE - 1
            parts.append(_text(_PAD + 4, base, step.title, "title"))
            parts += [
                _text(left, base + first + _LINE * row, line) for row, line in enumerate(lines)
            ]
            top += height
        return top + 1, parts

    return draw


def _ladder(width: int) -> tuple[float, list[str]]:
    """Draw the order in which aws-node looks for credentials."""
    parts: list[str] = []
    top, gap = 1.0, 46
    left = (width - gap) * 0.56
    right = width - gap - left - 1
    for number, choice in enumerate(_CREDENTIALS):
        last = number == len(_CREDENTIALS) - 1
        lines = _wrapped(f"{number + 1}. {choice.question}", left - 2 * _PAD)
        height = len(lines) * _LINE + 2 * _PAD
        parts.append(_rectangle("box", (1, top), (left - 1, height)))
        parts += [_text(_PAD + 1, top + _PAD + _SIZE + _LINE * n, t) for n, t in enumerate(lines)]
        roles = _wrapped(choice.role, right - 2 * _PAD)
        middle = top + height / 2
        role_height = len(roles) * _LINE + 2 * _PAD
        parts.append(
            _rectangle("box good", (left + gap, middle - role_height / 2), (right, role_height))
        )
        base = middle - role_height / 2 + _PAD + _SIZE
        parts += [
            _text(left + gap + _PAD, base + _LINE * n, t, "title") for n, t in enumerate(roles)
        ]
        parts.append(_sideways(left, left + gap, middle))
        if not last:
            parts.append(_text(left + 8, middle - 6, "yes"))
            parts.append(_arrow(left / 2, top + height, top + height + 30))
            parts.append(_text(left / 2 + 8, top + height + 19, "no"))
            top += 30
        top += height
    return top + 1, parts


def _chart(width: int) -> tuple[float, list[str]]:
    """Draw the days until each project had a working policy."""
    rows = sorted(
        (repair for repair in repairs() if _days(repair) is not None),
        key=lambda repair: (repair.days is None, _days(repair), repair.project),
    )
    most = max(_days(repair) or 0 for repair in rows)
    # In a narrow picture, a label stands above its bar.
    beside = width > _NARROW
    left, label_height = (270, 0) if beside else (1, _LINE + 2)
    parts, top = [], 2.0
    for repair in rows:
        bar = top + label_height
        length = max((width - left - 130) * (_days(repair) or 0) / most, 3)
        words, tone = f"{repair.days} days", ""
        if repair.days is None:
            words, tone = f"none by {repair.read_until}", "bad"
            if repair.source:
                words, tone = "merged, date not known", "open"
        elif not repair.verified:
            words, tone = f"{words} *", "open"
        parts += [
            _text(0, top + _SIZE, f"{repair.project}, {FAMILIES[repair.mode]}"),
            _rectangle(f"bar {tone}", (left, bar), (length, 16)),
            _text(left + length + 8, bar + _SIZE, words, "title"),
        ]
        top += label_height + 26
    return top, parts


def _days(repair: Repair) -> int | None:
    """Return the days until a repair, or the days known without one; None if neither is known."""
    if repair.days is not None:
        return repair.days
    if repair.read_until is None or repair.read_until <= BREAKING_DATE:
        return None
    return (date.fromisoformat(repair.read_until) - date.fromisoformat(BREAKING_DATE)).days


def _wrapped(text: str, width: float) -> list[str]:
    """Return lines of a text that fit; code is not broken."""
    whole = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    lines: list[str] = []
    for word in whole.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and len(longer.replace("`", "")) * _LETTER <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _text(x: float, y: float, text: str, name: str = "") -> str:
    inner = re.sub(r"`([^`]+)`", r'<tspan class="code">\1</tspan>', escape(text))
    return f'<text class="{name}" x="{x:.1f}" y="{y:g}">{inner}</text>'


def _rectangle(name: str, place: tuple[float, float], size: tuple[float, float]) -> str:
    return (
        f'<rect class="{name}" x="{place[0]:.1f}" y="{place[1]:g}" '
        f'width="{size[0]:.1f}" height="{size[1]:g}" rx="4"/>'
    )


def _arrow(x: float, top: float, bottom: float) -> str:
    return f'<path class="arrow" d="M{x:.1f} {top + 2:g}V{bottom - 3:g}m-4 -5l4 5l4 -5"/>'


def _sideways(left: float, right: float, y: float) -> str:
    return f'<path class="arrow" d="M{left + 2:.1f} {y:g}H{right - 3:.1f}m-5 -4l5 4l-5 4"/>'


# The widths of a diagram by CSS class, and the function that draws it.
_BOTH = {"narrow": _NARROW, "wide": _WIDE}
_DIAGRAMS: dict[str, tuple[dict[str, int], Callable[[int], tuple[float, list[str]]]]] = {
    "outage": (_BOTH, _flow(*_OUTAGE)),
    "credentials": (_BOTH, _ladder),
    "ci": (_BOTH, _flow(*_CI)),
    "days": (_BOTH, _chart),
    "keep": ({"card": _CARD}, _flow(*_KEEP)),
    "review": ({"card": _CARD}, _flow(*_REVIEW)),
    "publish": ({"card": _CARD}, _flow(*_PUBLISH)),
}
