"""The installation's settings as the console's routes ask for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from include.settings import Settings, get_settings

InstalledSettings = Annotated[Settings, Depends(get_settings)]
"""Parameter of a route: the settings that the server's process read once."""
