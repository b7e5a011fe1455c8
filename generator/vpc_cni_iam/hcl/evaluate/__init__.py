"""Evaluates HCL expressions without an engine; what is not known stays unknown."""
