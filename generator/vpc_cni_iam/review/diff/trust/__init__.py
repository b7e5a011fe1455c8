"""Trust policies on both sides of a plan: who can assume a role, and what is wrong with them."""
