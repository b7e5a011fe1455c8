"""Says what an installation consists of and what is wrong with it, for bug reports."""
