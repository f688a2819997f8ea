"""The self-test with kills, as a user runs it; docs/running.md shows a shorter one."""

from __future__ import annotations

from pathlib import Path

from product import reasonmed_at


def test_a_killed_run_of_the_users_recipe_ends_in_the_same_bytes(tmp_path: Path) -> None:
    done = reasonmed_at(tmp_path, "selftest", "--kill", "--kills", "2")
    assert done.code == 0, done.out + done.err
    assert "ok  same bytes" in done.out
    assert "ok  a kill costs only what was under way" in done.out
    assert "NO " not in done.out
