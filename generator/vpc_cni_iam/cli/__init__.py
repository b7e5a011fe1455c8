"""The command line: options in, one library call, output, exit code. No package imports it."""
