"""What Tableau opens: extracts of the marts, a workbook over them, and data sources of a live connection to Athena."""
# It imports nothing: the process that writes an extract starts in half the time without the lake.
