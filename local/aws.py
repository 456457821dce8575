"""`make aws`: stand-ins for AWS on this machine and a night on them; they stay up until Ctrl-C, to be looked at."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from include.errors import SettlementError
from include.security.private import keep_new_files_private, make_private
from include.settings import PROJECT_ROOT
from local.aws_account import Account
from local.demonstration import span
from local.headless import play_headless
from local.ports import choose_port
from local.stand_ins import StandIns, forget_accounts
from local.terminal import Terminal

FOLDER = PROJECT_ROOT / ".data" / "aws"
SETTINGS_FILE = FOLDER / "aws.env"
_PORTS = {"ministack": 4566, "roto": 5070}
# A fifth of what `make run` makes up: bank, model and night are there within two minutes.
_ACCOUNTS = 200
_SEED = 20

_OWN_SETTINGS = {
    "ADS_STORE_URI": f"sqlite:///{FOLDER / 'store.db'}",
    "ADS_TRAINING": "quick",
    # One night is played, so that all others would be told as missed.
    "ADS_ALERT_PUBLISH_HOUR": "-1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the stand-ins, play a night on them, and stay; returns 1 with the reason last when that fails."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(Terminal(), stays=not options.leave)
    except KeyboardInterrupt:
        return 0
    except SettlementError as error:
        print(f"\nmake aws stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: Any) -> None:  # noqa: ANN401 - a signal's number and frame
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make aws", description=__doc__)
    parser.add_argument("--leave", action="store_true", help="end after the night instead of staying up")
    return parser


def _run(terminal: Terminal, *, stays: bool) -> None:
    keep_new_files_private()
    shutil.rmtree(FOLDER, ignore_errors=True)
    make_private(FOLDER)
    # The end of a month, when interest is booked and fees are charged.
    night = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    bank = _bank(terminal)
    terminal.say("starting the stand-ins: S3, Glue, KMS, Secrets Manager, SNS")
    with StandIns.start(FOLDER / "stand-ins", ports=_chosen_ports()) as stand_ins:
        forget_accounts()
        os.environ.update(stand_ins.environment())
        account = Account.set_up(bank)
        settings = {**account.settings(), **_OWN_SETTINGS}
        os.environ.update(settings)
        _keep({**stand_ins.environment(), **settings})
        _play(night, terminal)
        print("\n".join(["", *(f"  {line}" for line in account.contents()), "", _how_to_look(stand_ins)]), flush=True)
        while stays:
            time.sleep(2)


def _chosen_ports() -> dict[str, int]:
    return {name: choose_port("", first) for name, first in _PORTS.items()}


def _bank(terminal: Terminal) -> Path:
    from demo import generate_bank

    first, last = span(datetime.now(UTC).date())
    terminal.say(f"making up a bank: {_ACCOUNTS} accounts from {first} to {last}")
    folder = FOLDER / "bank"
    generate_bank(folder, _ACCOUNTS, first, last, _SEED, incidents=True)
    return folder


def _play(night: date, terminal: Terminal) -> None:
    terminal.say(f"playing the night {night}: source and lake in S3, tables in Glue, sealed under KMS")
    source, lake = os.environ["ADS_SOURCE_URI"], os.environ["ADS_LAKE_URI"]
    figures = play_headless(night, source, lake, then=["alerting"])
    print("\n".join(["", *(f"  {name}: {value}" for name, value in figures.items())]))


def _keep(environment: Mapping[str, str]) -> None:
    SETTINGS_FILE.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    # Either would go before the stand-ins' credentials.
    SETTINGS_FILE.write_text("".join(["unset AWS_PROFILE AWS_SESSION_TOKEN\n", *lines]))


def _how_to_look(stand_ins: StandIns) -> str:
    return "\n".join(
        [
            f"  S3, Glue and others answer at {stand_ins.address('ministack')}, KMS at {stand_ins.address('roto')}",
            f"  source {SETTINGS_FILE}; then any client of AWS finds them, as do the project's own commands,",
            "  such as .venv/bin/python -m include verify",
            "Ctrl-C ends them and what they hold.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
