"""Quality of the records: the gate that accepts or refuses them, the quarantine and the Data Docs."""

from include.quality.admission import Admission, Counts, RefusedError, SuiteResult
from include.quality.data_docs import DataDocs
from include.quality.gate import admit, admit_statics, check_scores

__all__ = ["Admission", "Counts", "DataDocs", "RefusedError", "SuiteResult", "admit", "admit_statics", "check_scores"]
