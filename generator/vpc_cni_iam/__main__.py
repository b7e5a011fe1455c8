"""Runs the command line as ``python -m vpc_cni_iam``."""

from vpc_cni_iam.cli.main import main

if __name__ == "__main__":
    main()
