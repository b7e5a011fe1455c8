"""The command line: options in, one library call, output, exit code. Nobody imports it."""
