"""A verifiable reward for multiple-choice questions: 1.0 where a text concludes the key, else 0.0.

The answer is read as everywhere in reasonmed: thinking is cut away first, nothing is guessed, and a text that names two
options, or whose thinking has no end, has none. Where a chat template opens the thinking in the prompt, completions
begin inside it: put `opening` of the prompt before them, as `reasonmed train` and `reasonmed evaluate` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import opening
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compute_score", "multiple_choice_reward", "opening", "place_of"]


def multiple_choice_reward(
    completions: Sequence[str | Sequence[Mapping[str, object]]],
    answer: Sequence[str],
    options: Sequence[Sequence[str]],
    **columns: object,  # noqa: ARG001 - TRL hands over every column of the data
) -> list[float]:
    """The rewards of completions, for TRL: ``GRPOTrainer(reward_funcs=multiple_choice_reward)``.

    Args:
        completions: texts, or conversations whose last message is the completion.
        answer: the key's letter for each of them.
        options: the options' texts for each of them.
        columns: whatever else the data has; not looked at.

    Raises:
        ValueError: the columns differ in length, or a key is no letter of its options.
    """
    return [
        _reward(_text(completion), key, own) for completion, key, own in zip(completions, answer, options, strict=True)
    ]


def compute_score(
    data_source: str,  # noqa: ARG001 - verl's signature
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, object] | None = None,
) -> float:
    """The reward of one text, for verl: ``custom_reward_function.name=compute_score``.

    Raises:
        ValueError: ``extra_info`` has no options, or the key is no letter of them.
    """
    options = None if extra_info is None else extra_info.get("options")
    if options is None:
        raise ValueError("extra_info has no options; use the rows of `reasonmed export --format rl`")
    return _reward(solution_str, ground_truth, list(cast("Sequence[str]", options)))


def place_of(key: str, options: Sequence[str]) -> int:
    """Which option a key's letter stands for, from 0.

    Raises:
        ValueError: it is no letter of the options.
    """
    letters = [letter(index) for index in range(len(options))]
    if key not in letters:
        raise ValueError(f"the key {key!r} is not one of {', '.join(letters) or 'no options'}")
    return letters.index(key)


def _reward(text: str, key: str, options: Sequence[str]) -> float:
    right = place_of(key, options)
    found = parse_answer(text, options)
    return float(found is not None and found.option == right)


def _text(completion: str | Sequence[Mapping[str, object]]) -> str:
    if isinstance(completion, str):
        return completion
    return str(completion[-1].get("content") or "") if completion else ""
