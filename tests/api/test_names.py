from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from statistics import median
from types import FunctionType, ModuleType

import reasonmed as rm
from reasonmed import errors

_TRIES = 5
_HEAVY = ("aiohttp", "pydantic", "msgspec", "rich", "typer", "yaml", "jinja2", "pandas", "datasets", "torch", "pyarrow")


def test_dir_lists_the_names_and_each_is_there() -> None:
    assert dir(rm) == sorted(rm.__all__)
    assert all(getattr(rm, name) is not None for name in rm.__all__)
    assert not hasattr(rm, "train")


def test_every_error_has_its_name() -> None:
    own = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert own <= set(rm.__all__)
    assert all(getattr(rm, name) is getattr(errors, name) for name in own)


def test_importing_the_package_takes_under_50_ms_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import reasonmed; took = time.perf_counter() - start; "
        f"print(took, [name for name in {_HEAVY} if name in sys.modules])"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split(" ", 1)
        for _ in range(_TRIES)
    ]
    assert {loaded.strip() for _, loaded in runs} == {"[]"}
    assert median(float(took) for took, _ in runs) < 0.05


def test_export_is_the_function_though_a_folder_has_its_name() -> None:
    folder = import_module("reasonmed.export")
    assert isinstance(folder, ModuleType)
    assert isinstance(rm.export, FunctionType)


def test_both_twins_show_the_arguments_and_no_session() -> None:
    for blocking, twin in ((rm.synthesize, rm.asynthesize), (rm.evaluate, rm.aevaluate)):
        told = inspect.signature(blocking)
        assert told == inspect.signature(twin)
        assert next(iter(told.parameters)) == "questions"
        assert inspect.iscoroutinefunction(twin)
        assert not inspect.iscoroutinefunction(blocking)
        assert f"a{blocking.__name__}" == twin.__name__
