"""Writes a module into a directory beside what is somebody else's."""
