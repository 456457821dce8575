"""Runs nights and kills each at one more of its effects; started by test_kills as a program of its own.

The process that is killed is forked from one that has made its imports and nothing else. An effect is a file about to
be made, a file made but empty, a catalog row about to be switched, a catalog row switched, a file about to be removed.
"""

import json
import os
import signal
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from sqlalchemy.orm import Session

from tests.lake import nights

EFFECTS = []
DEADLY = [-1]


def effect(what):
    EFFECTS.append(what)
    if len(EFFECTS) == DEADLY[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner, name, before, after):
    original = getattr(owner, name)

    def wrapped(self, *args, **kwargs):
        effect(before)
        answer = original(self, *args, **kwargs)
        effect(after)
        return answer

    setattr(owner, name, wrapped)


def run(folder, night, run, deadly):
    """Publish a night in a child that is killed at effect number `deadly`; its effects, or None when it was killed."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        around(PyArrowFile, "create", "file about to be made", "file made, empty")
        around(PyArrowFileIO, "delete", "file about to be removed", "file removed")
        around(Session, "commit", "catalog about to be switched", "catalog switched")
        DEADLY[0] = deadly
        nights.publish_night(nights.open_lake(folder), nights.stamp_of(run, night))
        os.write(writes, json.dumps(EFFECTS).encode())
        os._exit(0)
    os.close(writes)
    answer = b"".join(iter(lambda: os.read(reads, 65536), b""))
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"the child ended with {status}"
    return None if killed else json.loads(answer)


def main(folder, first, old):
    """Night by night: publish it by the run `old` (none when empty), then kill the run `b` one effect later."""
    night, deadly = date.fromisoformat(first), 1
    while True:
        if old:
            run(folder, night, old, -1)
        effects = run(folder, night, "b", deadly)
        print(json.dumps([night.isoformat(), effects]), flush=True)
        if effects is not None:
            return
        night, deadly = date.fromordinal(night.toordinal() + 1), deadly + 1


if __name__ == "__main__":
    main(*sys.argv[1:])
