"""Publication: the alert queue, inert texts, the night's hash, and files for people."""
