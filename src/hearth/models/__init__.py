"""Models of accounts: created, uploaded, validated, downloaded, prepared."""
