"""The night's marts, gathered from what its steps left and from what the lake holds of earlier nights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pyarrow as pa

from include.lake import Lake
from include.lake.version import code_version
from include.marts import Earlier, NightFigures, marts_of
from include.masking.places import shown_places
from include.night.handoffs import Admitted, Checked, Described, NightReviews, RunStart, Scored
from include.night.workspace import Workspace


def marts_of_night(
    lake: Lake, night: date, workspace: Workspace, published: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """The marts of a night that is played and not published yet; see `include.marts.marts_of`.

    Parameters
    ----------
    lake
        The lake, for the marts of earlier nights.
    night
        The settlement date.
    workspace
        Work folder that the steps of the night share.
    published
        Outputs of the night by table, as they are published.
    """
    admitted, checked = Admitted.load(workspace), Checked.load(workspace)
    return marts_of(
        night,
        published,
        admitted.statics,
        figures=_figures(workspace, admitted),
        places=shown_places(admitted.statics, night),
        reviews=NightReviews.load(workspace).known,
        closings=checked.state_after["state_chain"],
        features=Described.load(workspace).features,
        earlier=Earlier.of(lake, night),
    )


def _figures(workspace: Workspace, admitted: Admitted) -> NightFigures:
    started, model = RunStart.load(workspace).started_at, Scored.load(workspace).model_version
    return NightFigures(model, code_version(), admitted.counts, (datetime.now(UTC) - started).total_seconds())
