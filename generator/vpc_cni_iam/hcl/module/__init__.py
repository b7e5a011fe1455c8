"""A whole module: its variables with their values, and its policy documents."""
