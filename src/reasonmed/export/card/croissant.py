"""``croissant.json``: the data set as Croissant 1.1 JSON-LD with the fields of the RAI extension.

Specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and croissant-rai-spec.html there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.export.card.columns import fields_of
from reasonmed.export.card.licenses import texts_of
from reasonmed.export.card.statements import rai

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.export._manifest import Export
    from reasonmed.export.card.columns import Kind
    from reasonmed.export.card.facts import Source

_CONTEXT: dict[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of the specification, and the prefix of the RAI extension."""
_CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_KINDS = {"jsonl": "application/jsonlines", "json": "application/json", "parquet": "application/x-parquet"}


def croissant(folder: Path, told: Export, name: str, summary: str) -> str:
    """The JSON-LD of an export whose files are in a folder.

    Raises:
        UsageError: the columns of a parquet file cannot be read because pyarrow is not installed.
    """
    facts, about = told.card, told.about
    date = facts.run.started[:10]
    tables = [file for file in told.rows if file.rpartition(".")[2] in _KINDS]
    made = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(_CONFORMS),
        "name": name,
        "description": summary,
        "license": _licenses(facts.counts.sources),
        **({"url": about.url} if about.url else {}),
        **({"creator": {"@type": "sc:Person", "name": about.creator}} if about.creator else {}),
        "dateCreated": date,
        "datePublished": date,
        "version": "1.0.0",
        "keywords": ["medical", "reasoning", "chain of thought", "synthetic"],
        "isLiveDataset": False,
        "distribution": [_file(folder, file, told.sha256[file]) for file in tables],
        "recordSet": [_records(folder, file) for file in tables],
        **rai(told),
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _licenses(sources: Iterable[Source]) -> list[str]:
    return sorted({text for one in sources if one.records for text in texts_of(one.source, one.license)})


def _file(folder: Path, name: str, sha256: str) -> dict[str, object]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{(folder / name).stat().st_size} B",
        "encodingFormat": _KINDS[name.rpartition(".")[2]],
        "sha256": sha256,
    }


def _records(folder: Path, name: str) -> dict[str, object]:
    table = name.rpartition(".")[0]
    return {
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "field": [
            field for column, kind in fields_of(folder / name).items() for field in _fields(name, table, column, kind)
        ],
    }


def _fields(file: str, table: str, column: str, kind: Kind) -> list[dict[str, object]]:
    """The field of a column; in a JSON list one a member of its objects, as mlcroissant reads no subfields there."""
    made: dict[str, object] = {"@type": "cr:Field", "@id": f"{table}/{column}", "name": column}
    if kind.is_list:
        made |= {"isArray": True, "arrayShape": "-1"}
    if not kind.members:
        return [{**made, "dataType": kind.type, "source": _source(file, column)}]
    members: list[dict[str, object]] = [
        {
            "@type": "cr:Field",
            "@id": f"{table}/{column}/{name}",
            "name": name,
            "dataType": member.type,
            "source": _source(file, column, name),
        }
        for name, member in kind.members
    ]
    return members if _is_list(file) else [{**made, "subField": members}]


def _source(file: str, column: str, member: str | None = None) -> dict[str, object]:
    found = {"fileObject": {"@id": file}}
    if _is_list(file):
        return {**found, "extract": {"jsonPath": "$[*]." + ".".join(filter(None, (column, member)))}}
    return {**found, "extract": {"column": column}, **({"transform": {"jsonPath": member}} if member else {})}


def _is_list(file: str) -> bool:
    """Whether a file is one JSON list, which is read by path and not by column."""
    return file.endswith(".json")
