"""``run --ray`` that cannot be: said at once, before anything is sent or written."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from product import reasonmed_at
from reasonmed.cluster.connecting import joined
from reasonmed.errors import UsageError
from reasonmed.recipe.shipped import resource

RUN = ("run", resource("examples", "questions.json"), "-r", "scripted", "--limit", "2", "-o", "run")


def test_no_ray_at_an_address_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = reasonmed_at(tmp_path, *RUN, "--ray", f"127.0.0.1:{port}")
    assert done.code == 2
    assert f"no Ray at 127.0.0.1:{port}" in done.err
    assert "ray start --head" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ray=nowhere",), "HOST:PORT, auto or local"),
        (("--ray", "ray://127.0.0.1:10001"), "HOST:PORT, auto or local"),
        (("--shards", "3"), "--shards is for --ray"),
        (("--ray", "--shard", "1/3"), "leave out --shard"),
        (("--ray", "local", "--shards", "0"), "--shards"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = reasonmed_at(tmp_path, *RUN, *words)
    assert done.code == 2, done.err
    assert said in done.err
    assert not (tmp_path / "run").exists()


def test_ray_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"reasonmed\[ray\]"), joined("local", 1):
        raise AssertionError("there is none")
