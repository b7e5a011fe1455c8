"""Why a request of the plugin was denied: which call it is, what breaks, and what allows it."""
