"""Models as resources: made, uploaded, validated, changed, deleted."""
