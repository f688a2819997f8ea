"""The commands as a user meets them: what they print, how they end, what they leave behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import reasonmed
from product import reasonmed_at
from reasonmed.cli import PANELS, app
from reasonmed.documents import decoded
from reasonmed.errors import ReasonMedError
from reasonmed.questions.ids import chain_id
from reasonmed.recipe.schema import SCHEMA
from reasonmed.recipe.shipped import resource
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.estimate import Plan
from reasonmed.runs.status import Status
from reasonmed.runs.stories import unpack_story

COMMANDS = (
    *("run", "status", "ls", "why", "init", "doctor", "prompt", "questions", "export", "card", "push", "import"),
    *("plan", "merge", "view", "report", "review", "retry", "rebuild", "diff", "ctl", "selftest"),
    *("judge-card", "check", "index", "evaluate", "compare", "train", "ablate", "plugins"),
    *("generate", "verify", "route", "rank", "refine", "optimize", "summarize", "score"),
)


@pytest.fixture
def examples() -> Path:
    return resource("examples", "questions.json")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished scripted run of twelve questions."""
    folder = tmp_path_factory.mktemp("finished")
    done = reasonmed_at(
        folder, "run", resource("examples", "questions.json"), "-r", "scripted", "-o", "run", "--limit", "12",
        "--max-failures", "100%",
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "run"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    done = reasonmed_at(tmp_path, command, "--help")
    assert done.code == 0
    assert f"reasonmed {command}" in done.out
    assert "Example" in done.out


def test_the_bare_command_lists_the_commands_and_the_version_is_said(tmp_path: Path) -> None:
    bare, asked = reasonmed_at(tmp_path).out, reasonmed_at(tmp_path, "--help").out
    assert [command for command in COMMANDS if command not in bare or command not in asked] == []
    assert reasonmed_at(tmp_path, "--version").out.strip() == f"reasonmed {reasonmed.__version__}"


def test_a_run_ends_with_a_record_a_funnel_and_the_paths(tmp_path: Path, examples: Path) -> None:
    done = reasonmed_at(tmp_path, "run", examples, "-r", "scripted", "--limit", "4", "--max-failures", "4")
    assert done.code == 0, done.err
    for word in (
        "chain of thought",
        "questions",
        "right",
        "wrong",
        "undecided",
        "easy",
        "medium",
        "difficult",
        "records",
    ):
        assert word in done.out
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("questions-")
    assert f"runs/{folder.name}/records.jsonl" in done.out
    assert done.err.count("DEMO") == 2
    records, failures = lines(folder / "records.jsonl"), lines(folder / "failures.jsonl")
    assert {one["question_id"] for one in records} | {one["question_id"] for one in failures} == {
        one["id"] for one in json.loads(examples.read_text(encoding="utf-8"))[:4]
    }
    assert all(one["demo"] for one in records)


def test_a_run_that_was_finished_says_that_nothing_was_asked_again(finished: Path, examples: Path) -> None:
    said = "already finished; no requests sent"
    words = ("run", examples, "-r", "scripted", "-o", finished, "--max-failures", "100%")
    again = reasonmed_at(finished.parent, *words, "--limit", "12")
    assert (again.code, again.err.count(said)) == (0, 1)
    told = reasonmed_at(finished.parent, *words, "--limit", "12", "--log-json").err.splitlines()
    logged = [json.loads(line) for line in told if line.startswith("{")]
    notes = [one["text"] for one in logged if one["event"] == "note"]
    assert notes == [said]


def test_a_run_that_had_something_to_do_does_not_say_that_it_was_finished(tmp_path: Path, examples: Path) -> None:
    for limit, added in (("2", False), ("3", True)):
        done = reasonmed_at(
            tmp_path, "run", examples, "-r", "scripted", "-o", "run", "--max-failures", "100%", "--limit", limit
        )
        assert done.code == 0
        assert "already finished" not in done.err
        assert ("1 question was added" in done.err) == added, "what is to be told is told also of a short run"


def test_the_same_command_again_resumes_the_same_run(tmp_path: Path, examples: Path) -> None:
    command = ("run", examples, "-r", "scripted", "--limit", "2", "--max-failures", "2")
    reasonmed_at(tmp_path, *command)
    (folder,) = (tmp_path / "runs").iterdir()
    before = (folder / "records.jsonl").read_bytes()
    assert reasonmed_at(tmp_path, *command).code == 0
    assert [one.name for one in (tmp_path / "runs").iterdir()] == [folder.name]
    assert (folder / "records.jsonl").read_bytes() == before


def test_failures_above_the_limit_are_exit_code_1(tmp_path: Path, examples: Path) -> None:
    command = ("run", examples, "-r", "scripted", "--limit", "12", "-o", "run")
    assert reasonmed_at(tmp_path, *command, "--max-failures", "0").code == 1
    assert reasonmed_at(tmp_path, *command, "--max-failures", "100%").code == 0
    assert reasonmed_at(tmp_path, *command, "--max-failures", "lots").code == 2


def test_records_have_the_promised_fields(finished: Path) -> None:
    record = lines(finished / "records.jsonl")[0]
    promised = (
        "id question_id question options answer answer_index context chain_of_thought response tier verified flags "
        "source license provenance"
    )
    assert set(promised.split()) <= set(record)
    assert record["id"] == f"{record['question_id']}#1"
    assert record["options"][record["answer_index"]] == record["answer"]
    failure = lines(finished / "failures.jsonl")[0]
    assert {"question_id", "reason", "story"} <= set(failure)


def test_status_as_json_has_the_promised_keys(finished: Path) -> None:
    done = reasonmed_at(finished.parent, "status", finished, "--json")
    found = json.loads(done.out)
    for key in ("state", "questions", "records", "failures", "unfinished", "calls", "tokens", "spent_usd", "stages"):
        assert key in found
    assert found["state"] == "finished"
    assert found["questions"] == 12
    assert decoded(done.out.encode(), Status).version == 1, "it reads by the shape it was written from"
    assert set(found["stages"]) >= {"generate", "verify", "summarize"}
    assert reasonmed_at(finished.parent, "status", finished).out.count("verify")


def test_why_tells_the_story_of_every_question(finished: Path) -> None:
    names = [one["question_id"] for one in lines(finished / "records.jsonl") + lines(finished / "failures.jsonl")]
    for name in sorted(set(names)):
        told = reasonmed_at(finished.parent, "why", finished, name).out
        assert told.startswith(name)
        assert "9 chains of thought" in told
        assert "tier: " in told or "failure " in told
    unknown = reasonmed_at(finished.parent, "why", finished, "nobody")
    assert unknown.code == 2
    assert "has no question 'nobody'" in unknown.err


def test_a_record_id_finds_its_question(finished: Path) -> None:
    record = lines(finished / "records.jsonl")[0]["id"]
    assert reasonmed_at(finished.parent, "why", finished, record).code == 0


def test_a_chain_has_one_number_in_why_in_records_and_in_ids(finished: Path) -> None:
    for record in lines(finished / "records.jsonl")[:4]:
        name, parent = record["question_id"], record["provenance"]["parent"]
        told = reasonmed_at(finished.parent, "why", finished, parent).out
        assert told.startswith(f"{name}:")
        assert f"of {parent.removeprefix(f'{name}/')}, " in told
        with closing(RunDirectory(finished).reader()) as ledger:
            ((blob,),) = ledger.query("SELECT story FROM outcomes WHERE id = ?", name)
        chains = {chain_id(name, number): chain for number, chain in enumerate(unpack_story(blob).chains, 1)}
        assert chains[parent].model == record["provenance"]["generator"]
        assert "chain-9 " in told
        assert "chain-0 " not in told


def test_a_demo_run_is_exported_only_when_asked(finished: Path, tmp_path: Path) -> None:
    refused = reasonmed_at(tmp_path, "export", finished, "-o", "data")
    assert refused.code == 2
    assert "--demo" in refused.err
    assert not (tmp_path / "data").exists()
    assert reasonmed_at(tmp_path, "export", finished, "-o", "data", "--demo").code == 0
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        *("README.md", "card", "croissant.json", "export.json", "reasonmed-json", "records"),
    ]
    again = reasonmed_at(tmp_path, "export", finished, "-o", "data", "--demo")
    assert again.code == 2
    assert "--force" in again.err


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("records.jsonl", "it is a file"),
        ("records.jsonl/run", "nothing is there"),
        ("nowhere", "nothing is there"),
        ("thesis", "it has no run.json"),
    ],
)
@pytest.mark.parametrize("command", ["rebuild RUN", "ctl RUN status", "retry RUN --class context", "export RUN -o out"])
def test_a_place_that_is_no_run_is_named_with_the_mend(command: str, place: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("{}\n")
    (tmp_path / "thesis").mkdir()
    done = reasonmed_at(tmp_path, *(place if word == "RUN" else word for word in command.split()))
    assert done.code == 2
    said = f"error: {place} is no run: {what}; give the run directory that `reasonmed run` printed"
    assert " ".join(done.err.split()) == said


def test_a_run_that_nobody_runs_cannot_be_turned_and_ctl_says_what_can_be_done(finished: Path) -> None:
    done = reasonmed_at(finished.parent, "ctl", finished.name, "pause")
    assert done.code == 2
    assert "run is not running; the command that started it continues; `reasonmed status` shows" in done.err
    assert "Errno" not in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nowhere.json"), "nowhere.json: cannot be read: No such file or directory"),
        (("run", "empty.json", "-r", "scripted"), "is empty"),
        (("run", "bad.json", "-r", "scripted"), "bad.json:1: answer: 'Z' is not one of the options"),
        (("run", "good.json", "-r", "nowhere.yaml"), "there is no file nowhere.yaml"),
        (("run", "good.json", "-r", "bad.yaml"), "bad.yaml: 3 problems"),
        (("run", "good.json", "-r", "scripted", "--limit", "1", "--sample", "1"), "exclude each other"),
        (("run", "good.json", "--model", "x"), "go with --endpoint"),
        (("run", "good.json", "--endpoint", "http://x/v1"), "--endpoint needs --model"),
        (("run", "good.json", "-r", "scripted", "-o", "thesis"), "exists and is no run"),
        (("run", "good.json", "-r", "scripted", "--fork", "nowhere"), "--fork nowhere: there is no run"),
        (("run", "many.json"), "51 questions on the embedded demo model"),
        (("status", "nowhere"), "nowhere is no run"),
        (("status", "thesis"), "thesis is no run"),
        (("why", "nowhere", "q1"), "nowhere is no run"),
        (("export", "thesis", "-o", "x"), "thesis is no run"),
        (("init", "bad.yaml"), "bad.yaml exists"),
        (("init", "new.yaml", "--from", "moon"), "--from 'moon'"),
        (("prompt", "good.json", "--stage", "dance"), "--stage 'dance'"),
        (("prompt", "good.json", "--stage", "verify", "--id", "nobody"), "has no question 'nobody'"),
        (("questions", "good.json", "--map", "stem"), "--map 'stem'"),
        (("questions", "good.json", "--layout", "moon"), "there is no layout 'moon'"),
        (("rank", "good.json", "-o", "out.jsonl", "-r", "scripted", "--models", "one"), "--models goes with generate"),
        (("verify", "good.json", "-o", "good.json", "-r", "scripted"), "good.json exists"),
        (("export", "cots.json", "-o", "out"), "cots.json is a file of agents' rows"),
        (("card", "cots.json"), "this leads there: reasonmed run cots.json -r RECIPE"),
        (("questions", "cots.json", "-o", "out"), "this leads there: reasonmed run cots.json -r RECIPE"),
        (("export", "published.json", "-o", "out"), "this leads there: reasonmed import published.json -o DIR"),
        (("run", "published.json", "-r", "scripted"), "has a finished chain of thought and no generated ones"),
    ],
    ids=lambda words: " ".join(map(str, words)) if isinstance(words, tuple) else "",
)
def test_a_users_mistake_gets_a_clear_error_and_no_traceback(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    question = {"question": "Which?", "options": ["a", "b"]}
    files = {
        "empty.json": "",
        "good.json": json.dumps([{**question, "answer": "a"}]),
        "cots.json": json.dumps([{**question, "answer": "a", "model1_COT1": "It is a. Answer: A"}]),
        "published.json": json.dumps([{"instruction": "Which?\nA. a\nB. b", "input": "", "output": "It is a."}]),
        "bad.json": json.dumps([{**question, "answer": "Z"}]),
        "many.json": json.dumps([{**question, "question": f"Which {number}?", "answer": "a"} for number in range(51)]),
        "bad.yaml": "models: {a: {backend: moon}}\nstages: {verify: {modle: a}, generate: {models: [b]}}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = reasonmed_at(tmp_path, *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err + done.out
    assert {path: path.read_bytes() for path in before} == before
    assert not list(tmp_path.rglob("*.run"))


def test_bad_rows_are_counted_and_left_out_when_asked(tmp_path: Path) -> None:
    rows = [
        {"question": f"Which {number}?", "options": ["a", "b"], "answer": "a" if number % 2 else "Z"}
        for number in range(60)
    ]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    refused = reasonmed_at(tmp_path, "run", "q.json", "-r", "scripted")
    assert refused.code == 2
    assert "30 bad rows" in refused.err
    assert "... and 10 more" in refused.err
    assert not (tmp_path / "runs").exists()
    done = reasonmed_at(
        tmp_path, "run", "q.json", "-r", "scripted", "--skip-bad", "--limit", "3", "--max-failures", "3"
    )
    assert done.code == 0, done.err
    assert "30 bad rows skipped" in done.err


def test_help_lists_every_command_in_one_panel() -> None:
    listed = [name for names in PANELS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)
    assert len({command.rich_help_panel for command in app.registered_commands}) == len(PANELS)


def test_init_writes_a_recipe_that_loads(tmp_path: Path) -> None:
    for name in ("api", "batch", "endpoint", "eight_gpu", "one_gpu", "ray", "paper", "local", "scripted"):
        assert reasonmed_at(tmp_path, "init", f"{name}.yaml", "--from", name).code == 0
        first = (tmp_path / f"{name}.yaml").read_text().partition("\n")[0]
        assert first == f"# yaml-language-server: $schema={SCHEMA.as_uri()}"
    done = reasonmed_at(tmp_path, "doctor", "-r", "scripted.yaml")
    assert done.code == 0, done.err
    assert "every model answers" in done.out


def test_a_run_that_reaches_its_cap_says_the_cap_that_it_needs(tmp_path: Path, examples: Path) -> None:
    recipe = resource("recipes", "scripted.yaml").read_text()
    priced = recipe.replace("backend: scripted", "backend: scripted, price: {input: 2.0, output: 8.0}")
    (tmp_path / "r.yaml").write_text(priced)
    words = ("run", examples, "-r", "r.yaml", "-o", "out", "--limit", "8", "--max-failures", "100%")
    stopped = reasonmed_at(tmp_path, *words, "--max-cost", "0.2")
    assert stopped.code == 3, stopped.err
    (line,) = [line.strip() for line in stopped.err.splitlines() if line.strip().startswith("reasonmed run")]
    assert line.count("--max-cost") == 1
    done = reasonmed_at(tmp_path, *shlex.split(line)[1:])
    assert done.code == 0, done.err


def test_a_plan_for_more_questions_says_where_the_cap_will_end_the_run(tmp_path: Path, examples: Path) -> None:
    priced = "backend: scripted, price: {input: 2.0, output: 8.0}"
    (tmp_path / "r.yaml").write_text(
        resource("recipes", "scripted.yaml").read_text().replace("backend: scripted", priced)
    )
    words = ("plan", examples, "-r", "r.yaml", "--pilot", "3", "--for", "2000", "--max-cost", "1")
    done = reasonmed_at(tmp_path, *words)
    assert done.code == 0, done.err
    assert "2,000 questions (reasonmed examples 2,000)" in done.out
    assert re.search(r"--max-cost 1 will end the run after about \d% of the questions; the whole needs up to", done.err)
    found = decoded(reasonmed_at(tmp_path, *words, "--json").out.encode(), Plan)
    assert (found.version, found.questions, found.pilot) == (1, 2000, 3)


def test_ls_lists_what_became_of_each_question_and_finds_some(finished: Path) -> None:
    every = [json.loads(line) for line in reasonmed_at(finished.parent, "ls", "run", "--json").out.splitlines()]
    status = json.loads(reasonmed_at(finished.parent, "status", "run", "--json").out)
    assert (
        Counter(one["state"] for one in every)
        == Counter(succeeded=status["succeeded"], failed=status["failures"], unfinished=status["unfinished"])
        - Counter()
    )
    for words, wanted in (
        (("--failed",), [one["id"] for one in every if one["reason"]]),
        (("--tier", "easy", "--tier", "medium"), [one["id"] for one in every if one["tier"] in ("easy", "medium")]),
        (("--search", every[3]["question"][:40].upper()), [every[3]["id"]]),
        (("--source", every[0]["source"]), [one["id"] for one in every]),
    ):
        shown = reasonmed_at(finished.parent, "ls", "run", *words)
        assert [line.split()[0] for line in shown.out.splitlines()] == wanted, words
    assert "no question matches" in reasonmed_at(finished.parent, "ls", "run", "--source", "nowhere").err
    assert "there are easy, medium, difficult" in reasonmed_at(finished.parent, "ls", "run", "--tier", "hard").err


def test_init_copies_the_prompts_and_its_recipe_uses_them(tmp_path: Path) -> None:
    done = reasonmed_at(tmp_path, "init", "mine/recipe.yaml", "--from", "scripted", "--prompts", "mine/prompts")
    assert done.code == 0, done.err
    summarize = tmp_path / "mine" / "prompts" / "summarize.md"
    summarize.write_text(summarize.read_text() + "\nMine.\n")
    shown = reasonmed_at(tmp_path, "prompt", resource("examples", "questions.json"), "--stage", "summarize",
        "-r", "mine/recipe.yaml")  # fmt: skip
    assert "Mine." in shown.out, shown.err
    again = reasonmed_at(tmp_path, "init", "other.yaml", "--prompts", "mine/prompts")
    assert again.code == 2
    assert "exists; choose another --prompts, or --force" in again.err


def test_doctor_names_what_is_missing_and_never_shows_a_key(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "models: {m: {backend: openai, base_url: 'http://127.0.0.1:9/v1', model: M, api_key_env: MY_KEY}}\n"
        "stages: {generate: {models: [m], samples: 3}, verify: {model: m}}\n"
    )
    unset = reasonmed_at(tmp_path, "doctor", "-r", "r.yaml")
    assert unset.code == 4
    assert "MY_KEY is not set" in unset.out
    key = "sk-very-secret-0123456789"
    away = reasonmed_at(tmp_path, "doctor", "-r", "r.yaml", env={"MY_KEY": key})
    assert away.code == 5
    assert key not in away.out + away.err


def test_prompt_shows_what_would_be_sent_without_the_key_for_generate(tmp_path: Path, examples: Path) -> None:
    shown = reasonmed_at(
        tmp_path, "prompt", examples, "--stage", "generate", "--id", "nutrition-01", "-r", "scripted"
    ).out
    assert "long-standing alcohol use" in shown
    assert "Correct answer" not in shown
    judged = reasonmed_at(
        tmp_path, "prompt", examples, "--stage", "verify", "--id", "nutrition-01", "-r", "scripted"
    ).out
    assert "Correct answer: A. Vitamin B1 (thiamine)" in judged


def test_terminal_escapes_of_a_model_are_not_printed(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(90))
    hostile = f"\x1b[2J\x1b]0;owned\x07 [red]not markup[/red] {words}\n\nAnswer: A"
    replies = [{"stage": "generate", "reply": hostile}, {"stage": "summarize", "reply": "\x1b[31mThe answer is A."}]
    judged = {"stage": "verify", "reply": '{"verdict": "Correct", "reason": "\\u001b[5mblink"}'}
    (tmp_path / "r.jsonl").write_text(
        "\n".join(json.dumps(one) for one in [*replies, judged, {"reply": '{"score": 3}'}])
    )
    text = resource("recipes", "scripted.yaml").read_text(encoding="utf-8")
    for name in ("made-up-1", "made-up-2", "made-up-3"):
        text = text.replace(f"model: {name}", f"model: {name}, replies: r.jsonl")
    (tmp_path / "r.yaml").write_text(text)
    (tmp_path / "q.json").write_text(
        json.dumps([{"id": "q", "question": "Which?", "options": ["a", "b"], "answer": "a"}])
    )
    done = reasonmed_at(tmp_path, "run", "q.json", "-r", "r.yaml", "-o", "run")
    told = reasonmed_at(tmp_path, "why", "run", "q", "--full")
    assert done.code == told.code == 0, done.err
    assert "\x1b" not in done.out + told.out
    assert "[red]not markup[/red]" in told.out


def interrupted(folder: Path, number: int, *, twice: bool = False) -> tuple[int, str]:
    """Start a run on slow replies, signal it when it is under way, and wait."""
    (folder / "slow.py").write_text(
        "import time\nfrom reasonmed.backends.scripted import made_up\n"
        "def reply(request):\n    time.sleep(0.01)\n    return made_up(request)\n"
    )
    text = resource("recipes", "scripted.yaml").read_text(encoding="utf-8")
    for name in ("made-up-1", "made-up-2", "made-up-3"):
        text = text.replace(f"model: {name}", f"model: {name}, function: 'slow:reply'")
    (folder / "r.yaml").write_text(text)
    command = [sys.executable, "-m", "reasonmed", "run", str(resource("examples", "questions.json"))]
    command += ["-r", "r.yaml", "-o", "run", "--max-failures", "100%"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True
    )
    deadline = time.monotonic() + 30
    while not (folder / "run" / "ledger.db-wal").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.7)
    process.send_signal(number)
    if twice:
        time.sleep(0.05)
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on_and_can(number: int, tmp_path: Path) -> None:
    code, told = interrupted(tmp_path, number)
    assert code == 130
    assert "run the same command again" in told
    assert json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)["state"] == "drained"
    again = reasonmed_at(
        tmp_path, "run", resource("examples", "questions.json"), "-r", "r.yaml", "-o", "run", "--max-failures", "100%",
        env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert again.code == 0, again.err
    assert json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)["unfinished"] == 0


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    code, _ = interrupted(tmp_path, signal.SIGINT, twice=True)
    assert code == 130


def test_an_error_of_our_own_leaves_its_traceback_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def reply(request):\n    return 1 / 0\n")
    (tmp_path / "r.yaml").write_text(
        "models: {m: {backend: scripted, function: 'broken:reply'}}\n"
        "stages: {generate: {models: [m], samples: 3}, verify: {model: m}}\n"
    )
    done = reasonmed_at(
        tmp_path, "run", resource("examples", "questions.json"), "-r", "r.yaml", "-o", "run", "--limit", "1",
        env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.code == 70
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in (tmp_path / "run" / "crash.txt").read_text()


def test_every_error_class_has_an_exit_code_of_the_table() -> None:
    def all_of(kind: type[ReasonMedError]) -> list[type[ReasonMedError]]:
        return [kind, *(deeper for one in kind.__subclasses__() for deeper in all_of(one))]

    assert {one.exit_code for one in all_of(ReasonMedError)} <= {1, 2, 3, 4, 5, 130}


@pytest.mark.parametrize("where", ["a-file", "a-file/below", "x" * 300])
def test_a_place_that_cannot_be_used_is_the_users_mistake_and_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    examples = resource("examples", "questions.json")
    for words in (
        ("run", examples, "-r", "scripted", "--limit", "1", "-o", where),
        ("evaluate", examples, "-r", "scripted", "-m", "one", "--limit", "1", "-o", where),
        ("index", examples, "-o", f"{where}/index.jsonl"),
    ):
        done = reasonmed_at(tmp_path, *words)
        assert done.code == 2, (words[0], done.err)
        assert where[:40] in done.err
        assert "internal error" not in done.err
    assert (tmp_path / "a-file").read_text() == "mine"


def test_an_agent_says_what_became_of_its_rows_and_writes_the_layout_that_it_read(tmp_path: Path) -> None:
    nine = {f"model{model}_COT{number}": "It is a. Answer: A" for model in (1, 2, 3) for number in (1, 2, 3)}
    rows = [{"id": "q1", "question": "Which?", "options": ["a", "b"], "answer": "a", **nine}]
    rows.append({"id": "q2", "question": "What?", "options": ["a", "b"]})
    (tmp_path / "cots.json").write_text(json.dumps(rows))
    done = reasonmed_at(tmp_path, "verify", "cots.json", "-o", "verified.json", "-r", "scripted")
    assert done.out.splitlines()[-2:] == ["verify: verified.json", "2 in: 1 verified, 1 passed through, 0 failed"]
    first, second = json.loads((tmp_path / "verified.json").read_text())
    assert set(first["correct"]) | set(first["error"]) == set(nine)
    assert second == rows[1]
    done = reasonmed_at(tmp_path, "rank", "verified.json", "-o", "ranked.jsonl", "-r", "scripted", "--layout", "native")
    assert done.code == 0, done.err
    assert [json.loads(line)["question"]["id"] for line in (tmp_path / "ranked.jsonl").read_text().splitlines()] == [
        "q1",
        "q2",
    ]
