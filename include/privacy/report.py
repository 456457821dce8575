"""The report on what the lake holds on one client, which names no number of the client's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

from upath import UPath

from include.errors import SettingsError
from include.lake import Lake
from include.masking.keys import NameKeyStore
from include.paths import is_object
from include.privacy.client_cases import ClientCases
from include.privacy.holdings import Held, counterparty_rows, holdings, nights_of, numbers_present, with_names
from include.privacy.lake_files import LakeFiles
from include.privacy.learned import LearnedModel, learned_from
from include.privacy.retention import Retention
from include.privacy.rules import require_rules, rule_of
from include.privacy.selecting import Selection
from include.privacy.subject import Subject, posting_days
from include.registry.erasures import Erasure, ErasureLog
from include.security.envelope import Envelope
from include.settings import Settings


@dataclass(frozen=True)
class Findings:
    """Everything that the lake holds on a client.

    Attributes
    ----------
    subject
        The client.
    selection
        Tells the client's rows.
    held
        Rows by table.
    files
        Files beside the tables.
    cases
        What the case book holds.
    models
        Models that may have learned from the client.
    """

    subject: Subject
    selection: Selection
    held: tuple[Held, ...]
    files: LakeFiles
    cases: ClientCases
    models: tuple[LearnedModel, ...]

    @classmethod
    def of(cls, lake_uri: str, lake: Lake, subject: Subject, settings: Settings, begun: Erasure | None = None) -> Self:
        """Look through the whole lake.

        Parameters
        ----------
        lake_uri, lake
            The lake.
        subject
            The client.
        settings
            Settings of the installation.
        begun
            Unfinished erasure of the client, whose nights may no longer hold any row.

        Raises
        ------
        TerminalError
            When a table has no rule that says whose its rows are.
        """
        require_rules(lake.catalog.names())
        keys = NameKeyStore.open(lake_uri, settings).find()
        selection = with_names(lake, Selection(subject, Envelope.open(settings, lake.identity), keys))
        held = holdings(lake, selection)
        nights = {*nights_of(held), *(part.night for part in (begun.nights if begun else ()))}
        return cls(
            subject=selection.subject,
            selection=selection,
            held=tuple(held),
            files=LakeFiles.find(lake_uri, nights, selection, settings),
            cases=ClientCases.find(lake_uri, selection, settings),
            models=tuple(learned_from(lake_uri, posting_days(lake, subject.accounts), settings)),
        )

    @property
    def nights(self) -> list[date]:
        """The nights that hold something of the client's, the oldest first."""
        return nights_of(self.held)

    def as_dict(self, lake: Lake) -> dict[str, Any]:
        """The findings for people."""
        return {
            "accounts": {"erased": len(self.subject.accounts), "stay_with_others": len(self.subject.shared)},
            "tables": [held.as_dict() for held in self.held],
            "files": self.files.as_dict(),
            "case_book": self.cases.as_dict(),
            "models": [model.as_dict() for model in self.models],
            "postings_of_others_that_name_the_accounts": counterparty_rows(lake, self.subject.accounts),
            "tables_without_rows_of_clients": {
                name: rule.kept_because for name in lake.catalog.names() if (rule := rule_of(name)).kept_because
            },
        }


def held_on(lake_uri: str, client: int, settings: Settings, today: date) -> dict[str, Any]:
    """What the lake holds on a client, and what an erasure would do; nothing is touched.

    Parameters
    ----------
    lake_uri
        The lake.
    client
        The client's number in `fin_client`.
    settings
        Settings of the installation.
    today
        Day from which the duty to keep records is seen.

    Raises
    ------
    SettingsError
        When the lake holds no such client.
    """
    lake, log = Lake.open(lake_uri, settings), ErasureLog.read(lake_uri, settings)
    if log.unfinished is not None and log.is_pending(client):
        return {"is_erased": False, "remarks": [_unfinished(log.unfinished.request)]}
    subject = subject_of(lake, log, client, settings)
    if subject is None:
        return nothing_held(log, client)
    findings = Findings.of(lake_uri, lake, subject, settings)
    retention = Retention.of(lake, subject, settings.retention_years)
    return {
        "is_erased": False,
        **findings.as_dict(lake),
        "retention": retention.as_dict(today),
        "remarks": remarks(
            lake_uri, lake, findings, log.erased_among([client]), today + timedelta(settings.retrain_days)
        ),
    }


def subject_of(lake: Lake, log: ErasureLog, client: int, settings: Settings) -> Subject | None:
    """The client as the lake knows them, or by what came back since their erasure; None where nothing is held."""
    require_rules(lake.catalog.names())
    found = Subject.find(lake, client)
    if found is not None or not log.erased_among([client]):
        return found
    present = numbers_present(lake, Envelope.open(settings, lake.identity))
    returned = {column: log.erased_with(client, column, numbers) for column, numbers in present.items()}
    return Subject.of_returned(lake, returned) if any(returned.values()) else None


def nothing_held(log: ErasureLog, client: int) -> dict[str, Any]:
    """The answer on a client of whom nothing is held since an erasure.

    Raises
    ------
    SettingsError
        When none was erased either.
    """
    earlier = log.erased_among([client])
    if not earlier:
        raise SettingsError(
            "the lake holds no client of that number, now or in an older version of its tables: give the number that "
            "fin_client has",
            setting="client",
        )
    done = next(each for each in log.erasures if each.request == earlier[-1])
    return {
        "is_erased": True,
        "request": done.request,
        "completed_at": done.completed_at,
        "train_by": done.train_by,
        "models": list(done.models),
    }


def remarks(lake_uri: str, lake: Lake, findings: Findings, earlier: Sequence[str], train_by: date) -> list[str]:
    """What a person has to know of the request and of what follows from an erasure."""
    nights = findings.nights
    said = [
        (nights, _not_replayed(nights)),
        (findings.models, f"The models are to be trained anew by {train_by} (Article 12(3) of the GDPR: one month)."),
        (findings.subject.shared, "Accounts that another client may use too stay with that client, with all postings."),
        (_stands_in_source(lake, findings.subject), _AT_THE_SOURCE),
        (findings.files.extracts, _EXTRACTS),
        (_keeps_versions(lake_uri), _VERSIONS),
        (earlier, f"The client was erased before ({', '.join(earlier)}) and came back with a later night."),
    ]
    return [_OTHERS, *(sentence for holds, sentence in said if holds)]


_OTHERS = (
    "Postings of other clients whose counterparty has the number of an erased account are those clients' data and stay."
)
_AT_THE_SOURCE = (
    "The newest night still read the client from the source. The source is the bank's: a night that is played while "
    "it holds the client takes the client in again, and warns of it. Remove the client there first."
)

_EXTRACTS = (
    "An erasure deletes all extracts for Tableau. The next night writes the masked ones again; python -m include "
    "extract does at once, with --unmasked the others. Copies that Tableau or people have taken are theirs to delete."
)

_VERSIONS = (
    "The lake's bucket keeps older versions of what is deleted or replaced in it, or nobody can tell as "
    "s3:GetBucketVersioning is not allowed. An erasure leaves them: delete them, or have a rule of the bucket expire "
    "versions that are no longer current within the time that an erasure may take."
)


def _keeps_versions(lake_uri: str) -> bool:
    if not is_object(UPath(lake_uri)):
        return False
    from include.aws.bucket import keeps_versions  # brings boto3, which takes half a second

    return keeps_versions(lake_uri)


def _not_replayed(nights: Sequence[date]) -> str:
    span = f"{nights[0]} to {nights[-1]}" if nights else ""
    return (
        f"The nights from {span}, and those whose look-back or state reaches them, rest on rows that an erasure takes: "
        "they cannot be replayed to the same hash. They verify against the seal of what remains."
    )


def _unfinished(request: str) -> str:
    return f"The erasure {request} was begun and not finished: run the command with --erase again, which completes it."


def _stands_in_source(lake: Lake, subject: Subject) -> bool:
    """Whether the client relation, as the newest night took it in, holds the client."""
    clients = lake.read("fin_client", columns=["client_id"])["client_id"].to_pylist()
    return not subject.numbers["client_id"].isdisjoint(clients)
