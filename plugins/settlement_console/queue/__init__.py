"""The queue: cases in their order, one case with its forms, decisions in bulk, and corrections for the back office."""
