"""A scripted model that kills its process at a certain request, as a power cut would."""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import TYPE_CHECKING

from reasonmed.backends.scripted import made_up

if TYPE_CHECKING:
    from reasonmed.exchange import Request

_NUMBERS = count(1)


def dying(request: Request) -> str:
    """Reply, or die where it is the request of the number that the environment names."""
    if next(_NUMBERS) == int(os.environ.get("DIES_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    return made_up(request)
