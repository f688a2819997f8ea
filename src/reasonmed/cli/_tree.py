"""A question's story as a tree."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rich.tree import Tree

from reasonmed.cli._console import out, safe
from reasonmed.questions.ids import chain_name, record_id
from reasonmed.runs.records import Scored, rejections_of, scores_of
from reasonmed.runs.stories import question_in, story_in, unpack_story
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.engine.ledger.corrections import Corrected
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import ChainOfThought, Kept, Question, Rewrite, Step, Story

_SHORT = 160
_BEGINNING = 60
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
        corrections = list(ledger.corrections_of(name, unpack_story))
    clip = _Clip(full=full)
    tree = _tree(story, scores, clip)
    if not done:
        tree.add(safe("unfinished: in progress, or waiting for the run to resume", "yellow"))
    for corrected, former in corrections:
        _add_correction(tree, corrected, former, clip)
    for one, count in rejections.items():
        head = f"{one.stage}: {count} request{'' if count == 1 else 's'} of {one.model} rejected ({one.kind})"
        tree.add(safe(f"{head}: {clip(one.said)}", "yellow"))
    costs = tree.add(safe("recorded calls"))
    for stage, count, prompt, written, _ in calls:
        costs.add(safe(f"{stage}: {count} calls, {prompt:,} tokens in, {written:,} out"))
    out.print(tree)


class _Clip:
    """Shows the beginning of a text, or all of it."""

    def __init__(self, *, full: bool) -> None:
        self.full = full

    def __call__(self, text: str) -> str:
        if self.full:
            return text
        line = " ".join(text.split())
        return line if len(line) <= _SHORT else f"{line[: _SHORT - 3]}..."

    def ends(self, text: str) -> str:
        """A chain of thought by its beginning and its end, where its answer is."""
        line = text if self.full else " ".join(text.split())
        return line if self.full or len(line) <= 2 * _SHORT else f"{line[:_SHORT]} ... {line[-_SHORT:]}"


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


def _add_correction(tree: Tree, made: Corrected, former: Story | None, clip: _Clip) -> None:
    """A corrected key, and the story under the old one: whole where all texts are shown."""
    node = tree.add(safe(f"key corrected: {made.old or 'none'} to {made.new}, by {made.who}: {clip(made.why)}", "bold"))
    if former is not None and clip.full:
        scores = {
            record_id(made.key, number): Scored(kept.score, kept.justification, kept.scorer)
            for number, kept in enumerate(former.kept or (), 1)
            if kept.scorer is not None
        }
        node.add(safe("before:")).children.append(_tree(former, scores, clip))
    elif former is not None:
        became = f"tier {former.tier}, records: {len(former.kept or ())}"
        shown = became if former.failure is None else f"failure {former.failure.reason}"
        node.add(safe(f"before: {shown} (--full shows that story)"))


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
        _add_steps(said, chain.text, chain.verdict.steps, clip)
        for other in chain.verdict.opinions:
            heard = node.add(safe(f"{other.kind}, {other.model}: {other.outcome} {clip(other.reason)}".rstrip()))
            _add_sent(heard, other.sent)
            if other.kind == "second":
                _add_steps(heard, chain.text, other.steps, clip)
    if chain.step_score is not None:
        node.add(safe(f"rank {chain.step_score:.3f}: how likely its least likely step is ok"))
    if chain.score is not None:
        _add_sent(node.add(safe(f"rank {chain.score} of 5: {clip(chain.justification)}")), chain.rank_sent)


def _add_steps(node: Tree, text: str, steps: Sequence[Step], clip: _Clip) -> None:
    """How many steps are ok, and each of the others with what is wrong and how it begins."""
    if not steps:
        return
    node.add(safe(f"{sum(step.label == 'ok' for step in steps)} of {len(steps)} steps ok"))
    for number, step in enumerate(steps, 1):
        if step.label != "ok":
            kind = ", ".join(filter(None, (step.label, step.type, step.severity)))
            line = f'step {number}: {kind}: {clip(step.note)} ("{_beginning(text[step.start : step.end])}")'
            node.add(safe(line, "red" if step.severity == "severe" else "yellow"))


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING].rstrip()}..."


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
    if rewrite.chain.verdict is not None:
        _add_steps(node, rewrite.chain.text, rewrite.chain.verdict.steps, clip)
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
