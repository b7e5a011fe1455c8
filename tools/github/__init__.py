"""What action.yml runs beside the command."""
