"""The README.md of a published directory: how each part of it is put where others find it."""

from __future__ import annotations

from vpc_cni_iam.publishing.address import NAME, REPOSITORY, SYSTEM, Coordinates


def guide(coordinates: Coordinates) -> str:
    """Return the text.

    Args:
        coordinates: Where the module is found.
    """
    return _TEXT.format(
        path=f"registry/v1/modules/{coordinates.path}/X.Y.Z",
        name=NAME,
        system=SYSTEM,
        repository=REPOSITORY,
        source=coordinates.source,
        namespace=coordinates.namespace,
        host=coordinates.host,
    )


_TEXT = """\
# Published versions of {repository}

Written by `vpc-cni-iam publish`, and added to by it; X.Y.Z stands for a version. A published
version never changes. Put `registry/` out in this order, so that nobody sees a version before its
files are there: the folders of versions, then the `versions` files.

| what | where |
| --- | --- |
| the module, to read | `{repository}/X.Y.Z/` |
| archives, their sums, the provenance | `{path}/` |
| a module registry, as static files | `registry/` |
| an OCI image layout of all versions | `oci/` |

## A registry behind nginx

Serve `registry/` as [nginx.conf](nginx.conf) shows, over TLS under the name {host}:

```hcl
module "vpc_cni_policy" {{
  source  = "{source}"
  version = "~> X.Y"
}}
```

To try it here: `vpc-cni-iam registry serve .`

## A registry in an object store

Upload `registry/` with the content type `application/json` for what has no suffix. Terraform wants
the answer to `.../X.Y.Z/download` to carry a header `X-Terraform-Get` with the `location` that the
file there holds. Object stores send no header of that name: let the CDN in front of it add one, by
a function or by a response header for each of these paths. OpenTofu reads the file itself.

## An archive, without a registry

```hcl
module "vpc_cni_policy" {{
  source = "https://{host}/{repository}-X.Y.Z.tar.gz?checksum=sha256:SUM"
}}
```

with SUM from `{path}/SHA256SUMS`.

## A git repository

`vpc-cni-iam publish ... --git-tag REPOSITORY` commits the tree and the tag `vX.Y.Z`. Push the two
together: `git push --atomic origin HEAD vX.Y.Z`.

## An OCI registry, for OpenTofu

A registry lets a tag be moved; `vpc-cni-iam publish ... --oci-repository HOST/NAME` looks first
whether it would be. Then

```sh
oras cp --from-oci-layout oci:X.Y.Z HOST/NAME:X.Y.Z
```

and `source = "oci://HOST/NAME?tag=X.Y.Z"`, or `?digest=` with the digest that publish printed.

## GitLab

In a CI job, this uploads the archive to the Terraform module registry of the project:

```sh
curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" \\
  --upload-file {path}/{repository}-X.Y.Z.tar.gz \\
  "$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/terraform/modules/{name}/{system}/X.Y.Z/file"
```

Elsewhere, set CI_API_V4_URL and CI_PROJECT_ID, and send `PRIVATE-TOKEN: $GITLAB_TOKEN`. GitLab
answers 403 to a version that it has. The namespace there is the project's top-level group: publish
with that as `--namespace`, and with GitLab's host as `--registry-host`.

## Signing

With cosign 3 and a key pair, kept in a directory that is not served:

```sh
KEYS=/path/to/keys
(cd $KEYS && cosign generate-key-pair && cosign signing-config create --out none.json)
cd {path}
cosign sign-blob --key $KEYS/cosign.key --signing-config $KEYS/none.json \\
  --bundle {repository}-X.Y.Z.tar.gz.sigstore.json {repository}-X.Y.Z.tar.gz
cosign attest-blob --key $KEYS/cosign.key --signing-config $KEYS/none.json \\
  --statement {repository}-X.Y.Z.intoto.json \\
  --bundle {repository}-X.Y.Z.intoto.sigstore.json
cosign sign --key $KEYS/cosign.key --signing-config $KEYS/none.json HOST/NAME@DIGEST
```

The last one signs what was pushed, with the DIGEST that publish printed. Who has `cosign.pub`
checks with

```sh
cosign verify-blob --key cosign.pub --insecure-ignore-tlog \\
  --bundle {repository}-X.Y.Z.tar.gz.sigstore.json {repository}-X.Y.Z.tar.gz
cosign verify-blob-attestation --key cosign.pub --insecure-ignore-tlog --type slsaprovenance1 \\
  --bundle {repository}-X.Y.Z.intoto.sigstore.json {repository}-X.Y.Z.tar.gz
cosign verify --key cosign.pub --insecure-ignore-tlog HOST/NAME@DIGEST
```

`publish` builds on no version whose archives, sums and provenance disagree. Who may write here can
make all of them agree again; a signature is what shows that.

The provenance names both archives and the OCI manifest, so its signature serves the zip archive
too. `none.json` is a configuration without a transparency log, and `--insecure-ignore-tlog` says
that there is no entry in one; leave both out, and the public log gets the signature. Without
`--key`, cosign signs with an identity instead.

These commands were tried with cosign 3.1.3, and a docker-registry for the last of each; the public
log and signing with an identity were not.
"""
