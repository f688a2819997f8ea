"""Large blocks stay with the process that trains on a processor, unless its user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PROGRAM = """
from pathlib import Path
from reasonmed.training.heap import keep_blocks
keep_blocks()
block = bytearray(100 << 20)
(heap,) = (line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[heap]"))
start, end = (int(place, 16) for place in heap.split()[0].split("-"))
print((end - start) >> 20)
"""


@pytest.mark.parametrize(("given", "kept"), [({}, True), ({"MALLOC_MMAP_MAX_": "65536"}, False)])
def test_a_large_block_lies_where_the_next_step_finds_it(given: dict[str, str], kept: bool) -> None:  # noqa: FBT001
    if not sys.platform.startswith("linux") or "glibc" not in str(os.confstr("CS_GNU_LIBC_VERSION")):
        pytest.skip("needs Linux with glibc, whose blocks these are")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env={**variables, **given}
    )
    assert (int(done.stdout) >= 100) == kept
