"""What serves which model: replicas, the reconciler that runs them, and their record in SQL."""
