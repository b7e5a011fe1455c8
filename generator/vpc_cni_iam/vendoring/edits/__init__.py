"""Local changes of a module: what they mean, and other files that change the module."""
