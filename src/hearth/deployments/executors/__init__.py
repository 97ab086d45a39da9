"""Where replicas run: child processes here; a cluster joins behind the same calls."""
