"""A made-up world in which somebody presses Ctrl-C at the tenth request, and whose replies then take their time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from reasonmed.backends.scripted import made_up
from reasonmed.exchange import Completion, Request

_AT = 10
asked: list[Request] = []
interrupt: list[Callable[[], None]] = []
"""What is done at the tenth request; nothing where it is empty."""


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def answer(request: Request) -> Completion | str:
    asked.append(request)
    if interrupt and len(asked) == _AT:
        interrupt[0]()
    if interrupt and len(asked) >= _AT:
        time.sleep(0.01)
    return made_up(request)
