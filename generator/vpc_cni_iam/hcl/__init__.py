"""The only package that knows HCL: literals, the writer and the reader."""
