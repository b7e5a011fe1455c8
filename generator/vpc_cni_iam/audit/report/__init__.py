"""The lines and sentences of an audit."""
