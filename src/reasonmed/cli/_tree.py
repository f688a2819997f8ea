"""A question's story as a tree."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rich.tree import Tree

from reasonmed.cli._console import out, safe
from reasonmed.questions.ids import chain_name, record_id
from reasonmed.runs.records import rejections_of, scores_of
from reasonmed.runs.stories import question_in, story_in
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.records import Scored
    from reasonmed.types import ChainOfThought, Kept, Question, Rewrite, Story

_SHORT = 160
_STYLES = {"correct": "green", "error": "red", "undecided": "yellow", "missing": "dim", "unjudged": "dim"}


def show_story(folder: RunDirectory, name: str, *, full: bool) -> None:
    """Print the tree of a question.

    Raises:
        UsageError: the run has no such question.
    """
    with closing(folder.reader()) as ledger:
        name = question_in(ledger, name)
        story, done = story_in(ledger, name)
        scores = scores_of(ledger, name)
        calls = list(ledger.usage_of(name))
        rejections = rejections_of(ledger, name)
    clip = _Clip(full=full)
    tree = _tree(story, scores, clip)
    if not done:
        tree.add(safe("unfinished: in progress, or waiting for the run to resume", "yellow"))
    for one, count in rejections.items():
        head = f"{one.stage}: {count} request{'' if count == 1 else 's'} of {one.model} rejected ({one.kind})"
        tree.add(safe(f"{head}: {clip(one.said)}", "yellow"))
    costs = tree.add(safe("recorded calls"))
    for stage, count, prompt, written in calls:
        costs.add(safe(f"{stage}: {count} calls, {prompt:,} tokens in, {written:,} out"))
    out.print(tree)


class _Clip:
    """Shows the beginning of a text, or all of it."""

    def __init__(self, *, full: bool) -> None:
        self._full = full

    def __call__(self, text: str) -> str:
        if self._full:
            return text
        line = " ".join(text.split())
        return line if len(line) <= _SHORT else f"{line[: _SHORT - 3]}..."

    def ends(self, text: str) -> str:
        """A chain of thought by its beginning and its end, where its answer is."""
        line = text if self._full else " ".join(text.split())
        return line if self._full or len(line) <= 2 * _SHORT else f"{line[:_SHORT]} ... {line[-_SHORT:]}"


def _tree(story: Story, scores: Mapping[str, Scored], clip: _Clip) -> Tree:
    question = story.question
    tree = Tree(safe(f"{question.id}: {clip(question.stem)}", "bold"))
    key = "no key" if question.answer is None else f"key {question.key_text}"
    by = " (consensus)" if question.answer_source == "consensus" else ""
    choices = tree.add(safe(f"{key}{by}"))
    for index, option in enumerate(question.options):
        is_key = index == question.answer
        choices.add(safe(f"{letter(index)}. {clip(option)}{' = key' if is_key else ''}", "bold" if is_key else "dim"))
    chains = tree.add(safe(f"{len(story.chains)} chains of thought"))
    for number, chain in enumerate(story.chains, 1):
        _add_chain(chains, chain_name(number), chain, question, clip)
    for probe in story.probes:
        said = probe.verdict.outcome if probe.verdict else "unjudged"
        tree.add(safe(f"canary of {probe.model}, {probe.kind}: {said} ({clip(probe.detail)})", "dim"))
    if story.tier:
        tree.add(safe(f"tier: {story.tier}"))
    for number, rewrite in enumerate(story.rewrites, 1):
        _add_rewrite(tree, number, rewrite, question, clip)
    for number, kept in enumerate(story.kept or (), 1):
        if story.failure is None:
            _add_kept(tree, number, kept, scores.get(record_id(question.id, number)), clip)
    for dropped in story.dropped:
        tree.add(safe(f"dropped at {dropped.stage}: {dropped.reason}", "yellow"))
    if story.failure:
        tree.add(safe(f"failure {story.failure.reason}: {story.failure.detail}", "bold red"))
    return tree


def _concluded(chain: ChainOfThought, question: Question) -> str:
    if chain.answer is None:
        return "no answer read"
    return f"{letter(chain.answer)}{' = key' if chain.answer == question.answer else ''}"


def _add_chain(tree: Tree, name: str, chain: ChainOfThought, question: Question, clip: _Clip) -> None:
    warmth = "" if chain.temperature is None else f" T={chain.temperature:g}"
    if chain.missing is not None:
        tree.add(safe(f"{name} {chain.model}{warmth}: missing ({chain.missing})", "dim"))
        return
    marks = ", ".join(["truncated"] if chain.truncated else []) or ""
    head = f"{name} {chain.model}{warmth}: {_concluded(chain, question)}, {chain.outcome} {marks}".rstrip()
    node = tree.add(safe(head, _STYLES[chain.outcome]))
    if chain.served is not None:
        node.add(safe(f"served as {chain.served}"))
    _add_sent(node, chain.sent)
    node.add(safe(clip.ends(chain.text)))
    if chain.verdict is not None:
        conflict = " (conflict)" if chain.verdict.conflict else ""
        said = node.add(safe(f"verdict of {chain.verdict.judge}{conflict}: {clip(chain.verdict.reason)}"))
        _add_sent(said, chain.verdict.sent)
        for other in chain.verdict.opinions:
            _add_sent(
                node.add(safe(f"{other.kind}, {other.model}: {other.outcome} {clip(other.reason)}".rstrip())),
                other.sent,
            )
    if chain.step_score is not None:
        node.add(safe(f"rank {chain.step_score:.3f}: how likely its least likely step is ok"))
    if chain.score is not None:
        _add_sent(node.add(safe(f"rank {chain.score} of 5: {clip(chain.justification)}")), chain.rank_sent)


def _add_sent(node: Tree, sent: Mapping[str, object] | None) -> None:
    """The parameters that were sent, where they are not the recipe's."""
    if sent is not None:
        node.add(safe(f"sent: {', '.join(f'{name} {value}' for name, value in sent.items())}"))


def _add_rewrite(tree: Tree, number: int, rewrite: Rewrite, question: Question, clip: _Clip) -> None:
    fate = "accepted" if rewrite.problem is None else f"rejected: {rewrite.problem}"
    parent = "" if rewrite.parent is None else f" of {chain_name(rewrite.parent + 1)}"
    head = (
        f"rewrite-{number}: {rewrite.stage}{parent}, round {rewrite.round + 1}, by {rewrite.chain.model}: {clip(fate)}"
    )
    node = tree.add(safe(head, "green" if rewrite.problem is None else "yellow"))
    if rewrite.chain.text:
        node.add(safe(f"{_concluded(rewrite.chain, question)}: {clip.ends(rewrite.chain.text)}"))
    if rewrite.blind_model is not None:
        said = "no option" if rewrite.blind_answer is None else letter(rewrite.blind_answer)
        node.add(safe(f"blind reader {rewrite.blind_model}: {said}"))


def _add_kept(tree: Tree, number: int, kept: Kept, scored: Scored | None, clip: _Clip) -> None:
    flags = f", flags: {', '.join(kept.flags)}" if kept.flags else ""
    origin = f"{kept.origin} of {chain_name(kept.parent + 1)}" if kept.parent is not None else kept.origin
    node = tree.add(
        safe(f"record #{number} from {origin}, {'verified' if kept.verified else 'unverified'}{flags}", "bold")
    )
    if kept.response is not None:
        _add_sent(node.add(safe(f"response: {clip(kept.response)}")), kept.response_sent)
    if scored is not None:
        points = "no score" if scored.score is None else f"score {scored.score} of 10"
        _add_sent(node.add(safe(f"{points} by {scored.model}: {clip(scored.justification)}")), scored.sent)
