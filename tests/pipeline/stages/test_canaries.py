"""Canaries: judged like the rest, counted apart, and in no output."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from reasonmed.engine.ledger import Ledger, encode
from reasonmed.export import DEFAULT_FORMATS, Settings
from reasonmed.export import export as write_export
from reasonmed.pipeline.stages.verify import verify
from reasonmed.recipe.identity import identity_of
from reasonmed.runs.layouts import writer
from reasonmed.runs.records import failure_of, outcomes
from reasonmed.runs.status import status_of
from reasonmed.types import Failure, Probe, Story, Verdict
from runs import World, content, questions, run
from support import Script, chain, question, recipe, team, texts, verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STEPS = "Warfarin suggests itself by the long course of the illness. " * 12


def story(count: int = 4) -> Story:
    chains = [
        chain(f"Read {index}. {STEPS}\n\nAnswer: B. Warfarin", 1, None, model=f"m{index}") for index in range(count)
    ]
    wrong = chain(f"{STEPS}\n\nAnswer: A. Heparin", 0, None)
    return Story(question(), (*chains, wrong))


async def test_a_canary_is_a_broken_twin_of_a_chain_with_the_right_answer_and_asked_like_it() -> None:
    script = Script(verify=verdict("Error"))
    done = await verify(story(), team(script, verify={"canaries": 0.5, "canary_seed": 3}))
    assert done.probes
    assert {probe.stratum for probe in done.probes} == {"broken_reasoning"}
    assert all(probe.answer == 1 and probe.verdict for probe in done.probes)
    assert not {probe.text for probe in done.probes} & {one.text for one in done.chains}
    plain, planted = script.asked[0], script.asked[-1]
    assert done.probes[-1].text in texts([planted])
    for field in ("stage", "model", "sampling", "response_schema", "question_id", "sample", "attempt"):
        assert getattr(plain, field) == getattr(planted, field)


async def test_canaries_change_neither_chains_nor_counts() -> None:
    plain = await verify(story(), team(Script(verify=verdict())))
    tried = await verify(story(), team(Script(verify=verdict()), verify={"canaries": 0.5}))
    assert tried.chains == plain.chains
    assert not plain.probes


async def test_equal_texts_get_one_canary_in_all_also_over_waves() -> None:
    chains = story(1).chains
    copies = tuple(
        replace(chains[0], sample=one, text=chains[0].text.replace(" ", " " * (one + 1))) for one in range(9)
    )
    script = Script(verify=verdict())
    options = {"canaries": 0.5, "canary_seed": 3}
    whole = await verify(Story(question(), copies), team(script, verify=options))
    assert len(whole.probes) == 1
    first = await verify(Story(question(), copies[:4]), team(script, verify=options))
    second = await verify(replace(first, chains=(*first.chains, *copies[4:])), team(script, verify=options))
    assert second.probes == first.probes == whole.probes


async def test_which_chains_get_one_hangs_on_seed_and_question_and_not_on_their_order() -> None:
    found = []
    for chains in (story(12).chains, story(12).chains[::-1]):
        done = await verify(Story(question(), chains), team(Script(verify=verdict()), verify={"canaries": 0.4}))
        found.append({(probe.model, probe.text) for probe in done.probes})
    other = await verify(story(12), team(Script(verify=verdict()), verify={"canaries": 0.4, "canary_seed": 1}))
    assert found[0] == found[1]
    assert 0 < len(found[0]) < 12
    assert {(probe.model, probe.text) for probe in other.probes} != found[0]


async def test_chains_that_were_judged_before_get_none() -> None:
    done = await verify(story(12), team(Script(verify=verdict()), verify={"canaries": 0.5}))
    again = await verify(done, team(Script(verify=verdict()), verify={"canaries": 0.5}))
    assert again == done


def test_no_output_of_a_run_changes_by_canaries_and_none_holds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch)
    plain = run(tmp_path / "plain", questions(40))
    tried = run(tmp_path / "tried", questions(40), recipe(verify={"canaries": 0.5}))
    assert content(tried) == content(plain)
    with closing(tried.reader()) as ledger:
        planted = [probe for found in outcomes(ledger) for probe in found.probes]
    assert len(planted) > 20
    write_export(tried, tmp_path / "out", Settings(demo=True), DEFAULT_FORMATS, force=False)
    files = (*(tmp_path / "out").rglob("*"), tried.records_path, tried.failures_path)
    written = "\n".join(path.read_text(encoding="utf-8") for path in files if path.is_file())
    for probe in planted:
        assert probe.text not in written
        assert json.dumps(probe.text)[1:-1] not in written
    status = status_of(tried)
    assert status.canaries is not None
    assert status.canaries.planted == len(planted)
    assert status.canaries.accepted == sum(bool(p.verdict and p.verdict.outcome == "correct") for p in planted)
    assert status_of(plain).canaries is None
    assert status.chains == status_of(plain).chains


def test_a_run_that_was_cut_short_ends_with_the_same_canaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, shuffle=7)
    made = recipe(verify={"canaries": 0.5}, generate={"stop_when_decided": True})
    whole = run(tmp_path / "whole", questions(8), made)
    requests = world.requests
    world.paid.clear()
    for stop in range(20, requests, 40):
        world.stop_after = stop
        run(tmp_path / "cut", questions(8), made)
    world.stop_after = None
    cut = run(tmp_path / "cut", questions(8), made)
    assert max(world.paid.values()) == 1
    assert content(cut) == content(whole)
    with closing(cut.reader()) as one, closing(whole.reader()) as other:
        assert list(outcomes(one)) == list(outcomes(other))
    assert status_of(cut).canaries == status_of(whole).canaries


def test_failures_and_files_of_stages_hold_no_canary() -> None:
    probe = Probe("negated_step", "broken_reasoning", "planted", "SECRET TWIN", "m", verdict=Verdict("error"))
    failed = Story(question(), probes=(probe,), failure=Failure("undecided", "open"))
    told = [failure_of(failed), *writer("native")(failed, "verify"), *writer("original")(failed, "verify")]
    assert b"SECRET TWIN" not in encode(told)


def test_a_ledger_from_before_there_were_canaries_is_read_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch)
    directory = run(tmp_path / "run", questions(4))
    with closing(Ledger(directory.ledger_path)) as ledger:
        ledger.write("DROP TABLE canaries").result()
    assert status_of(directory).canaries is None
    before = content(directory)
    assert content(run(tmp_path / "run", questions(4))) == before


def verify_identity(**options: Any) -> dict[str, Any]:
    identity: Any = identity_of(recipe(verify=options))
    found: dict[str, Any] = identity["stages"]["verify"]
    return found


def test_options_that_are_off_are_no_part_of_the_identity_and_those_that_are_on_are(tmp_path: Path) -> None:
    off = verify_identity()
    assert set(off) == {"temperature", "top_p", "max_tokens", "conflicts", "precheck", "model", "prompts"}
    assert verify_identity(canary_seed=4) == off
    assert verify_identity(require_judge_card={"file": str(tmp_path)}) == off
    on = (
        {"canaries": 0.1},
        {"canaries": 0.1, "canary_seed": 1},
        {"shuffle": True},
        {"blind_model": "two"},
        {"second_judge": "two"},
    )
    found = [encode(verify_identity(**options)) for options in on]
    assert len({encode(off), *found}) == len(on) + 1
