"""The work folder that a night's steps share."""

from __future__ import annotations

from typing import Self

from include.lake.work_folder import WorkFolder
from include.night.request import NightRequest


class Workspace(WorkFolder):
    """The work folder of one run of one night."""

    @classmethod
    def of(cls, request: NightRequest) -> Self:
        """The folder of this request."""
        return cls.at(request.lake_uri, request.night.isoformat(), request.attempt)
