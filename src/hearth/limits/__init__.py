"""Limits: budgets and rates that hold over any number of gateways."""
