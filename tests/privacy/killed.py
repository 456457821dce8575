"""Erases a client and is killed at one effect, or at one more each time; test_kills starts it as a program."""

import itertools
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from include.errors import IntegrityError
from include.night import verify
from include.privacy import erase
from include.registry.erasures import ErasureLog
from include.settings import get_settings
from tests.lake.killing import in_child
from tests.privacy import lakes


def erase_client(folder):
    erase(lakes.uri_of(folder), lakes.CLIENT, lakes.settings_of(folder), lakes.TODAY)


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
    in_child(partial(lakes.build_small, folder))
    shutil.copytree(folder, saved)
    for deadly in [int(only)] if only else itertools.count(1):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        effects = in_child(partial(erase_client, folder), deadly)
        print(json.dumps([deadly, effects, in_child(partial(take_up_again, folder))]), flush=True)
        if effects is not None:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
