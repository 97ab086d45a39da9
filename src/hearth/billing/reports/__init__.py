"""Reports of usage: by model, key, user, deployment and day, and as series of time."""
