"""The rules of the code's structure, as tests."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import reasonmed
from reasonmed import errors
from reasonmed.engine.ledger.tables import SCHEMA
from reasonmed.pipeline import stages
from reasonmed.recipe.options import Stages
from reasonmed.recipe.stages import specs

ROOT = Path(reasonmed.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LONGEST = 320

LAYERS = (
    ("documents", "errors", "_version", "exchange", "files", "plugins", "processes", "secrecy", "types"),
    ("parsing", "report", "screening"),
    ("questions",),
    ("backends", "reward"),
    ("recipe",),
    ("engine",),
    ("pipeline",),
    ("runs",),
    ("cluster",),
    ("checks",),
    ("export",),
    ("training",),
    ("evaluation",),
    ("web",),
    ("cli", "__main__"),
    ("api",),
)
"""Rooms, from the bottom up: a module imports from lower layers, or from its own room's layer."""

REGISTRIES = ("questions/readers", "export/formats", "pipeline/stages", "training/methods", "training/emit")
"""Folders of plug-ins found by name; what else they hold starts with an underscore."""


def _layer(name: str) -> int:
    first = name.removeprefix("reasonmed").removeprefix(".").split(".")[0]
    for number, names in enumerate(LAYERS):
        if first in names:
            return number
    raise AssertionError(f"{name} is in no layer: say in tests/test_structure.py where it belongs")


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = frozenset(_name(module) for module in MODULES)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports(path: Path) -> list[str]:
    """Modules of the package that a file imports, also late and for types only."""
    found = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [one if one in NAMES else node.module for one in deeper]
    return [name for name in found if name.startswith("reasonmed.")]


@pytest.mark.parametrize("path", [path for path in MODULES if path != ROOT / "__init__.py"], ids=_name)
def test_imports_point_down_the_layers(path: Path) -> None:
    own = _layer(_name(path))
    higher = [name for name in _imports(path) if _layer(name) > own]
    assert not higher, f"{_name(path)} imports {higher} from a layer above it"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {_name(path): [name for name in set(_imports(path)) if name != _name(path)] for path in MODULES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"circle: {' -> '.join([*way[way.index(name) :], name])}"
        if name not in done:
            for other in graph.get(name, []):
                if not other.startswith(f"{name}."):
                    visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_stages_modules_templates_and_recipe_tables_agree() -> None:
    folder = ROOT / "pipeline" / "stages"
    modules = {path.stem for path in folder.glob("[!_]*.py")}
    templates = {path.stem for path in (ROOT / "recipe" / "prompts").glob("*.md")}
    assert modules == {spec.name for spec in specs()}
    assert modules >= set(Stages.model_fields)
    assert templates == {role.prompt for spec in specs() for role in spec.roles} | {"evaluate", "evaluate_bare"}
    for name in modules:
        assert name in {
            node.name for node in _tree(folder / f"{name}.py").body if isinstance(node, ast.AsyncFunctionDef)
        }


def test_stages_see_no_back_end_and_no_ledger() -> None:
    for path in Path(stages.__file__ or "").parent.glob("*.py"):
        seen = [name for name in _imports(path) if name.split(".")[1] in ("backends", "engine")]
        assert not seen, f"{path.name} imports {seen}"


_TABLES = "|".join(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", SCHEMA))
_ON_THE_LEDGER = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN|TABLE)\s+(?:(?:{_TABLES}|sqlite_master)\b|$)")
"""A statement on a table of the ledger, or on one whose name is filled in."""


def test_all_sql_on_the_ledger_is_in_its_own_folder() -> None:
    for path in MODULES:
        if ROOT / "engine" / "ledger" in path.parents:
            continue
        texts = [node.value for node in ast.walk(_tree(path)) if isinstance(node, ast.Constant)]
        found = [text for text in texts if isinstance(text, str) and _ON_THE_LEDGER.search(text)]
        assert not found, f"{_name(path)} has {found}: give the ledger a method for it"


def test_sql_on_the_ledger_is_recognized() -> None:
    assert all(_ON_THE_LEDGER.search(text) for text in ("SELECT x FROM items", "UPDATE calls SET", "SELECT y FROM "))
    assert not _ON_THE_LEDGER.search("CREATE TABLE seen (id TEXT)")


def test_the_engine_knows_no_question_and_no_story() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        assert "reasonmed.types" not in _imports(path), _name(path)


def test_nobody_makes_up_a_recipe() -> None:
    """A recipe is what a person wrote, read by its room; whoever needs less than one asks for less."""
    for path in MODULES:
        if path.parent.name != "recipe":
            called = [node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
            names = {name.id for name in called if isinstance(name, ast.Name)}
            assert not names & {"Recipe", "Stages"}, _name(path)


def test_the_error_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = [
        line.lstrip("│├└─ ") for line in (errors.__doc__ or "").splitlines() if "──" in line or line == "ReasonMedError"
    ]
    classes = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert sorted(drawn) == sorted(classes)
    lines = (errors.__doc__ or "").splitlines()
    for name in classes:
        parent = getattr(errors, name).__mro__[1].__name__
        if parent != "Exception":
            own = next(number for number, line in enumerate(lines) if line.endswith(f" {name}"))
            above = next(number for number, line in enumerate(lines) if line.split(" ")[-1] == parent)
            assert above < own
            assert lines[own].index(name) == (lines[above].index(parent) + 4)


def test_no_mock_library_is_used() -> None:
    for path in Path(__file__).parent.rglob("*.py"):
        assert "unittest" + ".mock" not in path.read_text(encoding="utf-8")


LOOSE = {"evaluation": 0, "training": 14, "": 39}
"""Signatures with ``Any`` by room, and in all others together: the numbers only fall."""


def _is_loose(annotation: ast.expr, loose: set[str]) -> bool:
    """Whether an annotation says anything goes: ``Any``, or a name for something with it."""
    return any(isinstance(node, ast.Name) and node.id in loose for node in ast.walk(annotation))


def _loose_names(tree: ast.Module) -> set[str]:
    """``Any`` and the module's own names for types with it."""
    found = {"Any"}
    for node in ast.walk(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Subscript | ast.BinOp) and _is_loose(value, found):
            found.add(target.id)
    return found


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    given = node.args
    named = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    return [one for one in (*(each.annotation for each in named if each), node.returns) if one is not None]


@pytest.mark.parametrize("room", LOOSE)
def test_signatures_that_say_anything_goes_only_become_fewer(room: str) -> None:
    found: list[str] = []
    for path in MODULES:
        first = "".join(_name(path).split(".")[1:2])
        if (first if first in LOOSE else "") != room:
            continue
        names = _loose_names(_tree(path))
        defined = (one for one in ast.walk(_tree(path)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
        found += [
            f"{_name(path)}.{one.name}" for one in defined if any(_is_loose(each, names) for each in _annotations(one))
        ]
    assert len(found) <= LOOSE[room], f"{len(found)} signatures with Any: {found}"
