"""Kills a process at one of its effects, for programs that tests start as their own.

The process that is killed is forked from one that has made its imports and nothing else. An effect is a file about to
be made, made but empty, replaced or removed, or a catalog row about to be switched or switched.
"""

import json
import os
import signal
from pathlib import Path

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from sqlalchemy.orm import Session

from include.maintenance import storage

NEVER = -1
_EFFECTS = []
_DEADLY = [NEVER]


def in_child(work, deadly=NEVER):
    """What `work` answers in a child that is killed at effect number `deadly`; None when it was.

    Without an answer of its own, the effects that it had.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        _watch(deadly)
        answer = work()
        os.write(writes, json.dumps(_EFFECTS if answer is None else answer).encode())
        os._exit(0)
    os.close(writes)
    answer = b"".join(iter(lambda: os.read(reads, 65536), b""))
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"the child ended with {status}"
    return None if killed else json.loads(answer)


def _watch(deadly):
    _DEADLY[0] = deadly
    _around(PyArrowFile, "create", "file about to be made", "file made, empty")
    _around(PyArrowFileIO, "delete", "file about to be removed", "file removed")
    _around(storage, "_remove_one", "file about to be removed", "file removed")
    _around(Path, "replace", "file about to be replaced", "file replaced")
    _around(Path, "unlink", "file about to be removed", "file removed")
    _around(Session, "commit", "catalog about to be switched", "catalog switched")


def _around(owner, name, before, after):
    original = getattr(owner, name)

    def wrapped(*args, **kwargs):
        _effect(before)
        answer = original(*args, **kwargs)
        _effect(after)
        return answer

    setattr(owner, name, wrapped)


def _effect(what):
    _EFFECTS.append(what)
    # Files are removed by several threads, of which two may count together.
    if 0 < _DEADLY[0] <= len(_EFFECTS):
        os.kill(os.getpid(), signal.SIGKILL)
