"""What Tableau opens: extracts of the marts, a workbook over them, and data sources of a live connection to Athena."""

from include.tableau.extracts import Exported, write_extracts
from include.tableau.folder import MASKED_FOLDER, UNMASKED_FOLDER, ExtractFolder, extract_of

__all__ = ["MASKED_FOLDER", "UNMASKED_FOLDER", "Exported", "ExtractFolder", "extract_of", "write_extracts"]
