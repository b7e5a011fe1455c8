"""``vpc-cni-iam preflight`` as a user meets it."""

import gzip
import json
from pathlib import Path

import pytest

from conftest import Run, run
from daemonsets import daemonset

NODE = {
    "InstanceId": "i-0123456789abcdef0",
    "VpcId": "vpc-01234567",
    "State": {"Code": 16, "Name": "running"},
    "Tags": [{"Key": "eks:cluster-name", "Value": "prod"}],
}
INSTANCES = json.dumps({"Reservations": [{"Instances": [NODE]}]})
INTERFACES = json.dumps(
    {
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": "eni-0123456789abcdef0",
                "VpcId": "vpc-01234567",
                "Status": "in-use",
                "InterfaceType": "interface",
                "Attachment": {"InstanceId": NODE["InstanceId"]},
                "TagSet": [],
            }
        ]
    }
)


def test_files_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    words = ("preflight", "interfaces.json", "-", "--cluster-name", "prod", "--no-harden")
    done = run(*words, cwd=tmp_path, stdin=INSTANCES)
    assert (done.code, done.err) == (1, "")
    command = "aws ec2 create-tags --resources i-0123456789abcdef0 --tags "
    assert f"    {command}Key=kubernetes.io/cluster/prod,Value=owned\n" in done.out
    assert done.out.endswith(
        "fails: 1 instance and 1 network interface read, 1 node checked (1 error, 1 note)\n"
    )
    done = run(*words, "--format", "json", cwd=tmp_path, stdin=INSTANCES)
    data = json.loads(done.out)
    assert (done.code, data["verdict"], data["nodes"]) == (1, "fails", 1)
    assert [(f["rule"], f["resources"]) for f in data["findings"]] == [
        ("instance-tag-missing", ["i-0123456789abcdef0"]),
        ("interface-tagged-at-start", ["eni-0123456789abcdef0"]),
    ]


def test_nothing_would_break(tmp_path: Path) -> None:
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    words = ("preflight", "interfaces.json", "--cluster-name", "prod", "--variant", "ipv6")
    done = run(*words, cwd=tmp_path)
    assert done.code == 1 and "no instance or interface looks like a node of 'prod'" in done.out
    (tmp_path / "instances.json").write_text(INSTANCES)
    done = run(*words, "instances.json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].startswith("works: ")


def test_the_limit_is_that_of_answers_of_ec2(tmp_path: Path) -> None:
    with (tmp_path / "in.json").open("wb") as file:
        file.truncate(1 << 30)
    done = run("preflight", "in.json", "--cluster-name", "prod", cwd=tmp_path)
    assert done.code == 3 and "in.json: is larger than 256 MiB" in done.err


def test_an_empty_name_is_not_the_current_directory(tmp_path: Path) -> None:
    done = run("preflight", "", "--cluster-name", "prod", cwd=tmp_path)
    assert done.code == 2 and "the file name is empty; name a file" in done.err


def test_compressed_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "instances.json.gz").write_bytes(gzip.compress(INSTANCES.encode()))
    done = run("preflight", "instances.json.gz", "--cluster-name", "prod", cwd=tmp_path)
    assert (done.code, done.err) == (1, "") and "1 instance read" in done.out


@pytest.mark.parametrize("form", ["text", "json"])
def test_pages_of_which_one_may_be_missing_are_named(tmp_path: Path, form: str) -> None:
    first, last = json.loads(INSTANCES) | {"NextToken": "x"}, json.loads(INSTANCES)
    (tmp_path / "in.json").write_text(f"{json.dumps(first)}\n{json.dumps(last)}")
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    files = ("in.json", "interfaces.json", "--format", form, "--variant", "ipv6")
    done = run("preflight", *files, "--cluster-name", "prod", cwd=tmp_path)
    assert done.code == 1
    assert "1 page with a NextToken" in done.out
    assert "pages may be missing" in done.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("- --cluster-name prod", 3, "standard input: is empty"),
        ("missing.json --cluster-name prod", 3, "missing.json"),
        (". --cluster-name prod", 3, ".: is a directory; name a file"),
        ("-", 2, "--cluster-name"),
        ("- - --cluster-name prod", 2, "- is given twice"),
        ("--cluster-name prod", 2, "FILE"),
        ("in.json --cluster-name $", 2, "--cluster-name '$' is not an EKS cluster name"),
        ("in.json --cluster-name prod --vpc-id x", 2, "--vpc-id 'x' is not a VPC ID"),
        ("in.json --cluster-name prod --variant x", 2, "unknown variant 'x'"),
    ],
)
def test_refusals(tmp_path: Path, words: str, code: int, message: str) -> None:
    (tmp_path / "in.json").write_text(INSTANCES)
    done = run("preflight", *words.split(), cwd=tmp_path, stdin="")
    assert done.code == code and message in done.err, done.err
    assert "Traceback" not in done.err and not done.out


def deployed(folder: Path, *words: str, text: str) -> Run:
    (folder / "instances.json").write_text(INSTANCES)
    (folder / "aws-node.json").write_text(text)
    return run("preflight", "instances.json", "--daemonset", "aws-node.json", *words, cwd=folder)


def test_a_daemonset_names_the_cluster_and_the_policy(tmp_path: Path) -> None:
    done = deployed(tmp_path, text=daemonset())
    assert "Key=kubernetes.io/cluster/prod,Value=owned" in done.out
    # IPv6 has its own document, which asks for no tags of instances.
    ipv6 = deployed(
        tmp_path, "--no-harden", text=daemonset(ENABLE_IPv6="true", ENABLE_IPv4="false")
    )
    assert "instance-tag-missing" not in ipv6.out and ipv6.code == 0
    other = deployed(tmp_path, "--variant", "ipv4-scoped", text=daemonset(ENABLE_IPv6="true"))
    assert other.code == 2 and "is not for ipv6" in other.err


def test_an_interface_that_the_instance_names_and_the_input_lacks_is_not_known(
    tmp_path: Path,
) -> None:
    """With v1.13.0, a trunk interface without the tag would end the plugin."""
    own = [{"NetworkInterfaceId": f"eni-0123456789abcdef{n}"} for n in range(2)]
    owned = {"Key": "kubernetes.io/cluster/prod", "Value": "owned"}
    node = {**NODE, "NetworkInterfaces": own, "Tags": [owned]}
    for name, shown in (("one", own[:1]), ("both", own)):
        described = {**node, "NetworkInterfaces": shown}
        instances = {"Reservations": [{"Instances": [described]}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(instances))
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    words = ("interfaces.json", "--cluster-name", "prod", "--cni-version", "v1.13.0")
    assert run("preflight", "one.json", *words, cwd=tmp_path).code == 0
    done = run("preflight", "both.json", *words, cwd=tmp_path)
    assert done.code == 1 and "some of its network interfaces are not in the input" in done.out


def test_instances_alone_are_not_enough_if_some_interface_cannot_be_tagged(tmp_path: Path) -> None:
    """With a hardened policy, the plugin exits at an interface with another cluster's tag."""
    owned = [{"Key": "kubernetes.io/cluster/prod", "Value": "owned"}]
    instances = {"Reservations": [{"Instances": [{**NODE, "Tags": owned}]}]}
    (tmp_path / "in.json").write_text(json.dumps(instances))
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    words = ("in.json", "--cluster-name", "prod")
    assert run("preflight", *words, "--no-harden", cwd=tmp_path).code == 0
    done = run("preflight", *words, cwd=tmp_path)
    assert done.code == 1 and "its network interfaces are not in the input" in done.out
    assert run("preflight", *words, "interfaces.json", cwd=tmp_path).code == 0


def test_an_instance_without_a_sign_may_be_a_node_of_a_plugin_that_tags_nothing(
    tmp_path: Path,
) -> None:
    tagged, other = (
        json.loads(INTERFACES),
        {**NODE, "InstanceId": "i-0fedcba9876543210", "Tags": []},
    )
    (own,) = tagged["NetworkInterfaces"]
    own["TagSet"] = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "prod"}]
    unlike = {**own, "NetworkInterfaceId": "eni-0fedcba9876543210", "TagSet": []}
    unlike["Attachment"] = {"InstanceId": other["InstanceId"]}
    both = {"Reservations": [{"Instances": [NODE, other]}]}
    for name, printed in (
        ("in", both),
        ("tagged", tagged),
        ("more", {"NetworkInterfaces": [own, unlike]}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(printed))
    ipv6 = {"ENABLE_IPv6": "true", "ENABLE_IPv4": "false"}
    off = daemonset(**ipv6, DISABLE_NETWORK_RESOURCE_PROVISIONING="true")
    (tmp_path / "off.json").write_text(off)
    for files in (("tagged.json", "in.json"), ("more.json", "in.json"), ("more.json",)):
        done = run("preflight", *files, "--daemonset", "off.json", "--no-harden", cwd=tmp_path)
        assert done.code == 1, done.out
        assert "unknown  i-0fedcba9876543210: nothing shows which cluster it belongs to" in done.out
    assert (
        run("preflight", "tagged.json", "--daemonset", "off.json", "--no-harden", cwd=tmp_path).code
        == 0
    )


@pytest.mark.parametrize("off", ["DISABLE_NETWORK_RESOURCE_PROVISIONING", "ENABLE_IMDS_ONLY_MODE"])
def test_a_plugin_that_tags_nothing_needs_the_tags_of_interfaces_where_it_assigns_addresses(
    off: str, tmp_path: Path
) -> None:
    """In IPv6 mode alone: else it changes nothing at EC2. As `coverage` has it."""
    (tmp_path / "interfaces.json").write_text(INTERFACES)
    both = ("interfaces.json", "--cluster-name", "prod", "--no-harden")
    ipv6 = {"ENABLE_IPv6": "true", "ENABLE_IPv4": "false"}
    assert deployed(tmp_path, *both, text=daemonset(**ipv6)).code == 0
    done = deployed(tmp_path, *both, text=daemonset(**ipv6, **{off: "true"}))
    assert done.code == 1 and "the policy denies ec2:AssignIpv6Addresses there" in done.out
    command = "aws ec2 create-tags --resources eni-0123456789abcdef0 --tags "
    assert f"{command}Key=cluster.k8s.amazonaws.com/name,Value=prod\n" in done.out
    alone = deployed(tmp_path, *both[1:], text=daemonset(**ipv6, **{off: "true"}))
    assert alone.code == 1 and "its network interfaces are not in the input" in alone.out
    (tmp_path / "interfaces.json").write_text(INTERFACES.replace('interface"', 'trunk"'))
    assert deployed(tmp_path, *both, text=daemonset(**ipv6, **{off: "true"})).code == 0
    # The instance has no tag, and no interface is attached to it.
    assert deployed(tmp_path, *both, text=daemonset()).code == 1
    assert deployed(tmp_path, *both, text=daemonset(**{off: "true"})).code == 0


def test_a_plugin_without_the_name_of_the_cluster_breaks(tmp_path: Path) -> None:
    def findings(text: str, *words: str) -> list[str]:
        done = deployed(tmp_path, *words, "--format", "json", text=text)
        result = json.loads(done.out)
        assert done.code == 1 and result["verdict"] != "works"
        return [f["rule"] for f in result["findings"]]

    unset = daemonset(CLUSTER_NAME=None)
    assert "cluster-name-differs" in findings(unset, "--cluster-name", "prod")
    assert "cluster-name-differs" in findings(daemonset(), "--cluster-name", "stage")
    assert "cluster-name-differs" not in findings(daemonset())
    hidden = {"name": "CLUSTER_NAME", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
    rules = findings(daemonset(CLUSTER_NAME=None, more=(hidden,)), "--cluster-name", "prod")
    assert "configuration-not-read" in rules and "cluster-name-differs" not in rules
    done = deployed(tmp_path, text=unset)
    assert done.code == 2 and "--cluster-name" in done.err
    done = run("preflight", "-", stdin=INSTANCES)
    assert done.code == 2 and "--cluster-name or --daemonset" in done.err


def test_the_policy_must_list_the_tag_keys_of_the_plugin(tmp_path: Path) -> None:
    """Else a hardened policy stops aws-node: `coverage` shows it."""
    text = daemonset(ADDITIONAL_ENI_TAGS='{"team": "platform"}')
    done = deployed(tmp_path, text=text)
    assert "note     ADDITIONAL_ENI_TAGS of aws-node has the keys team\n" in done.out
    assert "the plugin exits at start" in " ".join(done.out.split())
    for words in (("--additional-tag-key", "team"), ("--no-harden",)):
        assert "ADDITIONAL_ENI_TAGS" not in deployed(tmp_path, *words, text=text).out
    assert "ADDITIONAL_ENI_TAGS" not in deployed(tmp_path, text=daemonset()).out


def test_the_operator_that_ec2_describes_tells_a_node_of_auto_mode(tmp_path: Path) -> None:
    described = {
        "InstanceId": "i-0123456789abcdef0",
        "VpcId": "vpc-0123456789abcdef0",
        "Operator": {"Managed": True, "Principal": "eks.amazonaws.com"},
        "Tags": [{"Key": "eks:eks-cluster-name", "Value": "prod"}],
    }
    answer = {"Reservations": [{"Instances": [described]}]}
    (tmp_path / "i.json").write_text(json.dumps(answer))
    done = run("preflight", "i.json", "--cluster-name", "prod", cwd=tmp_path)
    assert "note     i-0123456789abcdef0: a node of EKS Auto Mode" in done.out
    assert "error  " not in done.out and done.code == 1  # no node with aws-node is shown
    described["Operator"] = {"Managed": False}
    (tmp_path / "i.json").write_text(json.dumps(answer))
    assert "error  " in run("preflight", "i.json", "--cluster-name", "prod", cwd=tmp_path).out


def test_the_keys_of_additional_tags_must_be_listed(tmp_path: Path) -> None:
    """The plugin writes all tags of an interface in one request, and exits if that is denied."""
    owned = {"Key": "kubernetes.io/cluster/prod", "Value": "owned"}
    answer = {"Reservations": [{"Instances": [NODE | {"Tags": [owned]}]}]}
    (tmp_path / "i.json").write_text(json.dumps(answer))
    (tmp_path / "e.json").write_text(INTERFACES)
    tags = json.dumps({"team": "network"})
    (tmp_path / "d.json").write_text(daemonset(ADDITIONAL_ENI_TAGS=tags, VPC_ID="vpc-01234567"))
    words = ("preflight", "i.json", "e.json", "--daemonset", "d.json")
    assert run(*words, "--no-harden", cwd=tmp_path).code == 0
    assert run(*words, cwd=tmp_path).code == 0  # with the keys of the DaemonSet
    done = run(*words, "--additional-tag-key", "other", cwd=tmp_path)
    text = " ".join(done.out.split())
    assert done.code == 1 and "the policy does not list the tag key team" in text
    assert "list it with --additional-tag-key" in text and "create-tags" not in text
