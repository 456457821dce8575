"""The stages from the command line: the same functions the DAGs call, without Airflow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from include.errors import SettingsError, SettlementError
from include.night.request import NightRequest, parse_night
from include.security.private import keep_new_files_private
from include.settings import Settings, get_settings, lake_address
from include.stages import told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; 0 when it succeeded, 1 with the reason on standard error when it did not."""
    # What a stage writes are a bank's records: a lake, a backtest's tables, a made-up bank.
    keep_new_files_private()
    try:
        options = _parser(get_settings()).parse_args(arguments)
        stage: Callable[[argparse.Namespace], dict[str, Any] | str] = options.stage
        with told(_say):
            _require_made_lake(options)
            found = stage(options)
        print(found if isinstance(found, str) else json.dumps(found, default=str, indent=2, sort_keys=True))
    except SettlementError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include", description=__doc__)
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    _generate_options(_stage(stages, "generate", _generate, "write a demonstration bank"), settings)
    _night_options(_stage(stages, "night", _night, "play and publish one night"), settings)
    _backtest_options(
        _stage(stages, "backtest", _backtest, "play past nights into a folder, publishing nothing"), settings
    )
    _train_options(_stage(stages, "train", _train, "train a model on what lies before a date"), settings)
    _select_options(
        _stage(stages, "select", _select, "compare candidates for champion on what lies before a date"), settings
    )
    _promote_options(_stage(stages, "promote", _promote, "make a model version the champion"), settings)
    _rollback_options(
        _stage(stages, "rollback", _rollback, "take back the champion, or what it learned of nights"), settings
    )
    _verify_options(
        _stage(stages, "verify", _verify, "check published nights: hashes, conservation, exactly once"), settings
    )
    _extract_options(_stage(stages, "extract", _extract, "write the extracts for Tableau again"), settings)
    _athena_options(
        _stage(stages, "deploy-athena", _deploy_athena, "make Athena's database, views, named queries and grants")
    )
    _privacy_options(
        _stage(stages, "privacy", _privacy, "say what is held on a client, or erase it on the client's request"),
        settings,
    )
    _audit_options(_stage(stages, "audit", _audit, "print who looked at, exported and decided what"), settings)
    _maintain_options(
        _stage(stages, "maintain", _maintain, "compact a lake, and remove what nobody can be using"), settings
    )
    _rotation_options(
        _stage(stages, "rotate-pseudonyms", _rotate, "give everybody in the masked tables a new pseudonym"), settings
    )
    _rewrap_options(
        _stage(stages, "rewrap", _rewrap, "seal a lake with a KMS key instead of the local one, or the other way"),
        settings,
    )
    return parser


def _stage(stages: Any, name: str, run: Callable[..., Any], purpose: str) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's own class is private
    parser: argparse.ArgumentParser = stages.add_parser(name, help=purpose, description=purpose)
    parser.set_defaults(stage=run)
    return parser


def _generate_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--out", required=True, type=Path, help="folder to write the eight relations to")
    parser.add_argument("--accounts", type=int, default=500, help="number of accounts (default 500; Berka has 4500)")
    parser.add_argument("--first", type=_date, required=True, help="first settlement date, YYYY-MM-DD")
    parser.add_argument("--last", type=_date, required=True, help="last settlement date, YYYY-MM-DD")
    parser.add_argument("--seed", type=int, default=settings.seed)
    parser.add_argument(
        "--troubles", dest="incidents", action="store_true", help="plant a few incidents into the last month"
    )


def _lake_option(parser: argparse.ArgumentParser, settings: Settings) -> None:
    what = "folder or object prefix of the lake"
    parser.add_argument("--lake", type=lake_address, default=settings.lake_uri, help=what)


def _source_and_lake(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--source", default=settings.source_uri, help="folder, object prefix or database")
    _lake_option(parser, settings)


def _made_lake(parser: argparse.ArgumentParser, settings: Settings) -> None:
    _lake_option(parser, settings)
    parser.set_defaults(needs_lake=True)


def _night_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--date", required=True, help="settlement date, YYYY-MM-DD")
    _source_and_lake(parser, settings)


def _backtest_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--source", required=True, help="folder, object prefix or database")
    parser.add_argument("--start", type=_date, required=True, help="first night played; the past before it trains")
    parser.add_argument("--end", type=_date, required=True, help="last night played, inclusive")
    parser.add_argument("--out", type=Path, required=True, help="folder for the Parquet files and summary.json")
    parser.add_argument("--budget", type=float, default=settings.alert_budget, help="expected share flagged")
    parser.add_argument("--reviews", help="CSV or Parquet file of reviews; a night knows those of earlier days")


def _train_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--before", type=_date, required=True, help="the model sees settlement dates before this one")
    _source_and_lake(parser, settings)


def _select_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--before", type=_date, required=True, help="settlement dates before this one are looked at")
    parser.add_argument("--promote", action="store_true", help="promote the winner if it is better beyond noise")
    parser.add_argument("--id", default="", help="name of the selection (default: its date and time)")
    _source_and_lake(parser, settings)


def _promote_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--version", required=True, help="the model's version, as a selection names it")
    _decision_options(parser, settings)


def _rollback_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--of", default=None, help="only if this version is the champion still")
    parser.add_argument("--learning", action="store_true", help="take back what the champion learned, and keep it")
    parser.add_argument("--night", type=_date, default=None, help="with --learning: the first night it is to unlearn")
    _decision_options(parser, settings)


def _decision_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--by", required=True, help="who decides it, for the history")
    parser.add_argument("--why", default="from the command line", help="the reason, for the history")
    _lake_option(parser, settings)


def _verify_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--date", type=_date, default=None, help="one settlement date (default: every published one)")
    _made_lake(parser, settings)


def _extract_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--night", type=_date, default=None, help="this night's and the rolling one (default: all)")
    parser.add_argument(
        "--unmasked",
        action="store_true",
        help="with accounts, clients and postings as they are, into extracts_unmasked; only for those who may see them",
    )
    _made_lake(parser, settings)


def _athena_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print every statement and grant, and ask AWS nothing")


def _privacy_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--client", type=int, required=True, help="the client's number, client_id of fin_client")
    parser.add_argument("--erase", action="store_true", help="erase it, without asking (default: touch nothing)")
    parser.add_argument("--dry-run", action="store_true", help="touch nothing, which is the default")
    parser.add_argument(
        "--today", type=_date, default=None, help="day from which retention is seen (default: this day, UTC)"
    )
    _made_lake(parser, settings)


def _audit_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--account", type=int, default=None, help="entries about this account alone (default: all)")
    _made_lake(parser, settings)


def _maintain_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    _made_lake(parser, settings)
    parser.add_argument("--dry-run", action="store_true", help="change nothing and tell what would be done")


def _rotation_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    _made_lake(parser, settings)


def _rewrap_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    _made_lake(parser, settings)
    parser.add_argument(
        "--to", required=True, choices=("kms", "local"), help="kind of the new key; ADS_KMS_KEY names a KMS key"
    )
    parser.add_argument(
        "--from", dest="former", default=settings.former_key, help="former key: local, or a KMS key's ARN"
    )


def _require_made_lake(options: argparse.Namespace) -> None:
    """Refuse an address without a lake for a stage that reads one, which would make an empty one and find nothing."""
    if "needs_lake" in options:
        from include.lake.identity import require_made_lake

        require_made_lake(options.lake)


def _date(text: str) -> date:
    try:
        return parse_night(text)
    except SettlementError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _generate(options: argparse.Namespace) -> dict[str, Any]:
    from demo import generate_bank

    summary = generate_bank(
        options.out, options.accounts, options.first, options.last, options.seed, incidents=options.incidents
    )
    return vars(summary)


def _night(options: argparse.Namespace) -> dict[str, Any]:
    from include.night import run_night

    request = NightRequest.of(options.date, options.source, options.lake)
    return dict(run_night(request, progress=_say))


def _backtest(options: argparse.Namespace) -> dict[str, Any]:
    from include.backtest import backtest

    window = (options.start, options.end, options.out)
    return backtest(options.source, *window, options.budget, get_settings(), options.reviews)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from include.night import train_champion

    return train_champion(options.source, options.lake, options.before)


def _select(options: argparse.Namespace) -> dict[str, Any]:
    from include.selection import run_selection

    name = options.id or datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    found = run_selection(
        options.source, options.lake, options.before, name, is_promoted=options.promote, by="command line"
    )
    _say(found["verdict"])
    return found


def _promote(options: argparse.Namespace) -> dict[str, Any]:
    from include.selection import promote

    return promote(options.lake, options.version, by=options.by, why=options.why)


def _rollback(options: argparse.Namespace) -> dict[str, Any]:
    if options.learning or options.night:
        return _rollback_learning(options)
    from include.selection import rollback

    return rollback(options.lake, by=options.by, why=options.why, champion=options.of)


def _rollback_learning(options: argparse.Namespace) -> dict[str, Any]:
    from include.learning import rollback_learning

    if options.night is None or not options.learning or options.of:
        raise SettingsError(
            f"got --learning {options.learning}, --night {options.night}, --of {options.of}: to take back what the "
            "champion learned from a night on, give --learning and --night YYYY-MM-DD alone; to take back the "
            "champion, neither of them"
        )
    return rollback_learning(options.lake, night=options.night, by=options.by, why=options.why)


def _verify(options: argparse.Namespace) -> dict[str, Any]:
    from include.night import verify

    return verify(options.lake, options.date)


def _extract(options: argparse.Namespace) -> dict[str, Any]:
    from include.night import write_extracts_again

    is_masked = not options.unmasked
    return write_extracts_again(options.lake, get_settings(), options.night, is_masked=is_masked, say=_say)


def _deploy_athena(options: argparse.Namespace) -> dict[str, Any] | str:
    from include.athena import deploy, script

    return script(get_settings()) if options.dry_run else deploy(get_settings())


def _privacy(options: argparse.Namespace) -> dict[str, Any]:
    from include.privacy import erase, held_on

    if options.erase and options.dry_run:
        raise SettingsError("got --erase and --dry-run: give --erase to erase, and neither to see what it would do")
    asked = (options.lake, options.client, get_settings(), options.today or datetime.now(UTC).date())
    return erase(*asked, say=_say) if options.erase else held_on(*asked)


def _audit(options: argparse.Namespace) -> str:
    from include.cases import audit_entries

    found = audit_entries(options.lake, get_settings(), options.account)
    return "\n".join(json.dumps(asdict(entry), default=str, sort_keys=True) for entry in found)


def _maintain(options: argparse.Namespace) -> dict[str, Any]:
    from include.maintenance import maintain

    return maintain(options.lake, get_settings(), datetime.now(UTC), is_dry=options.dry_run)


def _rotate(options: argparse.Namespace) -> dict[str, Any]:
    from include.night import rotate_pseudonyms

    return dict(rotate_pseudonyms(options.lake, get_settings()))


def _rewrap(options: argparse.Namespace) -> dict[str, Any]:
    from include.maintenance.rewrap import rewrap

    return rewrap(options.lake, get_settings(), options.to, options.former)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
