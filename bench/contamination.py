"""Recall and false alarms of the contamination check on planted cases, and its speed on many questions.

Half of the questions of every file become the benchmarks. Copies of them, changed in known ways, must be found; the
other half, alone or mixed with parts of the first, must not. ``--speed N`` checks N questions made by recombination.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.checks import Plan
from reasonmed.checks.inputs import find_input
from reasonmed.checks.write import check_to_files
from reasonmed.questions import Settings, questions_in
from reasonmed.questions._lint import native_row
from reasonmed.questions.contamination import METHODS, Benchmark, Matcher, benchmark, build
from reasonmed.questions.normal import normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.types import Question

SETS = ("medqa", "medmcqa", "pubmedqa", "mmlu_medical", "medxpertqa")
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
TEMPLATES = (
    (r"\bWhich of the following is the\b", "What is the"),
    (r"\bWhich of the following\b", "Which one of these"),
    (r"\bmost likely\b", "most probable"),
    (r"\ball of the following\b", "each of these"),
    (r"\bA (\d+)-year-old (\w+)\b", r"A \2 aged \1 years"),
    (r"\bcomes to the (?:physician|clinic|office)\b", "presents to a doctor"),
    (r"\bis brought to the emergency department\b", "is taken to the ER"),
    (r"\bbecause of\b", "due to"),
    (r"\bshows\b", "reveals"),
    (r"\bThe patient\b", "This person"),
    (r"\bis seen in\b", "occurs in"),
    (r"\bcaused by\b", "due to"),
    (r"\bdrug of choice\b", "preferred drug"),
    (r"\bcharacteristic of\b", "typical of"),
    (r"^Do(?:es)? ", "Can it be said that "),
    (r"^Is there ", "Do we see "),
    (r"\bassociated with\b", "linked to"),
    (r"\bexcept\b", "but not"),
)


def shouted(question: Question, draw: random.Random) -> Question:
    """Case and punctuation changed."""
    stem = re.sub(r"[.,;:?]", lambda _: draw.choice((" ;", " -", "...", "")), question.stem)
    return replace(question, stem=stem.upper(), options=tuple(f"{one.lower()}." for one in question.options))


def reordered(question: Question, draw: random.Random) -> Question:
    """The options in another order."""
    return replace(question, options=tuple(draw.sample(question.options, len(question.options))))


def shortened(question: Question, draw: random.Random) -> Question | None:
    """One sentence dropped."""
    sentences = SENTENCE.split(question.stem)
    if len(sentences) < 2:  # noqa: PLR2004 - one must be left
        return None
    sentences.pop(draw.randrange(len(sentences)))
    return replace(question, stem=" ".join(sentences))


def renumbered(question: Question, draw: random.Random) -> Question | None:
    """Every number of the stem changed."""
    stem = re.sub(r"\d+", lambda found: str(int(found[0]) + draw.randint(1, 9)), question.stem)
    return None if stem == question.stem else replace(question, stem=stem)


def paraphrased(question: Question, draw: random.Random) -> Question | None:  # noqa: ARG001 - every kind's shape
    """Turns of phrase replaced by others of the same meaning."""
    stem = question.stem
    for pattern, other in TEMPLATES:
        stem = re.sub(pattern, other, stem, flags=re.IGNORECASE)
    return None if stem == question.stem else replace(question, stem=stem)


COPIES: dict[str, Callable[[Question, random.Random], Question | None]] = {
    "verbatim": lambda question, _: question,
    "case and punctuation changed": shouted,
    "options reordered": reordered,
    "one sentence dropped": shortened,
    "numbers changed": renumbered,
    "paraphrased by templates": paraphrased,
}


def same_options(question: Question, other: Question) -> Question:
    """Another question under a benchmark question's options."""
    return replace(other, options=question.options)


def same_vignette(question: Question, other: Question) -> Question | None:
    """A benchmark question's vignette, and another question asked of it."""
    vignette, ask = SENTENCE.split(question.stem), SENTENCE.split(other.stem)
    if len(vignette) < 2 or normal(vignette[-1]) == normal(ask[-1]):  # noqa: PLR2004 - a vignette and what is asked
        return None
    return replace(other, stem=" ".join([*vignette[:-1], ask[-1]]))


def halves(folder: Path) -> tuple[list[Benchmark], list[Question], list[Question]]:
    """Benchmarks of every second question, these questions, and the others."""
    made, inside, outside = [], [], []
    with tempfile.TemporaryDirectory() as place:
        for name in SETS:
            questions = list(questions_in(folder / f"{name}.jsonl"))
            half = Path(place, f"{name}.jsonl")
            write(half, questions[::2])
            made.append(build([half], name, len(questions)))
            inside += questions[::2]
            outside += questions[1::2]
    return made, inside, outside


def write(path: Path, questions: list[Question]) -> None:
    """Questions as a file."""
    path.write_text("".join(json.dumps(native_row(one)) + "\n" for one in questions), encoding="utf-8")


def measure(folder: Path) -> None:
    """Print the table of recall and false alarms."""
    made, inside, outside = halves(folder)
    hashed = [one._replace(words=None) for one in made]
    ways = {name: Matcher(made, (name,)) for name in METHODS}
    ways |= {"index": Matcher(hashed, ("exact", "ngram", "minhash")), "all": Matcher(made)}
    draw = random.Random(7)  # noqa: S311 - draws of a benchmark guard nothing
    pairs = [(one, other) for one, other in zip(inside, draw.sample(outside, len(outside)), strict=False)]
    print(f"| planted | n | {' | '.join(ways)} |\n|---|--:|{'--:|' * len(ways)}")
    for kind, change in COPIES.items():
        cases = [(one.id, copy) for one in inside if (copy := change(one, draw)) is not None]
        row(kind, cases, ways, wanted=True)
    row("*other questions*", [("", one) for one in outside], ways, wanted=False)
    row("*others' options*", [("", same_options(one, other)) for one, other in pairs], ways, wanted=False)
    mixed = [("", copy) for one, other in pairs if (copy := same_vignette(one, other)) is not None]
    row("*same vignette, another question*", mixed, ways, wanted=False)


def row(kind: str, cases: list[tuple[str, Question]], ways: dict[str, Matcher], *, wanted: bool) -> None:
    """Print a row: the share that was found for what it is, or the number of false alarms."""
    if not cases:
        return
    cells = []
    for matcher in ways.values():
        hits = [(name, {match.id for match in matcher.matches(one)}) for name, one in cases]
        right = sum(name in found for name, found in hits)
        cells.append(f"{right / len(cases):.1%}" if wanted else str(sum(bool(found) for _, found in hits)))
    print(f"| {kind} | {len(cases):,} | {' | '.join(cells)} |", flush=True)


def recombined(name: str, pool: list[Question], draw: random.Random) -> Question:
    """The first half of one question with the second half of another of the same set, and options of both."""
    one, other = draw.sample(pool, 2)
    words, others = one.stem.split(" "), other.stem.split(" ")
    stem = " ".join([*words[: len(words) // 2], *others[len(others) // 2 :]])
    both = sorted({*one.options, *other.options})
    options = tuple(draw.sample(both, min(len(both), len(one.options))))
    return replace(one, id=name, stem=stem, options=options, answer=0, context=None)


def speed(folder: Path, count: int) -> None:
    """Check so many questions against the five sets, every hundredth a copy, and print processor time and memory."""
    draw = random.Random(3)  # noqa: S311 - the same
    pools = [list(questions_in(folder / f"{name}.jsonl")) for name in SETS]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "many.jsonl")
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                pool = draw.choices(pools, [len(pool) for pool in pools])[0]
                name = f"made-{number}"
                made = recombined(name, pool, draw) if number % 100 else replace(draw.choice(pool), id=name)
                file.write(json.dumps(native_row(made)) + "\n")
        start = time.process_time()
        matcher = Matcher([benchmark(folder / f"{name}.jsonl") for name in SETS])
        found = sum(bool(matcher.matches(one)) for one in questions_in(path))
        taken = time.process_time() - start
        print(
            f"contamination: {taken:.1f} s of one core for {count:,} questions, {found:,} matches, {memory()}",
            flush=True,
        )
        start = time.perf_counter()
        report = check_to_files(find_input(path, Settings()), Plan(matcher), Path(place, "report.json"), None)
        print(f"all rules: {time.perf_counter() - start:.1f} s on the clock, {report.counts.rules}, {memory()}")


def memory() -> str:
    """The most memory that this process has used."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with the five question files")
    parser.add_argument("--speed", type=int, metavar="N")
    told = parser.parse_args()
    if told.speed:
        speed(told.data, told.speed)
    else:
        measure(told.data)
