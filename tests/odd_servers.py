"""The table of odd servers and their stand-in in the shared folder: a row as a whole run, and what is wrong with it."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reasonmed import recipe as recipes
from reasonmed.errors import ControlError
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Question, Story

OPTIONS = ("Aspirin", "Warfarin", "Heparin", "Alteplase")
QUESTION = Question("q1", "A man with thyroid pain. Which drug?", OPTIONS, 0)
OTHERS = [Question(f"q{number}", f"A woman with pain number {number}. Which drug?", OPTIONS, 0) for number in (2, 3, 4)]
SENT_AGAIN = "asked again (service's fault)"
TAKEN = "taken as"
KINDS = {
    "shapes of a reply": r"content|reasoning|err200|choice|usage|dup_ids|azure_(?!filtered)",
    "reasons for the end of a reply": r"cut_|whole_|azure_filtered",
    "thinking in the text": r"think_|harmony",
    "bytes and encodings": r"sse|empty|ws_|html|bom|gzip|deflate|text_plain|reset|http10|long_header|surrogate|nul"
    r"|bad_utf8|raw_newline|json_null",
    "successes other than 200": r"created|accepted|nocontent",
    "account, firewall, proxy": r"a4",
    "rate limits and waits": r"r429|h_reset",
    "parameters": r"p_",
    "other statuses": r"s[45]",
    "redirects": r"redirect",
}
"""Kinds of cases, by how their names begin."""


class Case(NamedTuple):
    name: str
    role: str
    """``(judge)`` where the judge is odd instead of the writer, ``(judge too)`` where both are."""
    expected: str

    @property
    def kind(self) -> str:
        return next(kind for kind, names in KINDS.items() if re.match(names, self.name))

    @property
    def gentle(self) -> bool:
        """Whether the run goes on after a while."""
        return bool(re.search(r"then goes on|wait, ask again|epoch", self.expected)) and not self.endless

    @property
    def endless(self) -> bool:
        return "_inf" in self.name


class Ended(NamedTuple):
    """How a run ended: the error that stopped it, its records and its failures."""

    error: ControlError | None
    records: list[dict[str, Any]]
    failures: list[dict[str, Any]]


def table_of(shared: Path) -> list[Case]:
    """The rows; the test is skipped where they are not."""
    path = shared / "cases" / "servers.tsv"
    if not path.is_file():
        pytest.skip("the cases are not at hand: they are in shared/cases")
    with path.open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        split = [(row["case"].partition(" "), row["expected"]) for row in rows]
        return [Case(name, role, expected) for (name, _, role), expected in split]


@contextlib.contextmanager
def standin(shared: Path) -> Iterator[str]:
    """The stand-in for odd servers; gives its base URL. The test is skipped where it is not."""
    script = shared / "cases" / "standin.py"
    if not script.is_file():
        pytest.skip("the stand-in server is not at hand: it is in shared/cases")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(script), "--port", str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


def recipe_of(url: str, case: Case, give_up: float = 1.5) -> recipes.Recipe:
    odd = {"backend": "openai", "base_url": url, "model": case.name}
    good = {**odd, "model": f"good-for-{case.name}"}
    one_by_one = "in_flight 1" in case.role
    return recipes.parse(
        json.dumps(
            {
                "models": {
                    "writer": good if case.role == "(judge)" else odd,
                    "judge": odd if "judge" in case.role else good,
                },
                "stages": {
                    "generate": {"models": ["writer"], "temperatures": [0.7, 0.9]},
                    "verify": {"model": "judge"},
                    "route": {"easy": 0, "medium": 1, "dispute": False},
                    "rank": {"model": "judge", "keep": 1},
                },
                "limits": {"in_flight": 1 if one_by_one else 8, "give_up": give_up},
            }
        )
    )


async def played(url: str, case: Case, folder: Path, *, rows: list[Question] | None = None) -> Ended:
    """A run of a question, or of several, at the server of a case."""
    directory = RunDirectory(folder)
    stories = [Story(one) for one in rows or [QUESTION]]
    intake = take_in(Path("questions.jsonl"), lambda: iter(stories), Selection())
    error = None
    try:
        made = recipe_of(url, case, 40 if case.gentle else 1.5)
        await execute(synthesis_job(intake, made, directory), Watch())
    except ControlError as stopped:
        error = stopped
    records, failures = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
        for path in (directory.records_path, directory.failures_path)
    )
    return Ended(error, records, failures)


def problem(case: Case, ended: Ended) -> str | None:
    """What is wrong with how a run ended; None where it is as it should be."""
    code = ended.error.exit_code if ended.error else None
    told = f"exit {code}, {len(ended.records)} records, {len(ended.failures)} failures: {ended.error}"
    rule = next((rule for rule, fits in _RULES if fits(case)), None)
    if rule is None:
        return f"no rule for {case.expected!r}"
    return None if rule(case, ended, code) else told


def _good(case: Case, ended: Ended, code: int | None) -> bool:
    """Records, which say what was sent where that is expected, and no marks of thinking in them."""
    sent = "really sent" not in case.expected or any("sent" in one["provenance"] for one in ended.records)
    texts = "".join(one["chain_of_thought"] for one in ended.records)
    return code is None and bool(texts) and sent and not re.search("<think|</think|assistantfinal", texts)


def _stopped(case: Case, ended: Ended, code: int | None) -> bool:
    adapted = case.name.startswith("p_") and ended.records
    return bool(adapted) or (code in (2, 4) and case.name in str(ended.error))


def _away(case: Case, ended: Ended, code: int | None) -> bool:
    """The service is away, which the run says with what the service did; no question has failed for it."""
    said = _REASON.search(str(ended.error))
    return code == 5 and said is not None and not ended.failures


_REASON = re.compile(
    r"answered \d|sent |ended a reply|broke off|(?:not answered|no usable reply) for .*: |cannot be reached|left alone"
)


def _no_record(_: Case, ended: Ended, code: int | None) -> bool:
    return not ended.records and code in (None, 2, 5)


def _others_go_on(_: Case, ended: Ended, code: int | None) -> bool:
    return code == 5 and len(ended.records) == len(OTHERS)


def _expects(*beginnings: str) -> Callable[[Case], bool]:
    return lambda case: case.expected.startswith(beginnings)


_RULES: list[tuple[Callable[[Case, Ended, int | None], bool], Callable[[Case], bool]]] = [
    (_no_record, lambda case: case.role == "(judge)" and case.name == "cut_stop"),  # its verdict has no reason
    (_away, lambda case: case.endless),
    (_good, lambda case: case.gentle),
    (_good, _expects("taken as", "adapts", "verdict read", "nobody can know", "n/a", "analysis")),
    (_stopped, _expects("stop at once")),
    (_away, _expects(SENT_AGAIN)),
    (_no_record, _expects("asked again, then", "cut text", "the request's own fault")),
    (lambda _, __, code: code in (None, 5), _expects("a cut verdict", "(no body drew")),
    (lambda _, __, code: code is None, _expects("that request's own fault")),
    (_others_go_on, _expects("that request only")),
]
"""How to see that a run ended as the table expects, and of which cases; the first that fits."""
