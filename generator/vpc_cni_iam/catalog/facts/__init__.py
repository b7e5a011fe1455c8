"""Facts from upstream's repository and from AWS, each with its source.

``data/`` names commits of the repository aws/amazon-vpc-cni-k8s. Nothing is read at import.
"""
