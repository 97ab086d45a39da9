"""Where replicas go: a pure function of the inventory and what is asked."""
