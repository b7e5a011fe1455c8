"""What maintainers need and users do not: engines, following upstream, what is generated."""
