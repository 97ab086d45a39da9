"""Credit: what operators grant and codes bring, and how an account pays."""
