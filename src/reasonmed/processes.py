"""Work on the parts of a set by several processes of this machine; its results come in the order of the parts.

The processes are spawned and not forked, as whoever asks for them may have threads, and they import nothing of the
program that asks: a script needs no ``if __name__ == "__main__"``. They end with whoever started them, however that
ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections import deque
from contextlib import ExitStack, suppress
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar, cast

from reasonmed.errors import ReasonMedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import TypeAlias

    _Work: TypeAlias = Callable[[object], object]
    _Begin: TypeAlias = Callable[[], AbstractContextManager[_Work]]

Part = TypeVar("Part", contravariant=True)  # noqa: PLC0105 - its variance is declared once
Result = TypeVar("Result", covariant=True)  # noqa: PLC0105
_PATIENCE = 5.0
"""Seconds that a process has for its end when there is nothing left to do."""
_BOOT = (
    "import sys; place = int(sys.argv[1]); sys.path[:] = sys.argv[2:]; "
    "from reasonmed.processes import serve; serve(place)"
)


class Begin(Protocol[Part, Result]):
    """What every process begins with, sent to it once: it opens what the work needs and gives the work."""

    def __call__(self) -> AbstractContextManager[Callable[[Part], Result]]:
        """Open it."""
        ...


class _Over(Exception):
    """The line is closed."""


class _Answer(NamedTuple):
    made: object = None
    failed: BaseException | None = None


def usable() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    parts: Iterable[Part], begin: Begin[Part, Result], *, alone: int = 1, processes: int | None = None
) -> Iterator[Result]:
    """What the work makes of each part, in their order; the number under way is bounded, so that memory stays flat.

    Args:
        parts: taken as they are needed.
        begin: opens what the work needs; it and the parts must be such that they can be pickled.
        alone: number of parts that this process does first; if there are no more, it starts no other one.
        processes: how many others at most; as many as there are processors where it is not said.

    Raises:
        ReasonMedError: a process was ended from outside.
    """
    count, source = usable() if processes is None else processes, iter(parts)
    with begin() as work:
        for part in source if count <= 1 else islice(source, alone):
            yield work(part)
    for part in source:  # there is more: the first of it goes with the rest
        yield from _spread(_with(part, source), begin, count)


def _with(first: Part, others: Iterator[Part]) -> Iterator[Part]:
    yield first
    yield from others


def _spread(parts: Iterator[Part], begin: Begin[Part, Result], count: int) -> Iterator[Result]:
    with ExitStack() as stack:
        free = deque(stack.enter_context(_Process(begin)) for _ in range(count))
        busy: dict[Connection, tuple[int, _Process]] = {}
        done: dict[int, Result] = {}
        given = taken = 0
        while True:
            while taken in done:
                yield done.pop(taken)
                taken += 1
            for part in islice(parts, min(len(free), 2 * count - (given - taken))):
                process = free.popleft()
                process.give(part)
                busy[process.line] = given, process
                given += 1
            if not busy:
                return
            for line in cast("list[Connection]", wait(busy)):
                number, process = busy.pop(line)
                done[number] = cast("Result", process.take())
                free.append(process)


class _Process:
    """One of the processes, with a line to it."""

    def __init__(self, begin: object) -> None:
        self.line, other = Pipe()
        with other:
            place = other.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - Python itself
                [sys.executable, "-c", _BOOT, str(place), *map(str, sys.path)],
                stdin=subprocess.DEVNULL,
                pass_fds=(place,),
                process_group=0,  # a Ctrl-C is for whoever asked, who ends this one
            )
        self._send(begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.line.close()
        if kind is not None:
            self._process.kill()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def give(self, part: object) -> None:
        """Hand it a part."""
        self._send(part)

    def take(self) -> object:
        """What it made of the part.

        Raises:
            BaseException: what the work raised.
        """
        try:
            answer: _Answer = self.line.recv()
        except (EOFError, ConnectionError):
            raise self._died() from None
        if answer.failed is not None:
            raise answer.failed
        return answer.made

    def _send(self, thing: object) -> None:
        try:
            self.line.send(thing)
        except ConnectionError:
            raise self._died() from None

    def _died(self) -> ReasonMedError:
        code = self._process.wait(_PATIENCE)
        how = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return ReasonMedError(
            f"one of the processes of this command was {how}; where the machine ran out of memory, let it use fewer "
            "processors: taskset -c 0,1 reasonmed ..."
        )


def serve(place: int) -> None:
    """Be one of the processes: take what to begin with from a line, then parts, until the line is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(place) as line, suppress(_Over), ExitStack() as stack:
        begun = _tried(lambda begin: stack.enter_context(cast("_Begin", begin)()), _received(line))
        work = cast("_Work", begun.made)
        while True:
            content = _received(line)
            _send(line, begun if begun.failed else _tried(work, content))


def _tried(work: _Work, content: bytes) -> _Answer:
    """What the work makes of what was sent, or how it failed."""
    try:
        return _Answer(work(ForkingPickler.loads(content)))
    except Exception as failed:  # noqa: BLE001 - whoever asked raises it
        return _Answer(failed=_sendable(failed))


def _received(line: Connection) -> bytes:
    try:
        return line.recv_bytes()
    except (EOFError, OSError):
        raise _Over from None


def _send(line: Connection, answer: _Answer) -> None:
    try:
        line.send(answer)
    except OSError:
        raise _Over from None


def _sendable(failed: Exception) -> Exception:
    """The error as it can be sent, with where it was raised unless it says what to do."""
    if not isinstance(failed, ReasonMedError):
        failed.add_note("".join(traceback.format_exception(failed)))
    try:
        whole = str(ForkingPickler.loads(ForkingPickler.dumps(failed))) == str(failed)
    except Exception:  # noqa: BLE001 - it is made of other things than messages
        whole = False
    return failed if whole else ReasonMedError(str(failed) or type(failed).__name__)
