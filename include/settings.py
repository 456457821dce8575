"""The one frozen settings object, and the only place where the environment is read."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from include.databases.terms import TIMEOUT_SECONDS, ServerTerms, TlsLevel
from include.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PLACE = "default"
"""Name of the installation's own source and lake."""
# No colon, slash, at sign or blank, so that no address is a name; as long as Airflow's connection ids leave room for.
PLACE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
"""Form of the name of a source or lake."""
# A role, a federated user or group of single sign-on, or nobody: the kinds of principals that Lake Formation grants to.
_ROLE_ARN = r"^(arn:aws[a-z-]*:(iam|identitystore|quicksight):[a-z0-9-]*:[0-9]{0,12}:[A-Za-z0-9+=,.@_/-]+)?$"
_KMS_KEY = r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+))?$"
_CODE = r"^[a-z0-9_]{1,60}$"
# https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
LEAST_SCAN_LIMIT = 10_000_000
"""Fewest bytes that Athena takes as the limit of a query."""


class AlertSink(BaseModel):
    """One place that messages are sent to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["email", "ses", "slack", "sns", "webhook"]
    connection: str = Field(min_length=1, description="Id of the Airflow connection that leads there.")
    to: str = Field("", description="Recipients of mail, separated by commas; the ARN of an SNS topic.")
    quiet: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3])-([01]\d|2[0-3]))?$",
        description="Hours in which only critical messages go there, as 20-06, in UTC.",
    )


class AlertRoute(BaseModel):
    """Which messages go to which places; what is left empty does not choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sinks: tuple[str, ...] = Field(min_length=1)
    severity: Literal["info", "warn", "error", "critical"] = "info"
    kinds: frozenset[Literal["night", "drift", "performance", "stopped", "missed"]] = frozenset()
    codes: frozenset[str] = frozenset()


class CaseOutcome(BaseModel):
    """One outcome that a case may have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=_CODE)
    title: str = Field(min_length=1, max_length=80, description="What people read.")
    decision: Literal["confirmed", "dismissed", "unsure"] = Field(description="Decision of the reviews it stands for.")
    reasons: dict[str, str] = Field(min_length=1, description="Reasons that it may have: what people read, by code.")

    @field_validator("reasons")
    @classmethod
    def _codes(cls, given: dict[str, str]) -> dict[str, str]:
        if wrong := sorted(code for code, title in given.items() if not re.fullmatch(_CODE, code) or not title):
            raise ValueError(f"has the reasons {wrong}: a code has 1 to 60 of a-z, 0-9 and _, and each has a title")
        return given


DEFAULT_OUTCOMES = (
    CaseOutcome(
        code="fraud",
        title="Fraud",
        decision="confirmed",
        reasons={
            "account_taken_over": "Somebody else used the account",
            "card_misused": "The card was stolen or copied",
            "forged_order": "The payment order was forged",
            "mule_account": "The account passes on others' money",
            "other": "Another way, see the note",
        },
    ),
    CaseOutcome(
        code="processing_error",
        title="Processing error",
        decision="confirmed",
        reasons={
            "booked_twice": "Booked twice",
            "wrong_amount": "Booked with a wrong amount",
            "not_booked": "Not booked",
            "wrong_account": "Booked on a wrong account",
            "wrong_record": "The delivered record is wrong",
            "other": "Another error, see the note",
        },
    ),
    CaseOutcome(
        code="in_order",
        title="In order",
        decision="dismissed",
        reasons={
            "client_confirmed": "The client confirmed it",
            "known_habit": "It is the client's habit",
            "one_off": "A plausible one-off, such as a purchase or an inheritance",
            "bank_way": "It is the bank's own way",
            "other": "Another reason, see the note",
        },
    ),
    CaseOutcome(
        code="cleared",
        title="Cleared since",
        decision="dismissed",
        reasons={
            "posted_later": "The missing posting came later",
            "reversed": "It was reversed",
            "corrected": "It was corrected at the source",
        },
    ),
    CaseOutcome(
        code="not_clear",
        title="Cannot be told",
        decision="unsure",
        reasons={"no_answer": "Nobody answers", "no_records": "The records do not tell", "other": "See the note"},
    ),
)
"""Outcomes of an installation that names none of its own."""


class Digest(BaseModel):
    """Where somebody's daily digest goes, and from which hour on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sink: str = Field(min_length=1, description="Name of the place, among ADS_ALERT_SINKS.")
    hour: int = Field(7, ge=0, le=23, description="Hour (UTC) from which on it is sent.")


class Settings(BaseSettings):
    """What may differ between two installations; each field is read from `ADS_<NAME>`."""

    # An empty variable counts as unset: that is how make and compose hand on what nobody gave.
    model_config = SettingsConfigDict(env_prefix="ADS_", frozen=True, extra="ignore", env_ignore_empty=True)

    source_uri: str = Field("", repr=False, description="Where the bank's relations come from.")
    lake_uri: str = Field(
        f"file:{PROJECT_ROOT / '.data' / 'lake'}",
        description="Folder or object prefix that holds Iceberg tables, models, Data Docs and work files.",
    )
    # Whoever may trigger a run chooses among these names and gives no address: it would be opened with our rights.
    sources: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description='Further sources by name, as JSON: {"name": "address"}. An address may hold a password, and '
        "declares its own rounding.",
    )
    lakes: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description='Further lakes by name, as JSON: {"name": "address"}. A lake belongs to the source of its name '
        "or, where there is none, to the installation's own.",
    )
    catalog_uri: str = Field(
        "",
        repr=False,
        description="`glue:` for AWS's Glue catalog, `glue:` and 12 digits for another account's, or SQLAlchemy URL of "
        "an Iceberg SQL catalog; a SQLite file in the lake when empty.",
    )
    store_uri: str = Field(
        "",
        repr=False,
        description="SQLAlchemy URL of the database (PostgreSQL or SQLite) for what changes with a click: outbox of "
        "alerts, case book. The catalog's own when empty, which Glue has not.",
    )
    # Athena's rules for the name of a database, which the namespace is there.
    namespace: str = Field(
        "ads",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="Namespace of the lake's tables in the catalog; lakes that share a catalog each need their own.",
    )
    # Athena's own rule for the name of a workgroup; `primary` is the one that every account has.
    athena_workgroup: str = Field(
        "primary",
        pattern=r"^[a-zA-Z0-9._-]{1,128}$",
        description="Workgroup of Athena that views are made in and that keeps the named queries.",
    )
    athena_output_uri: str = Field(
        "",
        pattern=r"^(s3://.+)?$",
        description="Object prefix for what Athena answers; the workgroup's own when empty.",
    )
    athena_scan_limit: int = Field(
        0,
        ge=0,
        description="Bytes that one query in the workgroup may read, at least 10,000,000. With a limit, a deployment "
        "makes the workgroup, or sets it right: results encrypted, its configuration enforced. 0 leaves it as it is.",
    )
    athena_masked_role: str = Field(
        "",
        pattern=_ROLE_ARN,
        description="ARN of the role that may read masked tables alone; it is granted nothing when empty.",
    )
    athena_full_role: str = Field(
        "",
        pattern=_ROLE_ARN,
        description="ARN of the role that may read full tables too; it is granted nothing when empty.",
    )
    mlflow_uri: str = Field(
        "",
        repr=False,
        description="MLflow's store of trainings: a tracking server (https:) or a database of its own (postgresql:, "
        "sqlite:); a SQLite file in the lake when empty. It may hold a password.",
    )
    key_file: Path = Field(
        PROJECT_ROOT / ".data" / "keys" / "lake.key",
        description="The local master key (256 bit), made on first use with mode 0600. Lost, sealed texts are lost.",
    )
    kms_key: str = Field(
        "",
        pattern=_KMS_KEY,
        description="ARN of the KMS key, or of its alias, that seals instead of the local master key; the local one "
        "when empty.",
    )
    # Two keys open only for the time of a re-wrapping: whoever has either could otherwise forge what the lake holds.
    former_key: str = Field(
        "",
        pattern=_KMS_KEY.replace("^(", "^(local|", 1),
        description="Key that still opens what was sealed with it, while the lake is wrapped anew: `local` for the "
        "local master key, or the ARN of a KMS key.",
    )
    anchors_uri: str = Field(
        "",
        description="Folder or object prefix outside the lake for the counters of its sealed records and its place; "
        "beside the key file when empty.",
    )
    encrypted_volume: bool = Field(
        False,
        description="Whether the lake is known to lie on an encrypted volume, where this machine cannot see that: a "
        "disk of EBS or of a hypervisor. Off, a night that does not see it says so.",
    )
    source_timeout_seconds: int = Field(
        TIMEOUT_SECONDS,
        ge=1,
        le=86_400,
        description="Longest time that a database may say nothing, between two answers or two batches of rows. It is "
        "then given up, and the task tried again.",
    )
    database_tls: TlsLevel = Field(
        "verify-full",
        description="Least that is asked of a database's server which is not on this machine, for sources and for the "
        "catalog: `verify-full` is TLS with a checked certificate, `require` TLS with whomever, `off` nothing.",
    )
    database_authorities: Path | None = Field(
        None,
        description="File with the certificates of the authorities that databases' certificates are checked with, such "
        "as RDS's global bundle; those of the system when none.",
    )
    # 92 days hold three whole months, so that every monthly habit has been seen three times.
    # 61 are the fewest that hold a month and another one to compare it with.
    lookback_days: int = Field(
        92, ge=61, description="Days before the night that count as habit; each of them is judged by as many before it."
    )
    reviews_uri: str = Field(
        "", description="Folder or object prefix that reviews are dropped into; `reviews/inbox` in the lake when empty."
    )
    # One a second is faster than anybody decides; a program sends up to 500 reviews with each.
    reviews_per_minute: int = Field(
        60, ge=1, description="Requests with reviews that the console takes from one user within a minute."
    )
    # Four times what one request may hold; one analyst decides some hundred findings on a long day.
    reviews_per_night: int = Field(
        2000, ge=1, description="Reviews that the console takes from one user for one night (a day of UTC)."
    )
    simple_rights: dict[str, frozenset[Literal["viewer", "investigator", "approver", "engineer"]]] = Field(
        default_factory=dict,
        description="Rights in the console under Airflow's simple auth manager, by login, as JSON: "
        '{"login": ["viewer", "approver"]}; a login that is not named has those of its role.',
    )
    # Ten tries are enough for who knows the password, and 14,400 a day are hopeless against one that was drawn.
    wrong_logins_per_minute: int = Field(
        10,
        ge=1,
        description="Failed logins from one address under one name within a minute, before they wait.",
    )
    # A week: Czech interbank clearing of the time settled within days; later corrections are booked as new postings.
    restate_days: int = Field(
        7, ge=0, description="A late record this many days back restates its night; older ones are reported."
    )
    # The contract's own figure: 2 % of an ordinary month's transactions.
    alert_budget: float = Field(0.02, gt=0, lt=1, description="Expected share of transactions flagged.")
    # Measured on the real bank's 22,000 learned rows: full 70 s, quick 15 s on one core.
    training: Literal["full", "quick"] = Field(
        "full", description="How thoroughly models are trained; quick is for trying things out, and finds less."
    )
    seed: int = Field(20, description="Seed of everything random; part of the manifest.")
    # Exact amounts serve reconciliation; who knows one payment of a person can find it by them, which a step prevents.
    masked_amount_step: int = Field(
        0,
        ge=0,
        description="Step that money is rounded to in the masked tables, in the source's money; 0 leaves it as it is. "
        "With a step, masked tables hold no sentences, as these tell the amounts.",
    )
    # Who may trigger a run is not yet somebody who may do without the second pair of eyes.
    headless_approval: bool = Field(
        False,
        description="Whether a run of model_selection may promote without asking, which it must ask for besides "
        "(`approve_headlessly`). Off, a person answers.",
    )
    # Act No. 253/2008 Coll., section 16: records of a client are kept for ten years after the business relationship's
    # end. Act No. 563/1991 Coll., section 31, asks for at most ten years of accounting records. Article 17(3)(b) of the
    # GDPR lets such a duty go before erasure.
    retention_years: int = Field(
        10, ge=0, le=100, description="Years after a client's newest record in which an erasure on request is refused."
    )
    # Article 12(3) of the GDPR: a request is answered without undue delay, within one month.
    retrain_days: int = Field(
        30, ge=1, description="Days after an erasure by which models that learned from the client are trained anew."
    )
    # GX issues 8243 and 11542: sites slow down over hundreds of validations, so only the newest nights stay.
    data_docs_nights: int = Field(31, ge=1, description="Nights kept in the Data Docs site; older ones are archived.")

    extracts: bool = Field(
        True, description="Whether a night writes its extract for Tableau, once it is published; on or off."
    )
    # As the look-back: three whole months, so that a month is seen beside the two before it. A night more costs its
    # own file, and a second whenever all are written anew.
    extract_nights: int = Field(
        92,
        ge=1,
        le=3660,
        description="Days of which extracts for Tableau are kept: one extract each, and the rolling one with them all.",
    )
    athena_region: str = Field(
        "",
        pattern=r"^[a-z0-9-]*$",
        description="AWS region of Athena, for the data sources of Tableau's live connection.",
    )
    # What a night published stays until somebody decides otherwise.
    retention: dict[str, int] = Field(
        default_factory=dict,
        description='Days that the rows of tables are kept for, counted back from the newest night, as JSON: {"table": '
        "days}. Tables that are not named keep everything.",
    )
    # As long as the look-back: what the bank's relations were when the postings that count as habit were booked.
    static_history_days: int = Field(
        92, ge=2, description="Days for which replaced snapshots of a static relation are kept, as its history."
    )
    # Twice the day for which the work of a failed run is kept (`ABANDONED_AFTER`); a run is ended after six hours.
    safe_age_hours: int = Field(
        48,
        ge=24,
        description="Age from which on nothing reads what was replaced, or still writes what it began: maintenance "
        "touches nothing younger.",
    )

    district_shapes: Path | None = Field(
        None, description="GeoJSON of the bank's districts, for the console's map; cells around the towns when none."
    )
    alert_sinks: dict[str, AlertSink] = Field(
        default_factory=dict,
        description='Places that messages are sent to, as JSON: {"name": {"kind": "email", "connection": "...", "to": '
        '"...", "quiet": "20-06"}}; kinds are email, ses, slack, sns and webhook. Nothing is sent when empty.',
    )
    alert_routes: tuple[AlertRoute, ...] = Field(
        (),
        description='Which messages go where, as JSON: [{"sinks": ["name"], "severity": "warn", "kinds": ["drift"], '
        '"codes": ["fee"]}]. Every message goes everywhere when empty.',
    )
    alert_finding_link: str = Field(
        "",
        pattern=r"^(https?://\S*\{finding_id\}\S*)?$",
        description="Address of a finding's page in messages, with {finding_id} in it; no links when empty.",
    )
    # Four hours after a night begins, and two before analysts do; nights of the largest bank measured take minutes.
    alert_publish_hour: int = Field(
        6,
        ge=-1,
        le=23,
        description="Hour (UTC) of the next day from which a night that is not published is told as missed; -1: never.",
    )
    alert_private_addresses: bool = Field(
        False, description="Whether webhooks and the heartbeat may go to private addresses."
    )
    digests: dict[str, Digest] = Field(
        default_factory=dict,
        description="Who gets a digest of the queue each day, by login, as JSON: "
        '{"login": {"sink": "name", "hour": 7}}; the hour is in UTC.',
    )
    promotion_approvers: dict[str, str] = Field(
        default_factory=dict,
        description='Who may answer whether a challenger becomes champion, as JSON: {"id of the login": "name"}; '
        "whoever may edit the DAG when empty.",
    )
    alert_heartbeat: str = Field(
        "", description="Id of an HTTP connection that is called whenever messages are sent, to notice a dead Airflow."
    )

    outcomes: tuple[CaseOutcome, ...] = Field(
        DEFAULT_OUTCOMES,
        min_length=1,
        description='Outcomes that a case may have, as JSON: [{"code": "fraud", "title": "Fraud", "decision": '
        '"confirmed", "reasons": {"card": "The card was copied"}}]; decisions are confirmed, dismissed and unsure.',
    )
    # A decision: about a month's pay of the demonstration bank's clients, above which one slip hurts.
    two_approvals_amount: float = Field(
        10_000, ge=0, description="Amount in the source's money above which a correction needs two people's approval."
    )

    @property
    def server_terms(self) -> ServerTerms:
        """What is asked of databases' servers."""
        return ServerTerms(self.database_tls, self.database_authorities, self.source_timeout_seconds)

    @field_validator("athena_scan_limit")
    @classmethod
    def _scan_limit(cls, given: int) -> int:
        if 0 < given < LEAST_SCAN_LIMIT:
            raise ValueError(f"is below {LEAST_SCAN_LIMIT:,}, the least that Athena takes; 0 is no limit")
        return given

    @field_validator("outcomes")
    @classmethod
    def _outcomes(cls, given: tuple[CaseOutcome, ...]) -> tuple[CaseOutcome, ...]:
        codes = [outcome.code for outcome in given]
        if doubled := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"has the codes {', '.join(doubled)} more than once")
        return given

    @field_validator("alert_routes")
    @classmethod
    def _routes(cls, given: tuple[AlertRoute, ...], info: ValidationInfo) -> tuple[AlertRoute, ...]:
        """Routes lead to places that there are."""
        places = info.data.get("alert_sinks", {})
        if unknown := sorted({name for route in given for name in route.sinks} - set(places)):
            raise ValueError(f"leads to {', '.join(unknown)}, which ADS_ALERT_SINKS does not name")
        return given

    @field_validator("digests")
    @classmethod
    def _digests(cls, given: dict[str, Digest], info: ValidationInfo) -> dict[str, Digest]:
        """Digests go to places that there are."""
        if unknown := sorted({digest.sink for digest in given.values()} - set(info.data.get("alert_sinks", {}))):
            raise ValueError(f"leads to {', '.join(unknown)}, which ADS_ALERT_SINKS does not name")
        return given

    @field_validator("sources", "lakes", mode="before")
    @classmethod
    def _places(cls, given: object) -> object:
        """Names in their form with an address each; none is shown, whoever swaps them would show a password."""
        if not isinstance(given, dict) or not all(isinstance(part, str) for pair in given.items() for part in pair):
            raise ValueError('is no JSON object of names and addresses: write {"name": "address"}')
        if DEFAULT_PLACE in given or not all(re.fullmatch(PLACE_NAME, name) for name in given):
            raise ValueError(
                "has a name that is not allowed: use 1 to 63 letters, digits, _ and -, and not "
                f"{DEFAULT_PLACE!r}, which is the installation's own"
            )
        if not all(given.values()):
            raise ValueError("has an empty address: give each name one")
        return given

    @field_validator("lake_uri")
    @classmethod
    def _lake(cls, given: str) -> str:
        return lake_address(given)

    @field_validator("anchors_uri")
    @classmethod
    def _anchors(cls, given: str, info: ValidationInfo) -> str:
        """Whoever may write into a lake must not be able to write its anchors."""
        lakes = [info.data.get("lake_uri", ""), *info.data.get("lakes", {}).values()]
        if given and any(_in_one_form(given).startswith(_in_one_form(lake)) for lake in lakes if lake):
            raise ValueError("lies in a lake: name a place that the lake's other writers cannot reach")
        return lake_address(given).rstrip("/")

    @field_validator("lakes")
    @classmethod
    def _lakes(cls, given: dict[str, str]) -> dict[str, str]:
        return {name: lake_address(address) for name, address in given.items()}


def _in_one_form(address: str) -> str:
    """An address with a slash at its end, and a folder's or a prefix's as the same text however it was written.

    >>> {_in_one_form(each) for each in ("/data/lake", "file:/data//lake/", "file:///data/lake", "/data/x/../lake")}
    {'/data/lake/'}
    >>> {_in_one_form(each) for each in ("s3://bucket/lake", "s3a://bucket/lake/", "s3n://bucket/lake")}
    {'s3:/bucket/lake/'}
    """
    bare = re.sub("^file:(//)?", "", lake_address(address))
    return f"{posixpath.normpath(re.sub('^s3[an]:', 's3:', bare))}/"


def lake_address(given: str) -> str:
    """The address of a lake as a person types it, a folder with `file:` from the working folder made absolute.

    A relative one would be taken for a folder called `file:...` by everything but the tables.

    >>> lake_address("file:/data/lake"), lake_address("s3://bucket/lake")
    ('file:/data/lake', 's3://bucket/lake')
    >>> lake_address("file:lake") == f"file:{Path.cwd() / 'lake'}"
    True
    """
    path = given.removeprefix("file:")
    is_relative = given.startswith("file:") and not path.startswith("/")
    return f"file:{Path(path).expanduser().absolute()}" if is_relative else given


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once.

    Raises
    ------
    SettingsError
        Naming every variable whose value is not allowed, but not the values: an address may hold a password.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"ADS_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{'; '.join(wrong)}. Correct the environment (fields of include/settings.py)") from None
    except UnreadableSettingError:
        raise SettingsError(
            "ADS_SOURCES, ADS_LAKES, ADS_RETENTION, ADS_ALERT_SINKS, ADS_ALERT_ROUTES, ADS_DIGESTS, "
            "ADS_PROMOTION_APPROVERS or ADS_OUTCOMES is no JSON: "
            'write {"name": "address"}, {"table": days}, or as docs/operations.md says of the others'
        ) from None
