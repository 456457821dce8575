"""The pages of the work on findings: backlog, delays, precision, money, and second looks."""
