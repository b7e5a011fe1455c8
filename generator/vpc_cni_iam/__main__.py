"""Lets ``python -m vpc_cni_iam`` stand in for the ``vpc-cni-iam`` command."""

from vpc_cni_iam.cli.main import main

if __name__ == "__main__":
    main()
