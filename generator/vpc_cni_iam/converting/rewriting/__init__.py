"""Replaces the policies that .tf files write out by data sources."""
