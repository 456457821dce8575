"""A finding's page: what was found, why, what lies around it, and what to do next."""
