"""Stand-ins for AWS on this machine: two programs of an environment of their own, reached over the loopback alone.

ministack stands in for S3, the Glue catalog, SNS, SQS, SES, Secrets Manager, Parameter Store, Athena and IAM; roto for
KMS and Kinesis. `docs/aws.md` says what each of them proves and what neither does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess  # nosec B404
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from include.errors import SettingsError, TransientError
from include.security.private import make_private
from include.settings import PROJECT_ROOT

PROGRAMS = PROJECT_ROOT / ".venv" / "share" / "aws-stand-ins" / "bin"
REGION = "eu-central-1"
# Names of the stand-ins' one account, which hold no secret. roto signs its keys' ARNs with the same account.
ACCOUNT = "000000000000"
# Both answer within a second on two cores; the limit suits a machine that is busy with other tests.
START_SECONDS = 60
STOP_SECONDS = 10


@dataclass
class StandIns:
    """The running stand-ins; as a context manager they stop at the end of the block.

    Attributes
    ----------
    folder
        Folder of their logs and of what they keep while they run.
    ports
        Port of each program.
    """

    folder: Path
    ports: Mapping[str, int]
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, *, is_authenticating: bool = False, ports: Mapping[str, int] | None = None) -> Self:
        """Start both and wait until they answer.

        Parameters
        ----------
        folder
            Folder that nobody else uses; what lay in it from an earlier start is not read.
        is_authenticating
            Whether ministack checks signatures and the policies of buckets and identities.
        ports
            Ports by program; free ones when None.

        Raises
        ------
        SettingsError
            When they are not installed.
        TransientError
            When one does not come up; the message ends with its log.
        """
        require_installed()
        make_private(folder)
        started = cls(folder, ports or {name: _free_port() for name in ("ministack", "roto")})
        try:
            started._run("ministack", [str(PROGRAMS / "ministack")], started._ministack(is_authenticating))
            started._run("roto", [str(PROGRAMS / "roto-server"), *started._roto()], {})
            started._await()
        except BaseException:
            started.stop()
            raise
        return started

    def environment(self) -> dict[str, str]:
        """The variables by which AWS's clients find the stand-ins and nothing else, where no others are set."""
        ministack, roto = (self.address(name) for name in ("ministack", "roto"))
        return {
            "AWS_ENDPOINT_URL": ministack,
            "AWS_ENDPOINT_URL_KMS": roto,
            "AWS_ENDPOINT_URL_KINESIS": roto,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            # No credentials are asked of an instance's own service, which would take seconds to be missing.
            "AWS_EC2_METADATA_DISABLED": "true",
            # A profile of whoever runs them may pass endpoints over, or have others.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def address(self, program: str) -> str:
        """The address of one program."""
        return f"http://127.0.0.1:{self.ports[program]}"

    def reset(self) -> None:
        """Empty ministack; keys of KMS stay."""
        httpx.post(f"{self.address('ministack')}/_ministack/reset", timeout=30).raise_for_status()

    def stop(self) -> None:
        """Stop both, first by a request, then by force."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ministack(self, is_authenticating: bool) -> dict[str, str]:
        return {
            # By itself it listens on every interface.
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.ports["ministack"]),
            "STATE_DIR": str(self.folder / "ministack"),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AUTH": str(is_authenticating).lower(),
            "LOG_LEVEL": "WARNING",
        }

    def _roto(self) -> list[str]:
        return ["--port", str(self.ports["roto"]), "--account-id", ACCOUNT, "--ephemeral"]

    def _run(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            # Programs of our own environment with fixed arguments; nobody's input is part of them.
            process = subprocess.Popen(  # noqa: S603  # nosec B603
                command,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), **environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        for (name, port), process in zip(self.ports.items(), self._processes, strict=True):
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TransientError(f"{name} did not start. Its log ends: {self._log_end(name)}")
                time.sleep(0.05)

    def _log_end(self, name: str) -> str:
        return " | ".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-5:])


def forget_accounts() -> None:
    """Take out of this process's environment what leads to an account of AWS: profile, session, endpoints."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


def is_installed() -> bool:
    """Whether the programs are there."""
    return all(shutil.which(str(PROGRAMS / name)) for name in ("ministack", "roto-server"))


def require_installed() -> None:
    """See that the programs are there.

    Raises
    ------
    SettingsError
        When they are not.
    """
    if not is_installed():
        raise SettingsError(
            f"the stand-ins for AWS are not installed in {PROGRAMS.parent}: install them with `make stand-ins`",
            place=str(PROGRAMS.parent),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
