"""Local changes of a module: what they mean, and files that change it from beside."""
