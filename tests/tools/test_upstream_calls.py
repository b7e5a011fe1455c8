"""Call sites in Go source of the shapes that upstream's has; the source is written for this."""

import json
from pathlib import Path

import pytest
from tools.upstream.against import against, release_to_compare
from tools.upstream.calls import Calls, Site, calls
from tools.upstream.checkout import read_checkout
from tools.upstream.gobuild import build_constraint

from conftest import write_tree
from upstream_standins import MAIN, V2, nodes, source_of, upstream
from vpc_cni_iam.catalog.facts import calls as catalog
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.errors import InputError, UsageError

V1 = '"github.com/aws/aws-sdk-go/service/ec2"'
# An interface as wide as a wrapper's: what is only in it is not called.
WRAPPER = f"""package wrapper

import ec2svc {V1}

type EC2 interface {{
	CreateTagsWithContext(ctx any, in *ec2svc.CreateTagsInput) (*ec2svc.CreateTagsOutput, error)
	DescribeSubnetsWithContext(in *ec2svc.DescribeSubnetsInput) error
	DescribeVpcsWithContext(in *ec2svc.DescribeVpcsInput) error
	DescribeInstancesPages(in *ec2svc.DescribeInstancesInput, fn func() bool) error
}}
"""


def found(folder: Path, files: dict[str, str]) -> Calls:
    files = {"go.mod": "module example.com/plugin\n\ngo 1.26\n", "cmd/agent/main.go": MAIN} | files
    return calls(read_checkout(write_tree(folder, files)))


def actions(folder: Path, body: str, imports: str = V2, more: str = "") -> list[str]:
    result = found(folder, nodes(body, imports, more))
    assert result.undecided == ()
    return list(result.sites)


def test_a_call_of_the_second_sdk(tmp_path: Path) -> None:
    body = "\tin := &ec2.CreateTagsInput{}\n\t_, err := c.svc.CreateTags(ctx, in)"
    result = found(tmp_path, nodes(body))
    assert result.sites == {"ec2:CreateTags": (Site("pkg/nodes/nodes.go", 13, "Run", "cmd/agent"),)}
    assert result.programs == ("cmd/agent",)


def test_calls_of_the_first_sdk_through_a_wrapper(tmp_path: Path) -> None:
    body = """
	c.svc.CreateTagsWithContext(context.Background(), in)
	if err := c.svc.DescribeInstancesPages(in, func(o *ec2.Out, last bool) bool {
		return true
	}); err != nil {
		req, _ := c.svc.DescribeSubnetsRequest(in)
	}"""
    imports = '"example.com/plugin/pkg/wrapper"'
    files = nodes(body, imports) | {"pkg/wrapper/client.go": WRAPPER}
    assert list(found(tmp_path, files).sites) == [
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:DescribeSubnets",
    ]


def test_paginators_and_other_services(tmp_path: Path) -> None:
    imports = f"""{V2}
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go/service/resourcegroupstaggingapi"
"""
    body = """
	p := ec2.NewDescribeNetworkInterfacesPaginator(c.svc, in)
	c.metrics.PutMetricData(ctx, &cw.PutMetricDataInput{})
	c.tags.TagResources(&resourcegroupstaggingapi.TagResourcesInput{})
"""
    assert actions(tmp_path, body, imports) == [
        "cloudwatch:PutMetricData",
        "ec2:DescribeNetworkInterfaces",
        "tag:TagResources",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "// c.svc.CreateTags(ctx, &ec2.CreateTagsInput{})",
        "/* c.svc.CreateTags(ctx,\n&ec2.CreateTagsInput{}) */",
        'log("c.svc.CreateTags(ctx)")\n\tin := ec2.CreateTagsInput{}',
        "log(`\nc.svc.CreateTags(ctx)\n`)\n\tin := ec2.CreateTagsInput{}",
        "helpers.CreateTags(ec2.CreateTagsInput{})",
        "var in ec2.CreateTagsInput",
    ],
)
def test_what_is_no_call(body: str, tmp_path: Path) -> None:
    assert actions(tmp_path, body, f'{V2}\n\t"example.com/other/helpers"') == []


def test_functions_that_nothing_reaches_are_left_out(tmp_path: Path) -> None:
    more = """
var hook = fromVariable

func fromVariable() { c.svc.CreateTags(ctx, &ec2.CreateTagsInput{}) }
func init() { c.svc.DescribeTags(ctx, &ec2.DescribeTagsInput{}) }
func helper(a []struct{ b int }) (x interface{ M() }, err error) { c.reached() ; return }
func (c *cache) reached() map[string]struct{} { c.svc.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}) }
func left() { c.svc.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{}); again() }
func again() { left() }
"""
    assert actions(tmp_path, "\thelper(nil)", V2, more) == [
        "ec2:CreateTags",
        "ec2:DescribeTags",
        "ec2:DescribeVpcs",
    ]


CALLER = (
    f"package PACKAGE\n\nimport {V2}\n\nfunc init() {{ c.CreateTags(&ec2.CreateTagsInput{{}}) }}\n"
)


@pytest.mark.parametrize(
    "path",
    [
        "pkg/nodes/nodes_test.go",
        "pkg/nodes/mocks/nodes_mocks.go",
        "pkg/nodes/mock_nodes/nodes.go",
        "vendor/example.com/x/x.go",
        "pkg/vendor/example.com/x/x.go",
        "test/agent/main.go",
        "scripts/limits.go",
        "pkg/nodes/testdata/x.go",
        "pkg/nodes/nodes_windows.go",
        "pkg/nodes/nodes_darwin_arm64.go",
        "pkg/unused/unused.go",
    ],
)
def test_files_that_are_not_built_into_the_plugin(path: str, tmp_path: Path) -> None:
    package = "main" if path.startswith(("test/", "scripts/")) else "nodes"
    result = found(tmp_path, nodes("") | {path: CALLER.replace("PACKAGE", package)})
    assert (result.sites, result.programs, result.undecided) == ({}, ("cmd/agent",), ())


@pytest.mark.parametrize(
    ("constraint", "built"),
    [
        ("//go:build linux", ""),
        ("//go:build !windows && (amd64 || arm64)", ""),
        ("//go:build ignore", None),
        ("// +build ignore", None),
        ("// +build !ignore_autogenerated", ""),
        ("// +build windows darwin,cgo\n// +build cgo", None),
        ("// +build linux,cgo windows", ""),
        ("//go:build go1.21", ""),
        ("//go:build !(linux)", None),
        ("//go:build e2e", "e2e"),
        ("//go:build !e2e && linux", "!e2e && linux"),
        ("//go:build (((", "((("),
        ("", ""),
    ],
)
def test_build_constraints(constraint: str, built: str | None) -> None:
    text = f"// A licence.\n\n{constraint}\n\npackage nodes\n\n//go:build windows\n"
    assert build_constraint(text, "pkg/nodes.go") == built


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("f := c.svc.CreateTags\n\tf(ctx, &ec2.CreateTagsInput{})", "where it is called is open"),
        ("ec2.NewInstanceRunningWaiter(c.svc).Wait(ctx, in)", "waits by calls"),
        ('reflect.ValueOf(c.svc).MethodByName("Create" + x)', "whose name is computed"),
        (
            "c.svc.CreateTags(ctx, &ec2.CreateTagsInput{})\n\tc.svc.DescribeRegions(ctx, nil)",
            "svc.DescribeRegions calls a client, with no input that is named",
        ),
    ],
)
def test_what_names_cannot_decide(body: str, message: str, tmp_path: Path) -> None:
    (undecided,) = found(tmp_path, nodes(body)).undecided
    assert message in undecided.text
    assert undecided.site.function == "Run"


def test_a_method_of_the_same_name_is_undecided(tmp_path: Path) -> None:
    more = "func (f fake) CreateTags(in *ec2.CreateTagsInput) {}"
    result = found(tmp_path, nodes("c.anything.CreateTags(in)", V2, more))
    assert result.sites == {}
    assert "declared in the checkout" in result.undecided[0].text


def test_a_call_under_a_tag_is_undecided(tmp_path: Path) -> None:
    tagged = "//go:build e2e\n\n" + CALLER.replace("PACKAGE", "nodes")
    result = found(tmp_path, nodes("") | {"pkg/nodes/tagged.go": tagged})
    assert result.sites == {}
    assert "built only if e2e" in result.undecided[0].text


def test_a_checkout_before_modules_has_upstreams_name(tmp_path: Path) -> None:
    main = MAIN.replace("example.com/plugin", "github.com/aws/amazon-vpc-cni-k8s")
    body = "c.svc.CreateTags(&ec2.CreateTagsInput{})"
    write_tree(tmp_path, {"main.go": main, **nodes(body)})
    result = calls(read_checkout(tmp_path))
    assert (list(result.sites), result.programs) == (["ec2:CreateTags"], ("",))


def test_source_that_is_not_go(tmp_path: Path) -> None:
    broken = {
        f"pkg/nodes/{i}.go": t for i, t in enumerate(("func", "func (", "{{{", "import", "'"))
    }
    assert found(tmp_path, nodes("") | broken).sites == {}
    (tmp_path / "pkg/nodes/bytes.go").write_bytes(b"package nodes\n\xff\x00func")
    assert calls(read_checkout(tmp_path)).sites == {}


def called_at_newest() -> list[str]:
    own = [c for c in catalog.calls() if c.repository == "aws/amazon-vpc-cni-k8s"]
    return [c.action for c in own if any(u.at(newest()) for u in c.ranges)]


def test_the_comparison_with_the_catalog(tmp_path: Path) -> None:
    known = called_at_newest()
    same = found(tmp_path / "same", source_of([*known, "ec2:UnassignIpv6Addresses"]))
    states = {a.name: a.state for a in against(same, newest())}
    assert states == dict.fromkeys(known, "known") | {"ec2:UnassignIpv6Addresses": "guarded"}
    other = found(tmp_path / "other", source_of([*known[1:], "ec2:CreateVpc"]))
    states = {a.name: a.state for a in against(other, newest())}
    assert (states[known[0]], states["ec2:CreateVpc"]) == ("not found", "unknown")
    oldest = found(tmp_path / "oldest", source_of(["ec2:CreateTags"]))
    states = {a.name: a.state for a in against(oldest, release_to_compare("v1.0.0"))}
    assert states["ec2:CreateTags"] == "unknown"


def test_the_release_to_compare_with() -> None:
    assert release_to_compare(None) == newest()
    assert str(release_to_compare("v1.22.99")) == "v1.22.4"
    assert str(release_to_compare("v9.0.0")) == str(newest())
    with pytest.raises(UsageError, match=r"v0\.9\.0 is before v1\.0\.0"):
        release_to_compare("v0.9.0")


def test_calls_from_the_command_line(tmp_path: Path) -> None:
    files = {"go.mod": "module example.com/plugin\n", "cmd/agent/main.go": MAIN}
    write_tree(tmp_path, files | source_of(called_at_newest()))
    done = upstream("calls", ".", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "known     ec2:CreateTags                       pkg/nodes/nodes.go:" in done.out
    write_tree(tmp_path, source_of(["ec2:CreateVpc"]))
    done = upstream("calls", ".", "--format", "json", cwd=tmp_path)
    data = json.loads(done.out)
    assert (done.code, data["version"], data["programs"]) == (1, "v1.23.2", ["cmd/agent"])
    assert {"ec2:CreateVpc": "unknown", "ec2:CreateTags": "not found"}.items() <= {
        a["name"]: a["state"] for a in data["actions"]
    }.items()


@pytest.mark.parametrize("path", ["nowhere", "empty", "file"])
def test_no_checkout(path: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"checkout of"):
        read_checkout(tmp_path / path)
