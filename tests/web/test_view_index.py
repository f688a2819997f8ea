"""The index of questions: what is found is what is there, whatever came in which order, and whatever broke."""

from __future__ import annotations

import os
import signal
import sqlite3
import unicodedata
from collections import Counter
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reasonmed.errors import RunDirectoryError, StorageFailed
from reasonmed.web.index import Index, Wanted
from reasonmed.web.index.entry import Entry, Step, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

WORDS = ("sepsis", "Fièvre", "warfarin", "10-mg", "感染", "폐렴", "µg")
"""None of them is a part of another one."""
_TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
_TIERS, _FLAGS = ("easy", "hard"), ("x", "y", "z")


class Log:
    """A source that grows: entries in the order in which they came, the last one of an id stands."""

    def __init__(self, folder: Path, entries: Sequence[Entry] = ()) -> None:
        self.index_path = folder / "view.db"
        self.entries = list(entries)
        self.word = "1"
        self.before: Callable[[int], None] = lambda _: None
        """Called before each entry is read, with its place."""

    def stamp(self) -> str:
        return self.word

    def total(self) -> int:
        return len({one.id for one in self.entries})

    def steps(self, marks: Mapping[str, int]) -> Iterator[Step]:
        for place in range(marks.get("at", 0), len(self.entries)):
            self.before(place)
            yield Step(self.entries[place], {"at": place + 1})

    def standing(self) -> list[Entry]:
        """What a reader who comes now finds."""
        return list({one.id: one for one in self.entries}.values())


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    name = f"q{draw(st.integers(0, 5))}"
    tier, flags = draw(st.sampled_from(_TIERS)), draw(st.frozensets(st.sampled_from(_FLAGS)))
    texts = Texts(draw(_TEXTS), draw(_TEXTS), draw(_TEXTS))
    return entry(name, texts, tier, flags, draw(st.integers(0, 3)))


def entry(name: str, texts: Texts, tier: str = "easy", flags: frozenset[str] = frozenset(), wrong: int = 1) -> Entry:
    facets = {"tier": [tier], "flag": sorted(flags)}
    tallies = {name: count for name, count in ((f"tier {tier}", 1), ("wrong", wrong)) if count}
    return Entry(name, texts.stem, tier, texts, facets, 1, wrong, wrong / 2, tallies)


@st.composite
def wishes(draw: st.DrawFn) -> Wanted:
    terms = draw(st.lists(st.tuples(st.sampled_from(("", "-")), st.sampled_from(WORDS)), max_size=3))
    chosen = {
        "tier": draw(st.lists(st.sampled_from((*_TIERS, "no such")), max_size=2)),
        "flag": draw(st.lists(st.sampled_from(_FLAGS), max_size=2)),
    }
    within = draw(st.sampled_from(("", "stem", "chains", "verdicts", "no such")))
    return Wanted(" ".join(sign + word for sign, word in terms), within, chosen, "file")


def found_in(index: Index, wanted: Wanted) -> tuple[list[str], int, dict[str, dict[str, int]]]:
    """The ids, their number, and the counts that are not 0."""
    found = index.find(wanted, {})
    counts = {facet: {value: n for value, n in values.items() if n} for facet, values in found.counts.items()}
    return [line.id for line in found.lines], found.total, {facet: values for facet, values in counts.items() if values}


def plainly_found(entries: Sequence[Entry], wanted: Wanted) -> tuple[list[str], int, dict[str, dict[str, int]]]:
    """The same by looking at every entry."""

    def has(one: Entry, word: str) -> bool:
        texts = [getattr(one.texts, wanted.within)] if wanted.within in Texts._fields else one.texts
        return any(word in text.split() for text in texts)

    terms = wanted.text.split()
    hits = [one for one in entries if all(has(one, word.lstrip("-")) != word.startswith("-") for word in terms)]

    def of(but: str = "") -> list[Entry]:
        asked = {facet: set(values) for facet, values in wanted.chosen.items() if values and facet != but}
        return [one for one in hits if all(values & set(one.facets[facet]) for facet, values in asked.items())]

    counts = {
        facet: dict(Counter(value for one in of(facet) for value in one.facets[facet])) for facet in ("tier", "flag")
    }
    ids = [one.id for one in of()]
    return ids, len(ids), {facet: values for facet, values in counts.items() if values}


def searched(word: str) -> str:
    """A word as a person may type it: without accents, in capital letters."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
    return unicodedata.normalize("NFC", bare).upper()


@settings(max_examples=30)
@given(
    came=st.lists(entries(), max_size=12),
    pauses=st.lists(st.integers(0, 12), max_size=3),
    wanted=wishes(),
    full_text=st.booleans(),
)
def test_an_index_that_grew_finds_what_one_made_at_once_does(
    *, came: list[Entry], pauses: list[int], wanted: Wanted, full_text: bool
) -> None:
    with TemporaryDirectory() as name:
        grown = Log(Path(name))
        for pause in (*sorted(pauses), len(came)):
            grown.entries = came[:pause]
            with closing(Index(grown, full_text=full_text)) as index:
                index.catch_up()
        with closing(Index(grown, full_text=full_text)) as index:
            assert found_in(index, wanted) == plainly_found(grown.standing(), wanted)
            sums = sum((Counter(one.tallies) for one in grown.standing()), Counter[str]())
            assert index.state.tallies == dict(sums)
            assert index.progress[:2] == (grown.total(), grown.total())
            lower = wanted._replace(text=searched(wanted.text))
            assert found_in(index, lower) == found_in(index, wanted)


@settings(max_examples=100)
@given(text=st.text(max_size=60), within=st.sampled_from(("", "stem", 'x" OR stem')), full_text=st.booleans())
@example(text='NEAR(a b) {stem}: ^a AND NOT "', within="", full_text=True)
@example(text="-" * 60, within="", full_text=True)
@example(text='* "*" "" -"" -* (\' \x00 _', within="", full_text=True)
@example(text="\ud800 ﬁ 𞤀 %_\\", within="", full_text=False)
@example(text="\U0001e900", within="", full_text=True)
def test_no_text_is_an_error_or_syntax(*, text: str, within: str, full_text: bool) -> None:
    assert two(full_text=full_text).find(Wanted(text, within), {}).total in (0, 1, 2)


@cache
def two(*, full_text: bool) -> Index:
    """An index of two questions, made once."""
    one = Texts("What is sepsis?", "", "so says the judge")
    other = Texts("Warfarin and 肺炎球菌感染 in children, 2 m² of skin, \ufb01brosis", "100% or 100_ of d'Août")
    index = Index(Log(Path(mkdtemp()), [entry("q0", one), entry("q1", other)]), full_text=full_text)
    index.catch_up()
    return index


@pytest.mark.parametrize("full_text", [True, False])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "q0 q1"),
        ("SEPSIS", "q0"),
        ("what sepsis", "q0"),
        ('"sepsis what"', ""),
        ('"what is"', "q0"),
        ("“what is”", "q0"),
        ("warf*", "q1"),
        ("-warfarin", "q0"),
        ("-warfarin -sepsis", ""),
        ("-children in", ""),
        ("感染", "q1"),
        ("球菌 肺炎", "q1"),
        ("炎肺", ""),
        ("m2 fibrosis", "q1"),
        ("aout", "q1"),
        ("100%", "q1"),
        ("q*x", ""),
        ("*", "q0 q1"),
        ("judge", "q0"),
    ],
)
def test_words_phrases_beginnings_and_exclusions(text: str, found: str, *, full_text: bool) -> None:
    lines = two(full_text=full_text).find(Wanted(text, sort="file"), {}).lines
    assert " ".join(line.id for line in lines) == found


def test_a_word_in_a_question_counts_more_than_one_in_a_chain(tmp_path: Path) -> None:
    texts = [Texts("a b c", "sepsis", "a"), Texts("a sepsis c", "b", "a"), *[Texts("other", "words", "here")] * 8]
    index = opened(Log(tmp_path, [entry(f"q{n}", one) for n, one in enumerate(texts)]))
    assert [line.id for line in index.find(Wanted("sepsis"), {}).lines] == ["q1", "q0"]


def test_a_source_that_fails_in_the_middle_of_a_batch_loses_nothing(tmp_path: Path) -> None:
    source = Log(tmp_path, made(6))
    index = opened(source)
    source.entries += [*made(6), *made(12)[6:]]

    def fail(place: int) -> None:
        if place == 9:
            raise RunDirectoryError("a row is torn")

    source.before = fail
    for _ in range(2):
        with pytest.raises(RunDirectoryError, match="torn"):
            index.catch_up()
        assert index.state.tallies == {"tier easy": 6, "wrong": 6}
    source.before = lambda _: None
    index.catch_up()
    assert index.state.tallies == {"tier easy": 12, "wrong": 12}
    assert index.find(Wanted("sepsis"), {}).total == 12


def test_what_changes_while_it_is_read_is_read_anew(tmp_path: Path) -> None:
    """The mark of what was read is the one from before it was read: else the change would never be seen."""
    source = Log(tmp_path, made(3))

    def change(place: int) -> None:
        if place == 2 and source.word == "1":
            source.word, source.entries = "2", [entry("other", Texts("anew"))] * 3

    source.before = change
    index = Index(source)
    index.catch_up()
    index.catch_up()
    assert [line.id for line in index.find(Wanted(), {}).lines] == ["other"]


def test_a_stop_in_the_middle_is_gone_on_with(tmp_path: Path) -> None:
    source = Log(tmp_path, made(9))
    with closing(Index(source)) as index:
        source.before = lambda place: index.stop() if place == 4 else None
        index.catch_up()
        assert index.progress == (5, 9, False)
    read: list[int] = []
    source.before = read.append
    assert opened(source).find(Wanted("sepsis"), {}).total == 9
    assert read == [5, 6, 7, 8]


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_kill_in_the_middle_of_building_leaves_what_was_committed(place: int, tmp_path: Path) -> None:
    source = Log(tmp_path, made(4))
    opened(source).close()
    source.entries += made(8)
    child = os.fork()
    if not child:
        source.before = lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == 4 + place else None
        opened(source)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    index = opened(source)
    assert index.find(Wanted("sepsis"), {}).total == 8
    assert index.state.tallies == {"tier easy": 8, "wrong": 8}


@settings(max_examples=10)
@given(st.data())
def test_a_damaged_file_is_rebuilt(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        source = Log(Path(name), made(30))
        opened(source).close()
        content = bytearray(source.index_path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(content) - 1))
            content[start : start + 300] = data.draw(st.sampled_from((b"", b"\x00" * 300, b"\xff" * 300)))
        source.index_path.write_bytes(content)
        source.entries += made(32)
        with closing(Index(source)) as index:
            for _ in range(3):
                try:
                    index.catch_up()
                    found = index.find(Wanted("sepsis", sort="id"), {})
                except StorageFailed:
                    continue
            assert len(found.lines) == found.total


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM questions; END",
        "UPDATE questions SET row = 4000000000 WHERE row = 2",
        "UPDATE questions SET row = -1 WHERE row = 0",
        "INSERT INTO versions VALUES (1, 5000000000)",
        "UPDATE facets SET rows = 'b' || zeroblob(100000)",
        "UPDATE facets SET value = x'ff'",
        "UPDATE notes SET value = '[]' WHERE name = 'marks'",
        "UPDATE notes SET value = '9' WHERE name = 'version'",
        "UPDATE details SET facts = x'00'",
        "DELETE FROM notes",
    ],
)
def test_a_file_that_somebody_else_filled_is_rebuilt(sql: str, tmp_path: Path) -> None:
    source = Log(tmp_path, made(5))
    opened(source).close()
    with closing(sqlite3.connect(source.index_path, isolation_level=None)) as changed:
        changed.execute(sql)
    source.entries += made(6)
    with closing(Index(source)) as index:
        for _ in range(2):
            with suppress(StorageFailed):
                index.catch_up()
        assert index.find(Wanted("sepsis"), {}).total == 6
        assert index.state.tallies == {"tier easy": 6, "wrong": 6}


def test_pages_are_read_while_the_index_grows_and_is_rebuilt(tmp_path: Path) -> None:
    source, failed, wanted = Log(tmp_path, made(300)), list[BaseException](), Wanted("sepsis -fever", sort="id")
    index = Index(source)

    def read() -> None:
        try:
            while not index.progress.up_to_date:
                found = index.find(wanted, {})
                assert len(found.lines) == min(50, found.total)
                assert sum(found.counts.get("tier", {}).values()) == found.total
        except BaseException as error:  # noqa: BLE001 - looked at below
            failed.append(error)

    def grow(place: int) -> None:
        if place == 200 and source.word < "4":
            source.word = str(int(source.word) + 1)

    source.before = grow
    readers = [Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    while not index.progress.up_to_date:
        index.catch_up()
    for reader in readers:
        reader.join()
    assert not failed
    assert index.find(wanted, {}).total == 300


def test_a_second_viewer_has_an_index_of_its_own(tmp_path: Path) -> None:
    source = Log(tmp_path, made(3))
    with closing(opened(source)) as first, closing(opened(source)) as second:
        source.entries += made(5)
        for index in (second, first):
            index.catch_up()
            assert index.find(Wanted("sepsis"), {}).total == 5
    assert opened(source).progress == (5, 5, True)


@pytest.mark.parametrize("side", ["", "-wal", "-shm"])
def test_a_link_under_the_indexs_name_is_not_followed(side: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    (tmp_path / f"view.db{side}").symlink_to(other)
    assert opened(Log(tmp_path, made(3))).find(Wanted("sepsis"), {}).total == 3
    assert other.read_text() == "precious"


def test_many_rare_values_of_a_filter_take_little_room(tmp_path: Path) -> None:
    came = [entry(f"q{n}", Texts("x"))._replace(facets={"source": [f"s{n % 500}"]}) for n in range(1_500)]
    index = opened(Log(tmp_path, came))
    values = index.state.facets["source"]
    assert sum(len(rows.blob()) for rows in values.values()) < 1_500 * 6
    found = index.find(Wanted(chosen={"source": ["s7", "s8"]}, text="x"), {})
    assert found.total == 6
    assert set(found.counts["source"].values()) == {3}


def opened(source: Log) -> Index:
    """Its index, up to date."""
    index = Index(source)
    index.catch_up()
    return index


def made(count: int) -> list[Entry]:
    return [entry(f"q{n:03}", Texts("What is sepsis?")) for n in range(count)]
