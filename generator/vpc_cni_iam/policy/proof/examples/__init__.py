"""Example requests, as realistic as can be, for counterexamples."""
