"""Work in a thread with an event loop of its own: so it runs in a script, in a notebook and in a thread alike.

Signal handlers stay whose they are. An interrupt of the caller lets open requests end and then reaches the caller; a
second one ends the work at once.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeVar

from reasonmed.errors import ControlError, Drained, UsageError
from reasonmed.runs.consent import FIX, START_FIX, commands, routes, screened, stray_variables
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from contextlib import AbstractAsyncContextManager

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., object]")

log = logging.getLogger("reasonmed")
log.addHandler(logging.NullHandler())


class Session:
    """One call's work: its jobs, and how an interrupt reaches them."""

    def __init__(self) -> None:
        self._watch: Watch | None = None

    async def do(self, job: RunJob[Row, Outcome], *, progress: bool) -> None:
        """Do a job to its end, with the live view where that is wanted.

        Raises:
            ControlError: it was stopped before its end.
        """
        watch = self._watch = Watch()
        try:
            async with _live(watch) if progress else nullcontext():
                await execute(job, watch)
        except ControlError as stopped:
            stopped.add_note(f"Everything so far is in {job.folder.path}; the same call again resumes.")
            raise
        finally:
            for note in watch.notes:
                log.info(note)
            self._watch = None

    def drain(self) -> bool:
        """Let open requests end and begin no others; returns whether there is a job that can."""
        if self._watch is None or self._watch.control is None:
            return False
        self._watch.control.stop.ask(Drained("interrupted"))
        return True


def _live(watch: Watch) -> AbstractAsyncContextManager[None]:
    from reasonmed.cli._live import live

    return live(watch, "questions")


class Background(Generic[T]):
    """A coroutine that runs in a thread of its own."""

    def __init__(self, work: Callable[[Session], Awaitable[T]]) -> None:
        self._work, self._session, self._interrupts = work, Session(), 0
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[T] | None = None
        self._done: Future[T] = Future()
        threading.Thread(target=self._run, name="reasonmed").start()

    def wait(self) -> T:
        """The result, for a caller that may block."""
        while True:
            try:
                ended = self._done.exception()
                break
            except KeyboardInterrupt:
                self._interrupt()
        if self._interrupts:
            raise KeyboardInterrupt from ended
        return self._done.result()

    async def awaited(self) -> T:
        """The result, for a caller with an event loop."""
        done = asyncio.wrap_future(self._done)
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError:
                self._interrupt()
        if self._interrupts:
            raise asyncio.CancelledError from done.exception()
        return done.result()

    def _interrupt(self) -> None:
        """Pass on an interrupt; the loop is closed where the work ended meanwhile."""
        self._interrupts += 1
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end, self._interrupts > 1)

    def _end(self, at_once: bool) -> None:  # noqa: FBT001 - a callback
        if self._task is not None and (at_once or not self._session.drain()):
            self._task.cancel()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                result = runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the caller's, in its own thread
            self._done.set_exception(error)
        else:
            self._done.set_result(result)

    async def _main(self) -> T:
        if self._interrupts:
            raise asyncio.CancelledError
        self._task = asyncio.ensure_future(self._work(self._session))
        return await self._task


def blocking(work: Callable[Concatenate[Session, P], Awaitable[T]]) -> Callable[P, T]:
    """The work as a function that returns when it is done."""

    @wraps(work)
    def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return Background(lambda session: work(session, *args, **kwargs)).wait()

    return _shown(twin, work, work.__name__.removeprefix("_"))


def awaitable(work: Callable[Concatenate[Session, P], Awaitable[T]]) -> Callable[P, Coroutine[object, None, T]]:
    """The work as a coroutine function, whose caller's event loop stays free."""

    @wraps(work)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return await Background(lambda session: work(session, *args, **kwargs)).awaited()

    return _shown(twin, work, f"a{work.__name__.removeprefix('_')}")


def _shown(twin: F, work: Callable[..., object], name: str) -> F:
    """The twin with its own name, and the signature of the work as callers see it: without the session."""
    whole = inspect.signature(work)
    vars(twin).update(__signature__=whole.replace(parameters=[*whole.parameters.values()][1:]))
    vars(twin).pop("__wrapped__")
    twin.__name__ = twin.__qualname__ = name
    return twin


def agreed(entries: Mapping[str, ModelSettings], *, yes: bool) -> None:
    """Note where prompts go.

    Raises:
        UsageError: a variable of another service would be sent, or a program started, and nobody agreed to that.
    """
    for line in routes(entries):
        log.info(line)
    stray, started = stray_variables(entries), commands(entries)
    if stray and not yes:
        raise UsageError(f"{stray}. {FIX}")
    if started and not yes:
        raise UsageError(f"this recipe starts programs on this machine: {'; '.join(started)}. {START_FIX}")


def without_patients(job: RunJob[Row, Outcome], phi: str | None) -> RunJob[Row, Outcome]:
    """The job with what was decided on questions that may identify patients.

    Raises:
        UsageError: there are such questions, and the decision is to refuse them.
    """
    job, warning = screened(job, phi)
    if warning:
        log.warning(warning)
    return job
