"""The facts, as JSON; a package so that importlib.resources finds them in any installation."""
