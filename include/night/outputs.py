"""What a night publishes, gathered from what its steps left: tables, state, the digest of its inputs, its summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from include.lake import Lake
from include.lake.tables import Table
from include.lake.version import code_version
from include.learning import PROFILE_TABLE, REFRESH_TABLE
from include.marts import MART_TABLES, SHOWN_DISTRICT_MONTHS, Earlier, NightFigures, marts_of
from include.masking.finding_ids import with_alert_ids, with_break_ids, with_score_ids
from include.masking.keys import Namer
from include.masking.places import shown_places
from include.night import carried_state
from include.night.handoffs import Admitted, Checked, Described, Lookback, NightReviews, Restated, RunStart, Scored
from include.night.late import STATE_TOTALS, known_totals, late_changes, totals_as_of
from include.night.publishing import NightOutputs, as_published, data_snapshot
from include.night.request import NightRequest
from include.night.results import ManifestSummary
from include.night.reviewing import kept_reviews
from include.night.watching import kept_watch
from include.night.workspace import Workspace
from include.publish.alerts import alert_queue
from include.quality.sealed_quarantine import seal_quarantine
from include.relations import FIN_TRANSACTION
from include.reviews.risk import dismissed_warnings
from include.security.envelope import Envelope
from include.settings import Settings


@dataclass(frozen=True)
class Unpublished:
    """A night that is played and not published yet.

    Attributes
    ----------
    known_totals
        Control totals as the night before knows them (`STATE_TOTALS`); None on a first night.
    late
        Sentences on settlement dates whose records changed and for which no night was restated.
    namer
        Namer of findings.
    """

    night: date
    settings: Settings
    start: RunStart
    reviews: NightReviews
    restated: Restated
    admitted: Admitted
    workspace: Workspace
    checked: Checked
    scored: Scored
    known_totals: pa.Table | None
    late: tuple[str, ...]
    namer: Namer

    @classmethod
    def load(cls, request: NightRequest, workspace: Workspace, lake: Lake, namer: Namer) -> Self:
        """The night as its steps left it, held against the night before as the lake has it now."""
        night, start = request.night, RunStart.load(workspace)
        known = None if start.is_first else known_totals(lake, night)
        return cls(
            night=night,
            settings=request.settings,
            start=start,
            reviews=NightReviews.load(workspace),
            # A night that is itself restated restates no others.
            restated=Restated.find(workspace) or Restated(),
            admitted=Admitted.load(workspace),
            workspace=workspace,
            checked=Checked.load(workspace),
            scored=Scored.load(workspace),
            known_totals=known,
            late=_late_sentences(request, known, start.totals),
            namer=namer,
        )

    def outputs(self, lake: Lake) -> NightOutputs:
        """Everything the night leaves in the lake."""
        scores = with_score_ids(self.scored.scores, self.namer)
        breaks = with_break_ids(self.checked.breaks, self.namer)
        published = as_published(
            {
                FIN_TRANSACTION.name: self.admitted.postings,
                "anomaly_scores": scores,
                "settlement_breaks": breaks,
                "quarantine": self.admitted.quarantined,
                "alerts": with_alert_ids(self._alerts(breaks, scores), self.namer),
            }
        )
        marts = self._marts(lake, published)
        shown = {"mart_district_months": marts.pop(SHOWN_DISTRICT_MONTHS)}
        return NightOutputs(
            published=published,
            sealed_quarantine=seal_quarantine(
                published["quarantine"], self.night, Envelope.open(self.settings, lake.identity)
            ),
            statics=self.admitted.statics,
            state=self._state(lake),
            counts=self.admitted.counts,
            derived=[(MART_TABLES[name], rows) for name, rows in marts.items()],
            shown=shown,
        )

    def _marts(self, lake: Lake, published: dict[str, pa.Table]) -> dict[str, pa.Table]:
        """The night's marts, and the district months that masked readers may see."""
        started, described = self.start.started_at, Described.find(self.workspace)
        seconds = (datetime.now(UTC) - started).total_seconds()
        return marts_of(
            self.night,
            published,
            self.admitted.statics,
            figures=NightFigures(self.scored.model_version, code_version(), self.admitted.counts, seconds),
            places=shown_places(self.admitted.statics, self.night),
            reviews=self.reviews.known,
            closings=self.checked.state_after["state_chain"],
            features=None if described is None else described.features,
            earlier=Earlier.of(lake, self.night),
        )

    def snapshot(self) -> str:
        """Digest of everything the night read.

        The names of the tables are part of it, so that they stay as they are, whatever the work folder calls them.
        """
        # Nothing where nothing was reviewed.
        reviewed = {"reviews.known": self.reviews.known, "reviews.findings": self.reviews.findings}
        return data_snapshot(
            {
                **self.admitted.accepted,
                **self.checked.state_before,
                **self.scored.state_before,
                "lookback": self._lookback(),
                "scores.before": self.scored.earlier,
                "quarantined": self.admitted.quarantined,
                "late": pa.table({"text": pa.array(self.late, pa.string())}),
                "notices": self.scored.notices,
                **{name: rows for name, rows in reviewed.items() if rows.num_rows},
            }
        )

    def summary(self, outputs: NightOutputs) -> ManifestSummary:
        """The summary that the manifest keeps."""
        return {
            "rows_in": outputs.counts.offered_rows,
            "quarantined": outputs.counts.refused_rows,
            "breaks": dict(sorted(Counter(outputs.published["settlement_breaks"]["check_code"].to_pylist()).items())),
            "flagged": pc.sum(outputs.published["anomaly_scores"]["is_flagged"]).as_py() or 0,
            "model": self.scored.model_note,
            "skipped": list(self.checked.skipped),
            # What may explain most of the breaks is read before anything else.
            "warnings": [*self.checked.warnings, *self.admitted.warnings, *self.scored.warnings],
            # Nights that were restated took in what came later still, and report it among their alerts.
            "late": list(dict.fromkeys([*self.restated.late, *self.late])),
            "restated": [night.isoformat() for night in self.restated.nights],
            "notices": self.scored.notices["text"].to_pylist(),
        }

    def _alerts(self, breaks: pa.Table, scores: pa.Table) -> pa.Table:
        return alert_queue(
            breaks,
            scores,
            self.admitted.postings,
            late=self._told(self.late),
            watched=carried_state.of_night(self.scored.notices, self.night).to_pylist(),
            dismissed=dismissed_warnings(self.reviews.known, self.night),
            heads=self._told(self.checked.warnings),
        )

    def _told(self, sentences: tuple[str, ...]) -> list[dict[str, Any]]:
        """Sentences as rows of the queue."""
        return [{"settlement_date": self.night, "text": sentence} for sentence in sentences]

    def _state(self, lake: Lake) -> list[tuple[Table, pa.Table]]:
        night, after = self.night, {**self.checked.state_after, **self.scored.state_after}
        return [
            *(
                (carried_state.state_table(name, rows.schema), carried_state.of_night(rows, night))
                for name, rows in after.items()
            ),
            *self._chain(lake),
            (PROFILE_TABLE, carried_state.of_night(self.scored.profile, night)),
            (REFRESH_TABLE, carried_state.of_night(self.scored.refresh_rows, night)),
            *kept_watch(self.scored, night),
            *kept_reviews(self.reviews, night),
            (carried_state.STATE_LOOKBACK, carried_state.of_night(self._kept_lookback(), night, "night")),
            (STATE_TOTALS, totals_as_of(night, self.known_totals, self.start.totals)),
        ]

    def _chain(self, lake: Lake) -> list[tuple[Table, pa.Table]]:
        """Which nights the night follows, and which it shares its alert budget with."""
        night = self.night
        first = night if self.start.is_first else carried_state.first_night_of(lake, night)
        start = pa.table({"settlement_date": pa.array([night]), "first_night": pa.array([first])})
        since = pa.array([self.scored.budget_since])
        budget = pa.table({"settlement_date": pa.array([night]), "budget_since": since})
        return [(carried_state.STATE_CHAIN_START, start), (carried_state.STATE_BUDGET, budget)]

    def _lookback(self) -> pa.Table:
        return Lookback.load(self.workspace).postings

    def _kept_lookback(self) -> pa.Table:
        """The look-back of a first night; later nights read theirs from what is published."""
        lookback = self._lookback()
        return lookback if self.start.is_first else lookback.schema.empty_table()


def _late_sentences(request: NightRequest, known: pa.Table | None, found: pa.Table) -> tuple[str, ...]:
    """Sentences on the settlement dates whose records changed since the night before took them in."""
    # Not what `restate_late_nights` found, which compared the same totals to know which nights to play again: since
    # then the night before may have been played again, by that step or by another run. What it took in is told among
    # its own alerts, and a rerun of tonight, which sees that night as it is now, must publish the same.
    if known is None:
        return ()
    days = request.settings.restate_days
    return tuple(change.sentence(days) for change in late_changes(known, found, request.night))
