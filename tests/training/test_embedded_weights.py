"""The embedded model's weights, de-quantized: a few real steps. Slow on a processor, so only where it is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reasonmed.backends._weights import FILE, cache_folder
from reasonmed.cli import app
from reasonmed.training import settings
from support import document
from tiny_model import export

pytestmark = pytest.mark.filterwarnings("default")  # of packages that are not ours
for _package in ("torch", "trl", "gguf"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")


@pytest.mark.embedded
@pytest.mark.skipif("REASONMED_TRAIN_EMBEDDED" not in os.environ, reason="minutes on a processor: make test-train")
def test_the_embedded_weights_learn_in_a_few_steps(tmp_path: Path) -> None:
    if not (cache_folder() / FILE).is_file():
        pytest.skip("the embedded model's weights are not in the cache")
    from reasonmed.training import run as fit
    from reasonmed.training.prepare import prepare

    text = "base_model: embedded\nbatch: 2\nmax_steps: 4\nlearning_rate: 1.0e-4\nwarmup: 0\nsave_steps: 100\n"
    ready = prepare(export(tmp_path / "data", 8), settings.parse(text, "train.yaml", None))
    fit.open_folder(tmp_path / "model", ready, force=False)
    fit.train(ready, tmp_path / "model", lambda _: None)
    told = document(tmp_path / "model" / "run.json")
    assert told["base_model"]["parameters"] == 134_515_008
    assert told["loss"]["last"] < told["loss"]["first"] - 0.2
    assert told["base_model"]["identity"].startswith(f"{FILE} sha256:b179c9523d0e")


@pytest.mark.embedded
@pytest.mark.skipif("REASONMED_TRAIN_EMBEDDED" not in os.environ, reason="minutes on a processor: make test-train")
def test_fifty_real_questions_score_the_embedded_weights_before_and_after(tmp_path: Path, shared: Path) -> None:
    if not (cache_folder() / FILE).is_file():
        pytest.skip("the embedded model's weights are not in the cache")
    text = "base_model: embedded\nbatch: 2\nmax_steps: 2\nlearning_rate: 1.0e-4\nwarmup: 0\nsave_steps: 100\n"
    (tmp_path / "train.yaml").write_text(text, encoding="utf-8")
    words = [
        "ablate", export(tmp_path / "data", 8), "-c", tmp_path / "train.yaml", "-o", tmp_path / "ablation",
        "--questions", shared / "data" / "medmcqa.jsonl", "--sample", 50, "--protocol", "loglikelihood",
        "--variants", "reasonmed", "--seeds", 1,
    ]  # fmt: skip
    ended = CliRunner().invoke(app, [*map(str, words)])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    told = json.loads((tmp_path / "ablation" / "ablation.json").read_text(encoding="utf-8"))
    assert told["questions"] == 50
    assert told["accuracy"].keys() == {"base", "reasonmed"}
    assert 0.1 < told["accuracy"]["base"]["value"] < 0.6, "a model of this size answers about as chance does"
