"""What is said of errors: tables of those that are known, and the lines of a report."""
