"""The texts about errors: tables of known errors, and the lines of a report."""
