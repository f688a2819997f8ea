"""``review``: packs out, votes in, agreement and a table, as a user meets them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from product import Done, reasonmed_at
from reasonmed.documents import json_text
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import QueueWanted, Vote
from reasonmed.runs.reviews.incoming import VotesFile
from reasonmed.runs.reviews.pack import PackWanted, packs_of


@pytest.fixture
def folder(run26: RunDirectory, tmp_path: Path) -> Path:
    shutil.copytree(run26.path, tmp_path / "run")
    return tmp_path


def _review(folder: Path, *words: str | Path) -> Done:
    return reasonmed_at(folder, "review", *words)


def _votes(folder: Path, name: str, letters: str) -> Path:
    """A file of a reviewer's votes on the first texts: accept or reject, a letter each."""
    (pack,) = packs_of(RunDirectory(folder / "run"), PackWanted(QueueWanted(size=len(letters))))
    votes = [
        Vote(
            target=text.target,
            text_hash=text.text_hash,
            reviewer=name,
            decision="accept" if letter == "a" else "reject",
            at=float(number),
            reason="" if letter == "a" else "=1+1",
        )
        for number, (text, letter) in enumerate(zip(pack.texts, letters, strict=True))
    ]
    path = folder / f"votes-{name}.json"
    path.write_text(json_text(VotesFile(pack=pack.pack, votes=tuple(votes))), encoding="utf-8")
    return path


def test_packs_are_written_for_each_reviewer_and_never_over_a_file(folder: Path) -> None:
    words = ("pack", "run", "--sample", "10", "--reviewers", "2", "--overlap", "40%", "-o", "out/pack.html")
    done = _review(folder, *words)
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["out/pack-1.html: 7 texts", "out/pack-2.html: 7 texts"]
    assert "review merge run votes-*.json" in done.err
    (folder / "out" / "pack-1.html").unlink()
    again = _review(folder, *words)
    assert (again.code, list((folder / "out").iterdir())) == (2, [folder / "out" / "pack-2.html"])
    assert "out/pack-2.html exists; choose another -o, or --force" in again.err
    assert _review(folder, *words, "--force").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reviewers", "2", "--overlap", "much"), "--overlap 'much': it must be a share such as 20% or 0.2"),
        (("--reviewers", "2", "--overlap", "nan"), "--overlap 'nan'"),
        (("--overlap", "20%"), "--overlap goes with --reviewers N"),
        (("--sample", "2", "--reviewers", "5"), "2 texts are too few for 5 reviewers"),
    ],
)
def test_a_pack_that_cannot_be_is_refused(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = _review(folder, "pack", "run", "-o", "pack.html", *words)
    assert done.code == 2
    assert said in done.err
    assert not list(folder.glob("pack*"))


def test_votes_are_merged_by_the_file_and_a_torn_one_is_named(folder: Path) -> None:
    whole, torn = _votes(folder, "anna", "aar"), _votes(folder, "ben", "aaa")
    torn.write_bytes(torn.read_bytes()[:-9])
    done = _review(folder, "merge", "run", torn, whole)
    assert done.code == 2
    assert "votes-ben.json is no file of votes" in done.err
    assert done.out.strip().endswith("votes-anna.json: 3 votes new, 0 known, 0 stale; by anna 3")
    again = _review(folder, "merge", "run", whole)
    assert (again.code, "0 votes new, 3 known, 0 stale" in again.out) == (0, True)


def test_agreement_and_the_table_tell_what_reviewers_said(folder: Path) -> None:
    files = [_votes(folder, "anna", "a" * 9 + "rrr"), _votes(folder, "ben", "a" * 8 + "rrra")]
    assert _review(folder, "merge", "run", *files).code == 0
    shown = _review(folder, "agreement", "run")
    assert shown.code == 0, shown.err
    assert "10 of 12 (83%)" in shown.out
    assert "Krippendorff's alpha of all reviewers: 0.57" in shown.out
    assert "Disagreements: 2" in shown.out
    found = json.loads(_review(folder, "agreement", "run", "--json").out)
    (pair,) = found["pairs"]
    assert (pair["shared"], pair["agreed"], round(pair["kappa"]["value"], 4)) == (12, 10, 0.5556)
    assert [one["said"][0]["decision"] for one in found["disagreements"]].count("accept") == 1
    written = _review(folder, "csv", "run", "-o", "votes.csv")
    assert written.out.strip() == "votes.csv: 24 votes"
    with (folder / "votes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reason"] for row in rows} == {"", "'=1+1"}
    assert _review(folder, "csv", "run", "-o", "votes.csv").code == 2


def test_what_is_no_run_and_a_run_without_votes_are_said(folder: Path) -> None:
    for words in (("pack", "none", "-o", "p.html"), ("merge", "none", "x.json"), ("agreement", "none")):
        done = _review(folder, *words)
        assert (done.code, "none is no run" in done.err) == (2, True)
    for words in (("agreement", "run"), ("csv", "run", "-o", "votes.csv")):
        done = _review(folder, *words)
        assert (done.code, "run has no votes; `reasonmed review pack`" in done.err) == (2, True)
    assert not (folder / "votes.csv").exists()


@pytest.mark.parametrize("command", ["pack", "merge", "agreement", "csv"])
def test_every_command_of_a_review_has_help_with_an_example(folder: Path, command: str) -> None:
    done = _review(folder, command, "--help")
    assert (done.code, f"reasonmed review {command}" in done.out) == (0, True)
