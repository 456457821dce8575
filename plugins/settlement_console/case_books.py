"""Opens the case book of the installation's lake, up to date with the newest published night."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from include.cases import CaseBook


def followed_book(settings: Settings, now: datetime) -> CaseBook:
    """The cases of the lake, which must be there, after they took in the newest nights that were published since.

    Raises
    ------
    SettlementError
        When the lake or the book cannot be read.
    """
    # The server loads this module at its start; code that writes is imported only when somebody looks.
    from include.cases import CaseBook
    from include.cases.following import AT_A_LOOK
    from include.lake import Lake

    book = CaseBook.open(settings.lake_uri, settings)
    book.follow(Lake.open(settings.lake_uri, settings), now, most=AT_A_LOOK)
    return book
