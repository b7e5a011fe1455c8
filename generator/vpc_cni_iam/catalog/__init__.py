"""What upstream says: policy documents by revision, EC2 calls by release, each with its source.

Source: the repository aws/amazon-vpc-cni-k8s at the commits that ``data/`` names, and the AWS
managed policy AmazonEKS_CNI_Policy. Nothing is read at import.
"""
