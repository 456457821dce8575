"""Everything that the reviews known on a night do to it, out of one session of the embedded engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.reviews.queries import queries
from include.reviews.risk import feedback_from
from include.scoring.review_adjustment import Feedback


@dataclass(frozen=True)
class ReviewEffects:
    """What the reviews known on a night say.

    Attributes
    ----------
    decisions
        Rows of `decisions.sql`: the latest decision on each posting.
    feedback
        What moves the scores of the night's postings.
    under_review
        Accounts with a posting or a break that was confirmed or that nobody is sure about: a refresh does not learn
        from what they do.
    """

    decisions: pa.Table
    feedback: Feedback
    under_review: frozenset[int]


def effects_of(reviews: pa.Table, findings: pa.Table, postings: pa.Table, night: date) -> ReviewEffects:
    """What the known reviews do to a night.

    Parameters
    ----------
    reviews
        Those the night knows, see `include.reviews.intake.known_reviews`.
    findings
        What was published of the reviewed postings, see `include.reviews.risk.findings_of`.
    postings
        Transactions of the night and of the look-back, `WINDOW_DAYS` more than `MEASURED_DAYS` of it.
    night
        The night; later postings, and reviews that later nights took in, are not looked at.
    """
    with queries(reviews=reviews, postings=postings, findings=findings) as engine:
        decisions = engine.keep("decisions", night=night)
        breaks = engine.keep("break_decisions", night=night)
        feedback = feedback_from(engine, night) if reviews.num_rows else Feedback.none()
    return ReviewEffects(decisions, feedback, _accounts(decisions, breaks, postings))


def _accounts(decisions: pa.Table, breaks: pa.Table, postings: pa.Table) -> frozenset[int]:
    of_postings, of_breaks = _undismissed(decisions)["trans_id"], _undismissed(breaks)
    theirs = postings.filter(pc.is_in(postings["trans_id"], value_set=of_postings.combine_chunks()))
    # What names a posting is closed with the posting.
    breaks_alone = of_breaks.filter(pc.is_null(of_breaks["trans_id"]))
    return frozenset([*theirs["account_id"].to_pylist(), *breaks_alone["account_id"].to_pylist()])


def _undismissed(decisions: pa.Table) -> pa.Table:
    return decisions.filter(pc.not_equal(decisions["decision"], "dismissed"))
