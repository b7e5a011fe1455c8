"""Scripts that action.yml runs beside the command."""
