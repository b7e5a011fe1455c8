"""The one place that knows HCL: literals, the writer and the reader."""
