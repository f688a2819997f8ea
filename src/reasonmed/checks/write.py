"""From an input to the report's files: the findings are spooled to disk, so that memory does not grow with them."""

from __future__ import annotations

from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from reasonmed.checks import Plan, check, unseen
from reasonmed.checks.findings import header
from reasonmed.checks.page import Shown, report_page
from reasonmed.files import replacing_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reasonmed.checks.findings import Report
    from reasonmed.checks.inputs import Input


def check_to_files(
    source: Input, plan: Plan, json: Path | None, html: Path | None, done: Callable[[int], None] = unseen
) -> Report:
    """Check a set and write the report's files that are wanted: both, or none, wherever the command is interrupted.

    ``done`` is called with the number of questions checked so far.
    """
    shown = Shown()
    with _spool() as spool:
        report = check(source, plan, spool, shown.add, done)
        with replacing_all([path for path in (json, html) if path is not None]) as sinks:
            if json is not None:
                _write_json(report, spool, sinks[0])
            if html is not None:
                sinks[-1].write(report_page(report, shown, shown.stems(source)).encode())
    return report


@contextmanager
def _spool() -> Iterator[BinaryIO]:
    with TemporaryFile() as spool:
        yield cast("BinaryIO", spool)


def _write_json(report: Report, spool: BinaryIO, sink: BinaryIO) -> None:
    """The report as one JSON object, one finding a line."""
    spool.seek(0)
    sink.write(header(report).encode() + b',\n "findings": [')
    mark = b"\n  "
    for line in spool:
        sink.write(mark + line.rstrip(b"\n"))
        mark = b",\n  "
    sink.write(b"\n ]\n}\n")
