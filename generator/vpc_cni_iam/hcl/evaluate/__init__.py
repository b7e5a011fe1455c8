"""Evaluates HCL expressions as far as they can be known without an engine."""
