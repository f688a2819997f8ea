"""What is read back: within bounds, in its shape, and inside its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import Struct

from reasonmed.documents import Document, Refused, _content, content_of, decoded, inside, visible
from reasonmed.errors import UsageError


class Shape(Struct):
    version: int
    names: dict[str, list[int]] = {}


KIND = Document("sample", Shape, UsageError, "make it again", ("version", (2, 1)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"names": {}}', "its version is None, and this version reads 2 and 1"),
        ('{"version": 3}', "its version is 3"),
        ('{"version": true}', "its version is True"),
        ('{"version": 2, "names": {"a": ["x"]}}', r"`names\[\.\.\.\]\[0\]`: Expected `int`, got `str`"),
        ('{"version": 2, "more": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"version": 2, "more": 1e999}', "out of range"),
    ],
)
def test_a_document_says_file_field_and_fix(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=f"sample.json is no sample: .*{said}.*; make it again"):
        KIND.read(path)


def test_other_fields_of_a_document_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    path.write_text('{"version": 1, "more": 7}', encoding="utf-8")
    assert KIND.plain(path) == {"version": 1, "more": 7}
    assert KIND.read(path) == Shape(1)


def test_a_field_that_is_missing_is_named_with_its_place() -> None:
    with pytest.raises(Refused, match="it has no `version`"):
        decoded(b"{}", Shape)
    with pytest.raises(Refused, match=r"it has no `a\[0\].version`|it has no `\[\.\.\.\]\[0\].version`"):
        decoded(b'{"a": [{}]}', dict[str, list[Shape]])


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/etc/hosts", "a/../b"])
def test_a_name_that_goes_up_or_is_absolute_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no path inside"):
        inside(tmp_path, name)


def test_links_are_followed_within_a_folder_and_refused_out_of_it(tmp_path: Path) -> None:
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "real").mkdir()
    (folder / "within").symlink_to(folder / "real")
    (folder / "away").symlink_to(out)
    (folder / "loop").symlink_to(folder / "loop")
    assert inside(folder, "within/x") == folder / "within/x"
    assert inside(folder, "not/there") == folder / "not/there"
    for name in ("away", "away/x"):
        with pytest.raises(Refused, match="leads out of"):
            inside(folder, name)
    with pytest.raises(Refused, match="leads nowhere"):
        inside(folder, "loop")


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(Refused, match="no regular file"):
            content_of(path)
    monkeypatch.setattr(_content, "MOST", 10)
    (tmp_path / "long").write_bytes(b"x" * 11)
    with pytest.raises(Refused, match="more than 10 bytes, and no more are read"):
        content_of(tmp_path / "long")


def test_what_a_terminal_obeys_is_replaced() -> None:
    assert visible("a\x1b[31mb\x9b\u202ec\u061cd\ud800\n\te") == "a\ufffd[31mb\ufffd\ufffdc\ufffdd\ufffd\n\te"


def test_a_document_is_written_as_it_is_read_and_an_old_one_may_lack_its_version(tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    KIND.write(path, Shape(2, {"é": [1]}))
    assert path.read_text(encoding="utf-8") == '{\n "version": 2,\n "names": {\n  "é": [\n   1\n  ]\n }\n}\n'
    assert KIND.read(path) == Shape(2, {"é": [1]})
    path.write_text('{"kind": "old"}', encoding="utf-8")
    with pytest.raises(UsageError, match="its version is None"):
        KIND.read(path)
    elder = Document("sample", dict[str, str], UsageError, "make it again", ("version", (1,)), unsaid=1)
    assert elder.read(path) == {"kind": "old"}
