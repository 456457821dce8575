"""A whole selection in one process after another: what the DAG's tasks do, for the command line and benchmarks."""

from __future__ import annotations

from datetime import date
from typing import Any

from tqdm import tqdm

from include.selection.candidate_runner import try_candidate
from include.selection.comparing import compare
from include.selection.plan import CandidateError, work_folder
from include.selection.preparing import prepare
from include.selection.promotion import promote


def run_selection(
    source_uri: str, lake_uri: str, before: date, selection_id: str, *, is_promoted: bool = False, by: str = ""
) -> dict[str, Any]:
    """Prepare, try every candidate, compare; and promote, when asked to and the winner is better beyond noise.

    Returns
    -------
    dict
        What `compare` gives, with `promoted`.
    """
    try:
        prepared = prepare(source_uri, lake_uri, before, selection_id)
        for name in tqdm(prepared["candidates"], unit="candidate"):
            try:
                try_candidate(lake_uri, selection_id, name)
            except CandidateError as error:
                tqdm.write(str(error))
        found = compare(lake_uri, source_uri, selection_id)
    finally:
        # Records lie there in the clear, and nobody takes this selection up again.
        work_folder(lake_uri, selection_id).clear()
    promoted = is_promoted and found["is_better"] and found["challenger"] is not None
    if promoted:
        promote(lake_uri, found["challenger"], by=by, why=found["verdict"], champion=found["champion"])
    return {**found, "promoted": promoted}
