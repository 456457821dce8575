"""Erases a client and is killed at one effect, or at one more each time; test_kills starts it as a program of its own.

The process that is killed is forked from one that has made its imports and nothing else. An effect is a file about to
be made, made but empty, replaced or removed, or a catalog row switched.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from sqlalchemy.orm import Session

from include.errors import IntegrityError
from include.night import verify
from include.privacy import erase
from include.registry.erasures import ErasureLog
from include.settings import get_settings
from tests.privacy import lakes

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


def in_child(work):
    """What `work` answers in a child; None when the child was killed."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, json.dumps(work()).encode())
        os._exit(0)
    os.close(writes)
    answer = b"".join(iter(lambda: os.read(reads, 65536), b""))
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"the child ended with {status}"
    return None if killed else json.loads(answer)


def build(folder):
    lakes.build_small(folder)
    return True


def erase_until(folder, deadly):
    around(PyArrowFile, "create", "file about to be made", "file made, empty")
    around(PyArrowFileIO, "delete", "file about to be removed", "file removed")
    around(Session, "commit", "catalog about to be switched", "catalog switched")
    around(Path, "replace", "file about to be replaced", "file replaced")
    DEADLY[0] = deadly
    erase(lakes.uri_of(folder), lakes.CLIENT, lakes.settings_of(folder), lakes.TODAY)
    return EFFECTS


def complaint(folder):
    """What verify says of the lake; nothing where it holds."""
    try:
        verify(lakes.uri_of(folder))
    except IntegrityError as error:
        return str(error)
    return ""


def take_up_again(folder):
    """The same command once more, and what is found before and afterwards."""
    settings = lakes.settings_of(folder)
    was_begun, told_before = ErasureLog.read(lakes.uri_of(folder), settings).unfinished is not None, complaint(folder)
    told = erase(lakes.uri_of(folder), lakes.CLIENT, settings, lakes.TODAY)
    log = ErasureLog.read(lakes.uri_of(folder), settings)
    return {
        "was_begun": was_begun,
        "is_told": "was begun at" in told_before and "run the same command again" in told_before,
        "is_erased": told["is_erased"],
        "erasures": len(log.erasures),
        "is_finished": log.unfinished is None and log.pending is None,
        "verified": verify(lakes.uri_of(folder))["nights"],
        "traces": lakes.traces(folder),
    }


def main(folder, only=None):
    """Kill at one effect, or at each in turn, on a lake that is put back, and tell what the second run came to."""
    folder, saved = Path(folder), Path(folder).with_name("saved")
    folder.mkdir()
    os.environ["ADS_KEY_FILE"] = str(folder / "keys" / "lake.key")
    get_settings.cache_clear()
    in_child(lambda: build(folder))
    shutil.copytree(folder, saved)
    for deadly in [int(only)] if only else itertools.count(1):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        effects = in_child(lambda at=deadly: erase_until(folder, at))
        print(json.dumps([deadly, effects, in_child(lambda: take_up_again(folder))]), flush=True)
        if effects is not None:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
