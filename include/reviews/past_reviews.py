"""The reviews of one file, as past nights would have known them; for backtests, which have no lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import SourceError
from include.lake.tables import QUARANTINE_SCHEMA, REVIEWS_SCHEMA
from include.paths import path_of
from include.reviews.drop import REVIEWS, read_review_file
from include.reviews.effects import ReviewEffects, effects_of
from include.reviews.intake import KNOWN_DAYS, confirmed_by, once
from include.reviews.risk import FINDINGS_SCHEMA, MEASURED_DAYS, codes_of


@dataclass(frozen=True)
class PastReviews:
    """Reviews, and what was found of the postings that they are about.

    Attributes
    ----------
    reviews
        Reviews (`REVIEWS_SCHEMA`); the night of each is the first one after the day on which it became known.
    refused
        Invalid rows of the file (`QUARANTINE_SCHEMA`).
    findings
        Findings of the reviewed postings on the nights played so far: `FINDINGS_SCHEMA` with the night.
    """

    reviews: pa.Table
    refused: pa.Table
    findings: pa.Table

    @classmethod
    def none(cls) -> Self:
        """No reviews."""
        return cls(REVIEWS_SCHEMA.empty_table(), QUARANTINE_SCHEMA.empty_table(), _FOUND.empty_table())

    @classmethod
    def read(cls, path: str, night: date) -> Self:
        """The reviews of a CSV or Parquet file, which stays where it is.

        Parameters
        ----------
        path
            The file.
        night
            The night that the quarantine names for rows that are not let in.

        Raises
        ------
        SourceError
            When the file cannot be read.
        """
        try:
            file = read_review_file(path_of(path))
        except OSError as error:
            raise SourceError(
                f"the reviews in {path} cannot be read ({error.strerror or error}): name a CSV or Parquet file",
                place=path,
            ) from error
        refused = [{**row, "night": night, "settlement_date": None, "relation": REVIEWS.name} for row in file.refused]
        return cls(
            once(file.rows.add_column(0, REVIEWS_SCHEMA.field("settlement_date"), _first_nights(file.rows))),
            pa.Table.from_pylist(refused, schema=QUARANTINE_SCHEMA),
            _FOUND.empty_table(),
        )

    @property
    def notes(self) -> list[str]:
        """A sentence on the rows that were not let in, where there are any."""
        rows = self.refused.num_rows
        return [f"reviews: {rows} rows were not let in; the quarantine says which and why"] if rows else []

    def confirmed(self, before: date) -> frozenset[int]:
        """Postings whose latest decision, of those known before a date, confirms an anomaly."""
        return confirmed_by(self.reviews, before)

    def effects(self, night: date, postings: pa.Table) -> ReviewEffects:
        """What the reviews known before a night do to it; `postings` are those of the look-back and of the night."""
        since = pa.scalar(night - timedelta(days=KNOWN_DAYS))
        is_known = pc.and_(_from(self.reviews, since), _until(self.reviews, night))
        measured = self.findings.filter(_from(self.findings, pa.scalar(night - timedelta(days=MEASURED_DAYS))))
        return effects_of(self.reviews.filter(is_known), measured.select(FINDINGS_SCHEMA.names), postings, night)

    def after(self, scores: pa.Table) -> Self:
        """The same reviews, with the findings of a night that was played (`SCORES_SCHEMA`)."""
        theirs = scores.filter(pc.is_in(scores["trans_id"], value_set=self.reviews["trans_id"].combine_chunks()))
        found = theirs.append_column("code", codes_of(theirs["reasons"])).select(_FOUND.names)
        return replace(self, findings=pa.concat_tables([self.findings, found.cast(_FOUND)]))


_FOUND = pa.schema([REVIEWS_SCHEMA.field("settlement_date"), *FINDINGS_SCHEMA])


def _first_nights(rows: pa.Table) -> pa.Array:
    """The day after each review became known: a night knows what lies before it."""
    known = pc.cast(pc.cast(rows["known_at"], pa.timestamp("us")), pa.date32(), safe=False).cast(pa.int32())
    return pc.add(known, pa.scalar(1, pa.int32())).cast(pa.date32())


def _from(rows: pa.Table, day: pa.Scalar) -> pa.ChunkedArray:
    return pc.greater_equal(rows["settlement_date"], day)


def _until(rows: pa.Table, night: date) -> pa.ChunkedArray:
    return pc.less_equal(rows["settlement_date"], pa.scalar(night))
