"""The back end ``vllm`` where vLLM is not installed: settings, whose model it is, and when a folder goes to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reasonmed.backends import find, transformers, vllm
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.evaluation import Settings as Asking
from reasonmed.evaluation import candidate, evaluate, of_folder
from reasonmed.exchange import Message, Request
from reasonmed.recipe import parse
from reasonmed.recipe.options import Recipe


def model_folder(folder: Path, config: str = "config.json") -> Path:
    """Files of a model folder, without a model in them."""
    folder.mkdir(parents=True)
    (folder / config).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def settings(folder: Path, **others: Any) -> vllm.Settings:
    return vllm.Settings(backend="vllm", model=str(folder), **others)


def recipe(folder: Path) -> Recipe:
    entry = {"backend": "vllm", "model": str(folder), "parallel": 48}
    return parse(json.dumps({"models": {"m": entry}, "stages": {"generate": {"models": ["m"], "samples": 3}}}), "test")


def test_the_engine_is_told_what_the_recipe_says_and_the_rest_is_passed_through(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    told = settings(folder, context=2048, tensor_parallel=2, gpu_memory=0.5, engine={"enforce_eager": True, "seed": 3})
    assert told.arguments("auto") == {
        "model": str(folder),
        "dtype": "auto",
        "max_model_len": 2048,
        "max_num_seqs": 256,
        "tensor_parallel_size": 2,
        "gpu_memory_utilization": 0.5,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "enforce_eager": True,
        "seed": 3,
    }
    assert settings(folder, engine={"enable_prefix_caching": False}).arguments("auto")["enable_prefix_caching"] is False
    assert "max_model_len" not in settings(folder).arguments("auto"), "the model's own limit is vLLM's default"


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": {"model": "other"}},
        {"engine": {"tokenizer": "x"}},
        {"gpu_memory": 1.5},
        {"parallel": 0},
        {"batch": 4},
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(model_folder(tmp_path / "m"), **wrong)


def test_the_weights_are_the_same_model_in_both_engines_and_changed_ones_are_another(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    plain = transformers.Settings(backend="transformers", model=str(folder)).identity
    assert settings(folder).identity == plain
    assert settings(folder, parallel=8, tensor_parallel=4, gpu_memory=0.3).identity == plain
    others: list[dict[str, Any]] = [{"dtype": "float32"}, {"context": 512}, {"engine": {"quantization": "fp8"}}]
    assert len({plain, *(settings(folder, **other).identity for other in others)}) == 4


@pytest.mark.parametrize(
    ("config", "said"),
    [("adapter_config.json", "merge it"), ("readme.json", "no config.json")],
    ids=["adapter", "none"],
)
def test_a_folder_that_vllm_cannot_load_is_refused_before_it_starts(tmp_path: Path, config: str, said: str) -> None:
    folder = model_folder(tmp_path / "m", config)
    with pytest.raises(ReasonMedError, match=said):
        _ = settings(folder).identity


def test_a_recipe_may_name_the_engine_of_a_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "run.json").write_text(json.dumps({"base_model": "b", "stems": ["0" * 32]}))
    found = candidate("m", recipe(folder))
    assert (found.entry.backend, found.folder, found.base) == ("vllm", folder, "b")
    assert found.stems == frozenset({"0" * 32})
    assert found.entry.limits.in_flight == 48
    assert found.entry.scores


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
async def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    backend = find("vllm").connect(settings(model_folder(tmp_path / "m")), 4)
    asked = Request(model="m", messages=(Message("user", "Why?"),))
    for _ in range(2):
        with pytest.raises(UsageError, match=r"pip install 'reasonmed\[vllm\]'"):
            await backend.complete(asked)
    await backend.aclose()


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_an_evaluation_without_the_extra_ends_with_its_name(tmp_path: Path) -> None:
    rows = [{"id": f"q{n}", "question": f"Which {n}?", "options": ["a", "b"], "answer_index": 0} for n in range(3)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = candidate("m", recipe(model_folder(tmp_path / "m")))
    with pytest.raises(UsageError, match=r"reasonmed\[vllm\]"):
        evaluate([tmp_path / "own.jsonl"], [model], tmp_path / "out", Asking())


_CHOICE = """
import sys
from pathlib import Path
from reasonmed.evaluation import of_folder
print(*(of_folder(Path(folder)).entry.backend for folder in sys.argv[1:]))
"""
_TORCH = """
class cuda:
    is_available = staticmethod(lambda: {there})
    is_initialized = staticmethod(lambda: {used})
"""


@pytest.mark.parametrize(
    ("here", "chosen"),
    [
        ({"installed", "there"}, "vllm"),
        ({"installed", "there", "used"}, "transformers"),
        ({"installed"}, "transformers"),
        ({"there"}, "transformers"),
    ],
    ids=["free GPU", "GPU in use by this process", "no GPU", "not installed"],
)
def test_a_folder_goes_to_vllm_where_it_can_run(tmp_path: Path, here: set[str], chosen: str) -> None:
    plain, adapter = model_folder(tmp_path / "m"), model_folder(tmp_path / "a", "adapter_config.json")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "torch.py").write_text(_TORCH.format(there="there" in here, used="used" in here))
    if "installed" in here:
        (packages / "vllm.py").write_text("raise AssertionError('choosing must not import it')\n")
    elif find_spec("vllm") is not None:
        pytest.skip("vLLM is installed here")
    way = os.pathsep.join([str(packages), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", _CHOICE, plain, adapter],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": way},
    )  # fmt: skip
    assert done.stdout.split() == [chosen, "transformers"]


def test_this_process_chooses_by_what_is_here(tmp_path: Path) -> None:
    chosen = of_folder(model_folder(tmp_path / "m")).entry.backend
    if find_spec("vllm") is None:
        assert chosen == "transformers"
    else:
        import torch

        assert (chosen == "vllm") == torch.cuda.is_available()
