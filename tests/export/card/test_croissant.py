"""``croissant.json`` is valid Croissant 1.1, and whoever reads the data through it gets every row."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from exports import Export
from reasonmed.export import formats

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def mlcroissant() -> Any:
    return pytest.importorskip("mlcroissant", reason="validates and reads croissant.json")


def test_it_is_valid_and_every_record_set_has_every_row(mlcroissant: Any, exported: Export, tmp_path: Path) -> None:
    told = exported(formats())
    data = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    issues = data.metadata.ctx.issues
    assert not issues.errors
    assert [one.split("/")[-1] for one in issues.warnings] == ['citeAs" is recommended, but does not exist.']
    assert data.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    rows = {one.uuid: sum(1 for _ in data.records(one.uuid)) for one in data.metadata.record_sets}
    assert rows == {name.rpartition(".")[0]: count for name, count in told["rows"].items()}


def test_the_rai_fields_are_read(mlcroissant: Any, exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    metadata = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json")).metadata
    assert "made-up-1 judged them" in metadata.data_collection
    assert any("not for clinical use" in one.lower() for one in metadata.data_limitations)
    assert metadata.annotator_demographics == ["No human annotators took part"]
    assert metadata.data_use_cases == ["Showing and testing the machinery only"]
    assert any("also wrote chains of thought that it judged" in one for one in metadata.data_biases)
    assert "Nobody has screened them" in metadata.personal_sensitive_information[0]


def test_file_objects_have_the_hash_of_their_file(exported: Export, tmp_path: Path) -> None:
    exported(["records", "parquet", "reasonmed-json"])
    told = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    assert len(told["distribution"]) == 24
    for one in told["distribution"]:
        content = (tmp_path / "out" / one["contentUrl"]).read_bytes()
        assert one["sha256"] == sha256(content).hexdigest()
        assert one["contentSize"] == f"{len(content)} B"


def test_fields_have_the_types_of_their_columns(exported: Export, tmp_path: Path) -> None:
    exported(["records", "parquet"])
    told = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    for table in ("records/train", "parquet/train"):
        found = next(one for one in told["recordSet"] if one["@id"] == table)
        fields = {one["name"]: one for one in found["field"]}
        assert fields["answer_index"]["dataType"] == "cr:Int64"
        assert fields["verified"]["dataType"] == "sc:Boolean"
        assert fields["question"]["dataType"] == "sc:Text"
        assert fields["options"]["isArray"]
    assert {one["name"] for one in fields["verdicts"]["subField"]} >= {"outcome", "reason", "judge"}
