"""Pages on the nights: all of the last months at a glance, and one night against those before it."""
