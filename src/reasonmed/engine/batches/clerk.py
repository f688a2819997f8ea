"""The clerk of a run's batch jobs: submits, looks after and joins them while rows wait, and beside their work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from reasonmed.engine.batches.desk import WAIT, Desk, Open
from reasonmed.engine.batches.joining import join, put_back
from reasonmed.engine.batches.submitting import check_owner, submit
from reasonmed.engine.ledger.held import Ended
from reasonmed.errors import BackendError, ControlError, ModelNotServed, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reasonmed.backends._batch_jobs import Job
    from reasonmed.engine.batches.office import Office

_QUIET = 30
"""Times the first wait for which nothing is submitted where the provider's queue is full."""


class Clerk:
    """Does what there is to do at the desks of a run; a holder of the rows that wait.

    Args:
        office: what the desks share.
        desks: one a model.
    """

    def __init__(self, office: Office, desks: Mapping[str, Desk]) -> None:
        self._office, self._desks = office, [*desks.values()]
        self._task: asyncio.Task[None] | None = None
        self._idle = self._ending = False
        self._nudge, self._settled = asyncio.Event(), asyncio.Event()

    def ready(self, wait: str) -> bool:
        """Whether a batch has ended that a row waits for."""
        token = wait.removeprefix(WAIT)
        return token != wait and not any(token in desk.open for desk in self._desks)

    async def turn(self, waits: Mapping[str, int]) -> bool:
        """Nothing else is to be done: submit what was collected, and wait until a batch has ended."""
        ours = [wait for wait in waits if wait.startswith(WAIT)]
        if not ours:
            return False
        self._idle = True
        self._nudge.set()
        try:
            while not any(self.ready(wait) for wait in ours):
                self._settled.clear()
                await self._settled.wait()
                if self._task is not None and self._task.done():
                    self._task.result()
        finally:
            self._idle = False
        return True

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Look after batches meanwhile; what is being done when the run ends is done to its end."""
        if not self._desks:
            yield
            return
        self._task = asyncio.create_task(self._work())
        try:
            yield
        except BaseException:
            self._task.cancel()
            raise
        finally:
            self._ending = True
            self._nudge.set()
            await asyncio.gather(self._task, return_exceptions=True)
            for desk in self._desks:
                await desk.wire.aclose()
        self._task.result()

    async def _work(self) -> None:
        try:
            while not (self._ending or self._office.stop.wanted):
                self._nudge.clear()
                for desk in self._desks:
                    await self._see_to(desk)
                self._count()
                await self._pause()
        except ControlError as reason:
            self._office.stop.ask(reason)
        finally:
            self._settled.set()

    def _count(self) -> None:
        """Tell whoever watches what is held and what is under way."""
        found = [one for desk in self._desks for one in desk.open.values()]
        sent = [one.requests for one in found if one.state in ("submitting", "running")]
        held = sum(one.requests for one in found) - sum(sent)
        self._office.meter.batched = {"held": held, "submitted": sum(sent), "batches": len(sent)}

    async def _pause(self) -> None:
        """Wait until something is due, or somebody asks."""
        times = [due for due in (desk.due() for desk in self._desks) if due is not None]
        asked = asyncio.ensure_future(self._nudge.wait())
        slept = asyncio.ensure_future(self._sleep(min(times))) if times else asked
        try:
            await asyncio.wait({asked, slept}, return_when=asyncio.FIRST_COMPLETED)
            if slept.done():
                slept.result()
        finally:
            asked.cancel()
            slept.cancel()
            await asyncio.gather(asked, slept, return_exceptions=True)

    async def _sleep(self, until: float) -> None:
        await self._office.clock.sleep(max(0.0, until - self._office.clock.now()))

    async def _see_to(self, desk: Desk) -> None:
        """Do whatever is due at a desk."""
        desk.close(idle=self._idle)
        for one in desk.of_state("running", "submitting", "closed"):
            if one.state == "closed" and self._office.clock.now() < desk.quiet_until:
                continue
            try:
                await (self._look(desk, one) if one.state == "running" else submit(desk, one))
                desk.failing_since = None
            except BackendError as failed:
                self._failed(desk, one, failed)
            if one.token not in desk.open:
                self._settled.set()
            if self._ending or self._office.stop.wanted:
                return

    def _failed(self, desk: Desk, one: Open, failed: BackendError) -> None:
        """A provider did not answer: look again later, unless it is away for too long."""
        now, meter = self._office.clock.now(), self._office.meter
        meter.failed(failed)
        meter.faults[failed.kind] += 1
        desk.failing_since = now if desk.failing_since is None else desk.failing_since
        if now - desk.failing_since >= self._office.give_up:
            raise Unavailable(
                f"{desk.wire.where} has not answered for {(now - desk.failing_since) / 60:.0f} min: {failed}"
            )
        one.later(now, desk.options.poll)

    async def _look(self, desk: Desk, one: Open) -> None:
        """See how a batch is, and join it where it has ended."""
        job = await desk.wire.look(one.id or "")
        check_owner(desk, one, job)
        if job.state == "failed":
            await self._give_back(desk, one, job)
        elif job.state == "ended":
            await join(desk, one, job)
        else:
            await self._wait_on(desk, one, job)

    async def _wait_on(self, desk: Desk, one: Open, job: Job) -> None:
        now = self._office.clock.now()
        seen = (job.answered or 0, job.failed or 0)
        if seen != (one.answered, one.failed):
            one.answered, one.failed = seen
            await self._office.ledger.update_batch(one.token, answered=seen[0], failed=seen[1])
        deadline = desk.options.deadline
        if deadline is not None and now >= one.begun + deadline and not (one.canceled or job.canceling):
            with suppress(ModelNotServed):  # it has ended since
                await desk.wire.cancel(job.id)
            one.canceled, one.interval = True, 0.0
        one.later(now, desk.options.poll)

    async def _give_back(self, desk: Desk, one: Open, job: Job) -> None:
        """A batch failed as a whole, and cost nothing: its requests go into smaller ones, or the run ends."""
        left = list(self._office.ledger.waiting_for(one.token))
        await put_back(desk, one, left, Ended("failed", job.problem, one.token))
        if not job.busy or len(left) <= 1:
            raise ModelNotServed(
                f"{desk.wire.where}: batch {job.id} of {len(left):,} requests failed, and none was answered: "
                f"{job.problem or 'no reason given'}"
            )
        desk.most = max(1, len(left) // 2)
        desk.quiet_until = self._office.clock.now() + _QUIET * desk.options.poll
        self._office.meter.notes.append(
            f"{desk.wire.host} has too much in its queue for {len(left):,} requests to {desk.label} ({job.problem}); "
            f"batches of up to {desk.most:,} are tried"
        )
