"""Run a recipe on a faulty server, killed and not killed, and compare what comes out."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import yaml

from reasonmed.engine.ledger import progress_of
from reasonmed.errors import ReasonMedError
from reasonmed.runs.selftest.server import FAULTS, FaultyServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reasonmed.recipe.options import Recipe

_SETTLE = 0.05


class Result(NamedTuple):
    """What one whole run showed."""

    name: str
    received: int
    answered: int
    on_record: int
    lost: int
    """Answers that were given, and not yet on record when a process was killed: they are paid for again."""
    faults: dict[str, int]
    most_open: int
    questions: int
    records: bytes
    failures: bytes


_DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
"""No proxy stands between a run and a server on this machine."""


def at_server(recipe: Recipe, url: str) -> str:
    """The recipe with every model behind the server, under its own name, as YAML."""
    told = recipe.model_dump(mode="json", exclude_none=True, exclude={"models", "prompts"}, exclude_defaults=True)
    told["models"] = {}
    for name in recipe.used:
        entry = recipe.model(name)
        own = {"system": entry.system, "extra_body": entry.extra_body, "revision": entry.revision}
        sampling = entry.sampling.model_dump(mode="json", exclude_none=True)
        told["models"][name] = {
            "backend": "openai",
            "base_url": url,
            "model": entry.identity,
            **{key: value for key, value in own.items() if value is not None},
            **({"sampling": sampling} if sampling else {}),
            **entry.reading,
        }
    told.setdefault("limits", {})["max_cost"] = None
    if recipe.prompts is not None:
        templates = recipe.prompts
        told["prompts"] = templates if isinstance(templates, dict) else str(templates.absolute())
    return yaml.safe_dump(told, sort_keys=False)


async def examine(
    recipe: Recipe, questions: Path, folder: Path, *, kills: int, seed: int, say: Callable[[str], None]
) -> list[Result]:
    """One run that nobody disturbs; with kills, another one that is killed so many times and resumed."""
    results = [await _whole(recipe, questions, folder / "whole", 0, seed, say)]
    if kills:
        results.append(await _whole(recipe, questions, folder / "killed", kills, seed, say))
    return results


async def _whole(
    recipe: Recipe, questions: Path, folder: Path, kills: int, seed: int, say: Callable[[str], None]
) -> Result:
    server = FaultyServer(FAULTS, latency=0.01, seed=seed)
    dice, lost = random.Random(seed), 0  # noqa: S311 - draws moments
    ledger = folder / "run" / "ledger.db"
    async with serving(server) as url:
        _prepare(folder, at_server(recipe, url))
        for number in range(kills):
            if await _run(questions, folder, server, server.answered + dice.randint(30, 200)):
                break
            while server.open:  # noqa: ASYNC110 - answers under way at the kill end within moments
                await asyncio.sleep(_SETTLE)
            gone = server.answered - progress_of(ledger).replies - lost
            lost += gone
            say(f"kill {number + 1}: {server.answered} answers given, {gone} more of them not recorded")
        await _run(questions, folder, server, None)
    return Result(
        name="killed" if kills else "undisturbed",
        received=server.received,
        answered=server.answered,
        on_record=progress_of(ledger).replies,
        lost=lost,
        faults=dict(server.faults),
        most_open=server.most_open,
        questions=progress_of(ledger).outcomes,
        records=_content(folder, "records"),
        failures=_content(folder, "failures"),
    )


def _prepare(folder: Path, recipe: str) -> None:
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")


def _content(folder: Path, name: str) -> bytes:
    return (folder / "run" / f"{name}.jsonl").read_bytes()


async def _run(questions: Path, folder: Path, server: FaultyServer, kill_at: int | None) -> bool:
    """Start the run; kill it when so many answers were given. True when it came to its end."""
    words = ["-m", "reasonmed", "run", str(questions), "-r", "recipe.yaml", "-o", "run", "--max-failures", "100%"]
    with ExitStack() as stack:
        log = stack.enter_context(open_log(folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=folder, stdout=log, stderr=log, env=os.environ | _DIRECT
        )
        while process.returncode is None:
            if kill_at is not None and server.answered >= kill_at:
                process.kill()
                await process.wait()
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.01)
    if process.returncode != 0:
        raise ReasonMedError(f"the run ended with exit code {process.returncode}: {_last_lines(folder)}")
    return True


def open_log(folder: Path) -> BinaryIO:
    """Where the run's output goes."""
    return (folder / "log.txt").open("ab")


def _last_lines(folder: Path) -> str:
    return " ".join((folder / "log.txt").read_text(encoding="utf-8", errors="replace").split()[-60:])
