"""The `hearth` command: one file per noun."""
