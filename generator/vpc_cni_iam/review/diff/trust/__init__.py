"""Trust policies before and after a plan: who can assume a role."""
