"""The measuring stick: anomalies planted into a bank's own postings, and figures on who finds them."""
