"""The text of a data card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.export.card.head import is_english
from reasonmed.export.card.licenses import conflict
from reasonmed.export.card.sections import contamination, cost, judge, left, terms
from reasonmed.export.card.statements import DEMO, NOT_CLINICAL, biases, contents, limits, savings
from reasonmed.questions.licenses import OTHER, UNKNOWN, identifier, text_of
from reasonmed.report.markdown import bullets, code, count, number, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Told = Mapping[str, Any]

_NONE = "none"
_TIERS = ("easy", "medium", "difficult", _NONE)
_FILES = """\
## Files

`croissant.json` names every table with its SHA-256 and columns; `export.json` has all settings and counts.
"""
_SPLITS = ("train", "validation", "test")


def text(told: Told, configs: Sequence[dict[str, Any]], name: str, shown: Mapping[str, str]) -> str:
    """The card below its head.

    Args:
        told: the export's manifest.
        configs: what ``datasets`` loads, as in the head.
        name: the title.
        shown: what each picture shows, by its path.
    """
    pictures = {path.rpartition("/")[2]: f"![{what}]({path})\n\n" for path, what in shown.items()}
    parts = [
        f"# {plain(name)}\n",
        *([f"> **Demo.** {DEMO}\n"] if told["demo"] else []),
        f"> **{NOT_CLINICAL.replace('. ', '.** ', 1)}\n",
        *_what(told, configs),
        *_counts(told, pictures),
        *_making(told),
        terms(told),
        judge(told, pictures.get("verdicts.svg", "")),
        contamination(told),
        cost(told),
        left(told),
        f"## Biases and limits\n\n{bullets(map(plain, [*biases(told), *limits(told)]))}",
        _FILES,
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def _what(told: Told, configs: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## What this is\n"
    yield f"{plain(contents(told))}\n"
    counts = told["card"]["counts"]
    language = "English, by the words of the questions" if is_english(counts) else "not established"
    yield f"Language: {language}. With a context text: {count(counts['context'], 'question')}.\n"
    if configs:
        rows = [[code(one["config_name"]), *_rows_of(told, one)] for one in configs]
        yield "What `datasets.load_dataset(PATH, CONFIG)` reads, in rows by split:\n"
        yield table(["config", *_SPLITS], rows, right=len(_SPLITS))
    yield "Every form of the data that is here:\n"
    forms = [[code(f"{name}/"), _markdown(note), number(_rows_in(told, name))] for name, note in told["forms"].items()]
    yield table(["folder", "what it is", "rows"], forms, right=1)


def _markdown(note: str) -> str:
    """The first line of a format's docstring."""
    return "".join(code(part) if place % 2 else _spaced(part) for place, part in enumerate(note.split("``")))


def _spaced(part: str) -> str:
    """Words between pieces of code, with the spaces that set them apart."""
    return f"{' ' * part.startswith(' ')}{plain(part)}{' ' * part.endswith(' ')}"


def _rows_in(told: Told, name: str) -> int:
    return sum(rows for file, rows in told["rows"].items() if file.startswith(f"{name}/"))


_SAID_BY = {"row": ", as the question file says", "layout": ", as for published files of this layout"}
"""Who named a license, by ``license_source``."""


def _rows_of(told: Told, config: Mapping[str, Any]) -> list[str]:
    paths = {one["split"]: one["path"] for one in config["data_files"]}
    return [number(told["rows"].get(paths.get(split), 0)) for split in _SPLITS]


def _counts(told: Told, pictures: Mapping[str, str]) -> Iterator[str]:
    counts = told["card"]["counts"]
    yield "## Sources and counts\n"
    rows = [
        [
            plain(one["source"] or "not named"),
            _license(one["source"], one["license"]) + _SAID_BY.get(one.get("license_source", "none"), ""),
            number(one["questions"]),
            number(one["records"]),
        ]
        for one in counts["sources"]
    ]
    yield table(["source", "license of the questions", "questions", "records"], rows, right=2)
    yield "Records by split and tier (the number of wrong chains of thought makes the tier):\n"
    found = [tier for tier in _TIERS if any(tier in split for split in counts["tiers"].values())]
    splits = [
        [
            split,
            number(told["splits"][split]["questions"]),
            *(number(counts["tiers"].get(split, {}).get(tier, 0)) for tier in found),
            number(told["splits"][split]["records"]),
        ]
        for split in _SPLITS
        if split in told["splits"]
    ]
    yield table(["split", "questions", *found, "records"], splits, right=len(found) + 2)
    yield "No question is in two splits." if len(splits) > 1 else "There is no held-out split."
    yield from (pictures[name] for name in ("records.svg",) if name in pictures)
    yield table(
        ["chain of thought written by", "records"],
        [[plain(name), number(written)] for name, written in counts["by_writer"].items()],
        right=1,
    )
    origins = ", ".join(f"{found:,} by {code(name)}" for name, found in counts["by_origin"].items())
    yield f"By the stage that they come from: {origins}.\n" if origins else ""
    yield from _scores(counts, pictures)


def _scores(counts: Mapping[str, Any], pictures: Mapping[str, str]) -> Iterator[str]:
    scored = {int(score): found for score, found in counts["by_score"].items() if score != _NONE}
    if not scored:
        yield "No record has a quality score.\n"
        return
    total = sum(scored.values())
    mean = sum(score * found for score, found in scored.items()) / total
    records = count(counts["records"], "record")
    yield f"A model gave {total:,} of {records} a quality score of 1 to 10; their mean is {mean:.2f}.\n"
    yield table(["score", "records"], [[str(score), number(scored[score])] for score in sorted(scored)], right=1)
    yield from (pictures[name] for name in ("scores.svg",) if name in pictures)


def _license(source: str | None, written: str | None) -> str:
    said = conflict(source, written)
    if said:
        told = (f"[{one.license}]({text_of(one.license)}) according to [this page]({one.where})" for one in said)
        return f"**unclear:** {', '.join(told)}"
    found = identifier(written)
    if found == UNKNOWN:
        return "**unknown**"
    if found == OTHER:
        return f"{plain(written)} (not among the licenses that the hub knows)"
    text = text_of(written)
    return found if text is None else f"[{found}]({text})"


def _making(told: Told) -> Iterator[str]:
    facts = told["card"]
    run = facts["run"]
    yield "## How it was made\n"
    yield (
        f"By reasonmed {plain(run['reasonmed'])} (parsers of version {run['parsing']}), in a run that started "
        f"{plain(run['started'])}; exported by reasonmed {plain(told['reasonmed'])}. {_questions(run)}\n"
    )
    rows = [
        [
            plain(role["stage"]),
            ", ".join(plain(name) for name in role["models"]) or "no model",
            _options(role["options"]),
        ]
        for role in facts["roles"]
    ]
    yield table(["stage", "models", "options"], rows)
    yield "Prompts, by the hash of their template:\n"
    yield table(["prompt", "hash"], [[plain(name), code(value)] for name, value in run["prompts"].items()])
    saved = savings(run)
    yield (
        f"Saving options changed what was asked:\n\n{bullets(saved)}"
        if saved
        else "No saving option changed what was asked.\n"
    )


def _questions(run: Mapping[str, Any]) -> str:
    read = run["input"]
    if read is None:
        return ""
    return f"It read {number(run['questions'])} questions from {plain(read['file'])} (hash {code(read['hash'])})."


def _options(options: Mapping[str, Any]) -> str:
    return plain(", ".join(f"{name} {_value(value)}" for name, value in options.items()))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
