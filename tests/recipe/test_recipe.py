from __future__ import annotations

from pathlib import Path

import pytest

from reasonmed import recipe
from reasonmed.backends.scripted import Scripted, made_up
from reasonmed.errors import RecipeError
from reasonmed.pipeline.team import assemble
from reasonmed.recipe import RECIPES
from reasonmed.recipe.checks import blind_reader, can_agree, thresholds, votes_needed
from reasonmed.recipe.identity import differences, identity_of
from support import question
from support import recipe as scripted

MODELS = "models: {a: {backend: scripted, model: A}, b: {backend: scripted, model: B}}\n"
STAGES = "stages: {generate: {models: [a, b]}, verify: {model: a}, route: {easy: 2, medium: 4}}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        recipe.parse(text)
    return caught.value.problems


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_loads(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.stages.generate is not None
    assert loaded.stages.generate.chains == 9
    assert thresholds(loaded.stages) == (4, 7)


def test_all_problems_come_at_once() -> None:
    found = problems(
        "models: {a: {backend: opnai, model: x}, b: {backend: openai, modle: y}}\n"
        "stages: {generate: {models: [a, c], temperatures: []}, verify: {model: d, temperatur: 1}}\n"
    )
    text = "\n".join(found)
    assert "models.a: there is no backend 'opnai'; there are anthropic, azure, local, openai, prm, scripted" in text
    assert "models.b.modle: unknown option; did you mean model?" in text
    assert "models.b.model: is missing" in text
    assert "stages.verify.temperatur: unknown option; did you mean temperature?" in text
    assert "stages.generate.temperatures" in text


@pytest.mark.parametrize("wrong", ["all", "3.5", "[kept]"])
def test_a_field_of_several_kinds_is_one_problem_by_its_own_name(wrong: str) -> None:
    (found,) = problems(MODELS + f"stages: {{generate: {{models: [a]}}, verify: {{model: a, steps: {wrong}}}}}")
    assert found.startswith("stages.verify.steps: input should be a valid boolean")
    assert "; or input should be 'kept', not " in found


def test_equal_wrong_values_in_a_list_are_problems_of_their_own() -> None:
    found = problems(MODELS + "stages: {generate: {models: [a], temperatures: [x, x]}}")
    assert [one.split(":")[0] for one in found if "number" in one] == [
        "stages.generate.temperatures.0",
        "stages.generate.temperatures.1",
    ]


def test_unknown_model_names_are_problems_with_the_known_ones() -> None:
    found = problems(MODELS + "stages: {generate: {models: [a, c]}, verify: {model: d}, route: {easy: 2, medium: 4}}")
    assert "stages.generate.models: there is no model 'c'; models are a, b" in found
    assert "stages.verify.model: there is no model 'd'; models are a, b" in found


def test_a_model_entry_with_a_problem_is_still_known_by_name() -> None:
    found = problems(
        "models: {a: {backend: scripted, colour: red}}\nstages: {generate: {models: [a]}, verify: {model: a}}"
    )
    assert not [one for one in found if "there is no model" in one]


def test_a_key_that_stands_twice_is_refused() -> None:
    assert "key 'a' stands twice" in problems("models: {a: {backend: scripted}, a: {backend: scripted}}\nstages: {}")[0]


def test_text_that_is_no_yaml_or_no_map_is_refused() -> None:
    assert "is not valid YAML" in problems("models: [")[0]
    assert problems("- 1\n- 2") == ["must be a mapping with models and stages"]


def test_a_missing_file_names_the_shipped_recipes() -> None:
    with pytest.raises(RecipeError, match="shipped recipes are local, endpoint, api"):
        recipe.load("nowhere.yaml")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"\xff\xfe\x00models")
    with pytest.raises(RecipeError, match="cannot be read"):
        recipe.load(tmp_path / "r.yaml")


def test_thresholds_are_scaled_to_the_number_of_chains() -> None:
    six = recipe.parse(MODELS + "stages: {generate: {models: [a, b]}, verify: {model: a}}").stages
    assert thresholds(six) == (3, 4)
    assert votes_needed(None, 6, 6) == 4
    assert votes_needed(5, 6, 6) == 5


@pytest.mark.parametrize(
    ("samples", "expected", "kept"), [(1, (0, 0), 1), (2, (0, 1), 1), (3, (0, 2), 1), (4, (0, 3), 1), (5, (2, 3), 2)]
)
def test_few_chains_of_one_model_make_tiers_by_themselves(samples: int, expected: tuple[int, int], kept: int) -> None:
    generate = f"generate: {{models: [a], temperatures: [0.7], samples: {samples}}}"
    stages = recipe.parse(f"{MODELS}stages: {{{generate}, verify: {{model: b}}, rank: {{model: b}}}}").stages
    assert thresholds(stages) == expected
    assert stages.rank is not None
    assert stages.rank.keep == kept
    without_rank = recipe.parse(f"{MODELS}stages: {{{generate}, verify: {{model: b}}}}").stages
    assert thresholds(without_rank) == expected


def test_what_a_recipe_says_of_few_chains_is_kept() -> None:
    base = MODELS + "stages: {generate: {models: [a], temperatures: [0.7], samples: 4}, verify: {model: b}, "
    kept = recipe.parse(base + "rank: {model: b, keep: 2}}").stages
    assert thresholds(kept) == (0, 2)
    given = recipe.parse(base + "route: {easy: 1, medium: 2}, rank: {model: b}}").stages
    assert given.rank is not None
    assert given.rank.keep == 2


def test_only_the_stages_that_will_run_are_checked(tmp_path: Path) -> None:
    text = MODELS + "stages: {generate: {models: [a, b]}, verify: {model: a}, route: {easy: 4, medium: 4}}"
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError, match="it must be 0 <= easy < medium"):
        recipe.load(tmp_path / "r.yaml")
    assert recipe.load(tmp_path / "r.yaml", ("generate",)).used == ["a", "b"]
    assert recipe.load(tmp_path / "r.yaml", ()).used == ["a", "b"]


def test_one_model_alone_makes_no_consensus() -> None:
    one = "stages: {generate: {models: [a]}, verify: {model: b}}"
    assert not can_agree(recipe.parse(MODELS + one))
    assert can_agree(recipe.parse(MODELS + one.replace("[a]", "[a, b]")))


@pytest.mark.parametrize("route", ["{easy: 4, medium: 4}", "{easy: 1, medium: 6}", "{easy: 5}"])
def test_thresholds_that_do_not_fit_are_refused(route: str) -> None:
    text = MODELS + f"stages: {{generate: {{models: [a, b]}}, verify: {{model: a}}, route: {route}}}"
    assert "it must be 0 <= easy < medium <= 4" in problems(text)[0]


def test_two_entries_that_are_the_same_model_are_refused_as_generators() -> None:
    models = "models: {a: {backend: scripted, model: A}, b: {backend: scripted, model: A}}\n"
    assert "their chains would be one and the same" in problems(models + STAGES)[0]
    told_apart = models.replace("b: {backend: scripted, model: A}", "b: {backend: scripted, model: A, revision: fp8}")
    assert recipe.parse(told_apart + STAGES).used == ["a", "b"]


def test_a_temperature_that_overrides_all_others_is_refused_for_a_generator() -> None:
    models = (
        "models: {a: {backend: scripted, model: A, sampling: {temperature: 0.6}}, b: {backend: scripted, model: B}}\n"
    )
    assert "overrides every temperature" in problems(models + STAGES)[0]


def test_the_blind_reader_is_never_the_author() -> None:
    base = MODELS + "stages: {generate: {models: [a, b]}, verify: {model: a}, route: {easy: 2, medium: 4}, optimize: "
    assert blind_reader(recipe.parse(base + "{model: a}}")) == "b"
    assert blind_reader(recipe.parse(base + "{model: b}}")) == "a"
    assert "a is the author" in problems(base + "{model: a, blind_model: a}}")[0]
    alone = (
        "models: {a: {backend: scripted}}\n"
        "stages: {generate: {models: [a], samples: 2}, verify: {model: a}, optimize: {model: a}}"
    )
    assert "there is no other model to read blind" in problems(alone)[0]


def test_paths_in_a_recipe_are_relative_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "verify.md").write_text("Judge {{ question }}")
    (tmp_path / "r.yaml").write_text(f"prompts: mine\n{MODELS}{STAGES}")
    assert recipe.load(tmp_path / "r.yaml").prompts == tmp_path / "mine"


def test_dates_and_offs_of_yaml_are_understood() -> None:
    text = (
        "models: {m: {backend: azure, endpoint: 'https://x', deployment: d, api_version: 2024-10-21}}\n"
        "stages: {generate: {models: [m], samples: 3}, verify: {model: m}, route: {dispute: off}}"
    )
    loaded = recipe.parse(text)
    assert loaded.stages.route.dispute is False
    assert loaded.models["m"].api_version == "2024-10-21"


def test_a_back_end_of_ones_own_is_found_by_its_dotted_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_backend.py").write_text(
        "from reasonmed.backends.scripted import Settings, Scripted\n"
        "def connect(settings, connections):\n    return Scripted(lambda request: 'mine')\n"
    )
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "my_backend.py").rename(tmp_path / "pack" / "mine.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert recipe.parse("models: {a: {backend: pack.mine}}\nstages: {}").model("a").identity == "scripted"
    assert "pack.other" in problems("models: {a: {backend: pack.other}}\nstages: {}")[0]


def test_what_cannot_change_a_record_is_not_in_the_identity() -> None:
    one = recipe.parse(
        "models: {m: {backend: openai, base_url: 'http://a/v1', model: M, api_key_env: A, timeout: 5}}\n"
        "stages: {generate: {models: [m], samples: 3}, verify: {model: m}}\nlimits: {in_flight: 1}"
    )
    other = recipe.parse(
        "models: {judge: {backend: openai, base_url: 'http://b/v1', model: M, api_key_env: B}}\n"
        "stages: {generate: {models: [judge], samples: 3}, verify: {model: judge}}\nlimits: {in_flight: 9, give_up: 5}"
    )
    assert identity_of(one) == identity_of(other)


@pytest.mark.parametrize(
    ("stage", "options", "place"),
    [
        ("verify", {"temperature": 0.4}, "stages.verify.temperature: was 0.0, is now 0.4"),
        ("verify", {"max_tokens": 9}, "stages.verify.max_tokens"),
        ("rank", {"keep": 1}, "stages.rank.keep"),
        ("score", None, "stages.score"),
        ("route", {"way": "all_difficult"}, "stages.route.way: was None, is now 'all_difficult'"),
        ("generate", {"cot": "both"}, "stages.generate.cot: was 'visible', is now 'both'"),
    ],
)
def test_what_can_change_a_record_is_named_as_a_difference(
    stage: str, options: dict[str, object] | None, place: str
) -> None:
    found = list(differences(identity_of(scripted()), identity_of(scripted(**{stage: options}))))
    assert any(one.startswith(place) for one in found), found


def test_scores_of_originals_are_not_in_the_identity() -> None:
    assert identity_of(scripted(score={"originals": True})) == identity_of(scripted())


def test_the_way_of_all_questions_can_be_said_in_a_word_and_needs_its_stage() -> None:
    text = "models: {m: {backend: scripted}}\nstages: {route: all_difficult, optimize: {model: m, blind: false}}"
    assert recipe.parse(text).stages.route.way == "all_difficult"
    assert problems(text.replace(", optimize: {model: m, blind: false}", "")) == [
        "stages.route.way: all_difficult needs the strong author of stages.optimize, and the recipe has none"
    ]
    assert "'all_hard'" in problems(text.replace("all_difficult", "all_hard"))[0]


def test_a_changed_template_is_a_difference(tmp_path: Path) -> None:
    (tmp_path / "verify.md").write_text("{{ question }}")
    mine = scripted().model_copy(update={"prompts": tmp_path})
    found = list(differences(identity_of(scripted()), identity_of(mine)))
    assert [one.split(":")[0] for one in found] == ["stages.verify.prompts.verify"]


def test_one_endpoint_in_every_role() -> None:
    made = recipe.for_endpoint("http://localhost:1/v1", "m", None)
    assert {made.model(name).label for name in made.used} == {"m"}


def test_the_bound_of_a_reply_is_the_recipes_unless_a_model_has_its_own() -> None:
    own = MODELS.replace("model: B}", "model: B, limits: {max_reply_mb: 2}}")
    loaded = recipe.parse(own + STAGES + "limits: {max_reply_mb: 0.5}\n")
    assert [loaded.model(name).limits.max_reply_mb for name in ("a", "b")] == [0.5, 2]


def test_templates_that_replace_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "misnamed").mkdir()
    (tmp_path / "misnamed" / "verfy.md").write_text("Judge")
    told = {"/nonexistent": "not there", "empty": "no template", "misnamed": "verify.md", "r.yaml": "a file"}
    for folder, problem in told.items():
        (tmp_path / "r.yaml").write_text(f"prompts: {folder}\n{MODELS}{STAGES}")
        with pytest.raises(RecipeError, match=f"prompts: .*{problem}"):
            recipe.load(tmp_path / "r.yaml")
    assert any("verfy.md" in one for one in problems(f"prompts: {{verfy.md: Judge}}\n{MODELS}{STAGES}"))


def test_marks_of_thinking_are_part_of_a_runs_identity_and_of_no_request() -> None:
    tagged = MODELS.replace("model: B}", 'model: B, thinking: {open: "[[", close: "]]"}}')
    before, after = identity_of(recipe.parse(MODELS + STAGES)), identity_of(recipe.parse(tagged + STAGES))
    assert [one.split(":")[0] for one in differences(before, after)] == ["stages.generate.models[1].thinking"]
    assert "thinking" not in str(before)
    team = assemble(recipe.parse(tagged + STAGES), dict.fromkeys("ab", Scripted(made_up)))
    plain = assemble(recipe.parse(MODELS + STAGES), dict.fromkeys("ab", Scripted(made_up)))
    asked = [[agent.request(question(), {}).key for agent, _ in one.generators] for one in (team, plain)]
    assert asked[0] == asked[1]
    assert [agent.tags is not None for agent, _ in team.generators] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("marks", ['{open: "", close: b}', "{open: a, close: a}", '{open: " ", close: b}', "{open: a}"])
def test_marks_of_thinking_must_be_two(marks: str) -> None:
    found = problems(MODELS.replace("model: B}", f"model: B, thinking: {marks}}}") + STAGES)
    assert all(one.startswith("models.b.thinking") for one in found)


def test_a_temperature_over_what_a_back_end_takes_is_refused() -> None:
    models = "models: {a: {backend: anthropic, model: A}, b: {backend: scripted, model: B}}\n"
    stages = "stages: {generate: {models: [a], temperatures: [0.7, 1.3], samples: 3}, verify: {model: b}}\n"
    assert problems(models + stages) == [
        "stages.generate.models: a is asked for temperature 1.3; backend anthropic takes up to 1"
    ]
