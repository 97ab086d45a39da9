"""One file per noun of the command line: its place on the wire, its commands and their flags."""
