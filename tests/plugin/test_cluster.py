"""Which cluster it is of several with one name, by files of EKS."""

from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster, cluster_of

ARN = "arn:aws-us-gov:eks:us-gov-west-1:111122223333:addon/prod/vpc-cni/1"


def test_an_arn_tells_the_region_and_the_account_of_a_cluster() -> None:
    cluster = cluster_of("prod", ARN)
    assert cluster == EksCluster("prod", "us-gov-west-1", "111122223333")
    assert cluster_of("prod", "") == EksCluster("prod")


def test_a_cluster_is_placed_by_its_region_or_account() -> None:
    assert not ANY_CLUSTER.is_placed and not EksCluster("prod").is_placed
    assert EksCluster("prod", "eu-west-1").is_placed
    assert EksCluster("prod", account="111122223333").is_placed
