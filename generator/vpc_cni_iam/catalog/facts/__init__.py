"""What was read in upstream's repository and at AWS, each fact with its source.

``data/`` names the commits of the repository aws/amazon-vpc-cni-k8s. Nothing is read at import.
"""
