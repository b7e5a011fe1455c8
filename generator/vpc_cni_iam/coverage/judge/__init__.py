"""Whether the plugin works with a role: one lattice of verdicts, and one fold over cases."""
