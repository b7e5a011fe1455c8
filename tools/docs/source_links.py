"""Links to the places in source code that the catalog's evidence names."""

import re
from collections.abc import Iterator

_PLUGIN = "https://github.com/aws/amazon-vpc-cni-k8s/blob"
_AGENT = "https://github.com/aws/aws-network-policy-agent/blob"
_GUIDE = "Amazon EKS User Guide, network policy troubleshooting"
_GUIDE_ADDRESS = (
    "https://docs.aws.amazon.com/eks/latest/userguide/network-policies-troubleshooting.html"
)
_PLACE = re.compile(
    r"aws-network-policy-agent (?:v[\d.]+ to )?(?P<agent>v[\d.]+)"
    r"|(?P<version>v\d+\.\d+\.\d+):(?P<file>[\w./-]+\w)(?::(?P<lines>\d+(?:-\d+)?))?"
    r"|(?P<same_version>[\w./-]+\.\w+):(?P<its_lines>\d+(?:-\d+)?)"
    r"|(?<=[ ,(]):(?P<same_file>\d+(?:-\d+)?)"
    rf"|(?P<guide>{_GUIDE})"
)


def parts(evidence: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a text about evidence, each with its address or an empty text.

    A place is named by its version and the file without its folder; the address has both. The
    lines of the network policy agent are those of the last version that the text names.
    """
    end, base, file = 0, "", ""
    for match in _PLACE.finditer(evidence):
        if match["agent"]:
            base = f"{_AGENT}/{match['agent']}"
            continue
        if match["guide"]:
            text, address = match[0], _GUIDE_ADDRESS
        else:
            if match["version"]:
                base = f"{_PLUGIN}/{match['version']}"
            file = match["file"] or match["same_version"] or file
            if not base or not file:
                continue
            lines = match["lines"] or match["its_lines"] or match["same_file"]
            name = "" if match["same_file"] else file.rpartition("/")[2]
            text = f"{match['version'] or ''} {name}{f':{lines}' if lines else ''}".strip()
            address = f"{base}/{file}{f'#L{lines}'.replace('-', '-L') if lines else ''}"
        yield evidence[end : match.start()], ""
        yield text, address
        end = match.end()
    yield evidence[end:], ""
