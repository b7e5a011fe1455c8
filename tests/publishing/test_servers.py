"""Published modules over TLS: an OCI registry that oras filled, and nginx as we configure it."""

import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import TERRAFORM_NEWEST, TOFU, make_engine, tool
from consuming import ARCHIVE, AT, OPTIONS, asked, at, consume
from servers import Certificate, certificate, docker_registry, free_port, nginx
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.publishing import oci
from vpc_cni_iam.publishing.publish import publish
from vpc_cni_iam.publishing.versioning.semver import Version

pytestmark = pytest.mark.engine
FIRST = Version.of("1.0.0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificate"))


def oras(made: Certificate, folder: Path, target: str, version: str) -> None:
    source = f"{folder / 'oci'}:{version}"
    authority = ["--to-ca-file", str(made.authority)]
    subprocess.run(
        [tool("oras-1.3.0"), "cp", "--from-oci-layout", source, *authority, f"{target}:{version}"],
        check=True,
        capture_output=True,
    )


def test_opentofu_installs_by_tag_and_by_digest(
    made: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    tofu = at(make_engine(TOFU, tmp_path), tmp_path, "", SSL_CERT_FILE=str(made.authority))
    dist = tmp_path / "dist"
    with docker_registry(tmp_path, made) as host:
        target = f"{host}/platform/vpc-cni-iam"
        done = publish(dist, OPTIONS, asked(target), FIRST)
        oras(made, dist, target, "1.0.0")
        sources = {
            "tag": f'  source = "oci://{target}?tag=1.0.0"',
            "digest": f'  source = "oci://{target}?digest={done.digest}"',
        }
        roles = {"role": f'  source = "oci://{target}//modules/role?tag=1.0.0"'}
        consume(tofu, tmp_path / "root", sources, roles)
        # The registry would take other bytes under the tag; the tool looks, and refuses.
        assert publish(dist, OPTIONS, asked(target), FIRST).digest == done.digest
        with pytest.raises(PublishError, match=r"the tag 1\.0\.0 would move"):
            publish(tmp_path / "other", options(cni_version="v1.21.2"), asked(target), FIRST)
        assert not (tmp_path / "other").exists()
    with pytest.raises(PublishError, match="cannot be asked"):
        oci.check_tag(target, FIRST, done.digest)


@pytest.mark.parametrize("name", [TERRAFORM_NEWEST, TOFU])
def test_nginx_serves_the_registry_with_discovery(
    name: str, made: Certificate, tmp_path: Path
) -> None:
    port = free_port()
    here = replace(AT, host=f"127.0.0.1:{port}")
    dist = tmp_path / "dist"
    publish(dist, OPTIONS, asked(at=here), FIRST)
    publish(dist, OPTIONS, asked(at=here), Version.of("1.0.1"))
    site = (dist / "nginx.conf").read_text()
    for old, new in (
        (f"listen      {port} ssl", f"listen      127.0.0.1:{port} ssl"),
        ("/etc/ssl/certs/127.0.0.1.pem", str(made.certificate)),
        ("/etc/ssl/private/127.0.0.1.key", str(made.key)),
        ("/srv/vpc-cni-iam/registry", str(dist / "registry")),
    ):
        assert old in site
        site = site.replace(old, new)
    (dist / "registry" / ".vpc-cni-iam-new-x").write_text("half")
    engine = at(make_engine(name, tmp_path), tmp_path, "", SSL_CERT_FILE=str(made.authority))
    with nginx(tmp_path, site, port):
        sources = {
            "newest": f'  source = "{here.source}"\n  version = "~> 1.0"',
            "exact": f'  source = "{here.source}"\n  version = "1.0.0"',
        }
        consume(engine, tmp_path / "root", sources)
        for path, code in (
            ("/.vpc-cni-iam-new-x", 404),
            ("/.well-known/terraform.json", 200),
            (f"/v1/modules/{here.path}/9.9.9/download", 404),
            (f"/v1/modules/{here.path}/1.0.0/{ARCHIVE.format('1.0.0')}", 200),
        ):
            assert status(f"https://{here.host}{path}", made) == code, path


def status(url: str, made: Certificate) -> int:
    trusted = ssl.create_default_context(cafile=str(made.authority))
    try:
        with urllib.request.urlopen(url, context=trusted) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
