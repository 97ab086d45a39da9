"""The regions that deployments may run in, to read: what each has, what is free, what it costs."""
