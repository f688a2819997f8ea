"""The ids of what is made of a question: its records, its chains of thought and their rewrites."""

from __future__ import annotations

import re

_MADE = re.compile(r"(.+)(?:#|/(chain|rewrite)-)([1-9][0-9]{0,8})", re.DOTALL)


def record_id(question_id: str, number: int) -> str:
    """The id of a question's record; numbers count from 1."""
    return f"{question_id}#{number}"


def chain_id(question_id: str, number: int) -> str:
    """The id of a question's generated chain of thought; numbers count from 1."""
    return f"{question_id}/{chain_name(number)}"


def chain_name(number: int) -> str:
    """What a chain of thought is called within its question."""
    return f"chain-{number}"


def rewrite_id(question_id: str, number: int) -> str:
    """The id of an attempt to rewrite one of a question's chains."""
    return f"{question_id}/rewrite-{number}"


def question_of(made: str) -> str:
    """The id of the question that a record, a chain or a rewrite is made of; empty where it is no such id."""
    found = _MADE.fullmatch(made)
    return found[1] if found else ""


def number_of(record: str, question_id: str) -> int | None:
    """The number of a record of this question; None where the id is none of its records'."""
    found = _MADE.fullmatch(record)
    return int(found[3]) if found and found[2] is None and found[1] == question_id else None


def clash(question_id: str) -> str | None:
    """Why a question may not have this id: it is what a record or a chain of another one is called."""
    found = _MADE.fullmatch(question_id)
    if found is None:
        return None
    other, kind, number = found.groups()
    made = {None: "record", "chain": "chain of thought", "rewrite": "rewrite"}[kind]
    free = "-".join(part for part in (other, kind, number) if part)
    return (
        f"{question_id!r:.100} is the id of {made} {number} of a question {other!r:.100}; "
        f"give this one another, such as {free!r:.100}"
    )
