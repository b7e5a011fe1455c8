"""The plugin versions of documents that are not for the plugin's defaults."""

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import METRICS_HELPER
from vpc_cni_iam.versions.works_with import composed_versions, document_versions

NEWEST = str(known_versions.newest())


def test_a_hardened_document_is_checked_on_interfaces_with_the_tag_that_it_claims() -> None:
    hardening = Hardening((), ("pool", "main"), tuple(IdList))
    (document,) = options(("ipv4-scoped",), cni_version="latest", hardening=hardening).composed()
    works = composed_versions(document).works_with
    assert works == f"v1.8.0 to v1.21.2, v1.22.2 to {NEWEST}"
    without = document_versions(document.policy, document.variant)
    assert without.works_with == "no known version"


def test_another_program_is_checked_by_its_own_scenario() -> None:
    (document,) = options((METRICS_HELPER.name,), cni_version="latest").composed()
    versions = composed_versions(document)
    assert (versions.works_with, versions.missing) == (f"v1.5.0 to {NEWEST}", ())
