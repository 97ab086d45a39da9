"""A day of load on an inventory, in virtual time."""
