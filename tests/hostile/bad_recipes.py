"""Recipes, training files and templates that nobody means well with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bad_files import ESC, sparse

RECIPE = """\
models:
  one: {{backend: {backend}, model: made-up-1{entry}}}
stages:
  generate: {{models: [one], temperatures: [0.7], samples: 3, max_tokens: 500{generate}}}
  verify: {{model: one}}
  rank: {{model: one, keep: 1}}
  summarize: {{model: one}}
{more}
"""


def recipe(backend: str = "scripted", entry: str = "", generate: str = "", more: str = "") -> str:
    return RECIPE.format(backend=backend, entry=entry, generate=generate, more=more)


GOOD = recipe()

TRAINING = "base_model: nowhere/model\n"

_LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)
_MERGES = "\n".join(
    ["a0: &a0 {k: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
)

VALUES = {
    "a date": "2024-01-01",
    "a time": "2024-01-01 10:00:00",
    "a set": "!!set {a, b}",
    "bytes": "!!binary aGFsbG8=",
    "pairs": "!!omap [a: 1]",
    "a map with a number for a key": "{1: a}",
    "a map with nothing for a key": "{~: a}",
    "a map with a list for a key": "{? [a] : b}",
    "a map with a date for a key": "{2024-01-01: b}",
    "a map with a key twice": "{a: 1, a: 2}",
    "a map with a number twice": "{1: 1, 1: 2}",
    "an integer of 10,000 digits": "9" * 10_000,
    "a hexadecimal integer of 10,000 digits": "0x" + "f" * 10_000,
    "a binary integer of 100,000 digits": "0b" + "1" * 100_000,
    "an integer in base 60": "1" + ":59" * 5_000,
    "1e400": "1.0e+400",
    "not a number": ".nan",
    "infinity": ".inf",
    "minus infinity": "-.inf",
    "an integer of 70 bits": str(1 << 70),
    "a deep list": "[" * 30_000 + "]" * 30_000,
    "a deep map": "{a: " * 2_000 + "1" + "}" * 2_000,
    "an open list": "[" * 100_000,
    "a list within itself": "&l [*l]",
    "a map within itself": "&m {a: *m}",
    "a map that merges itself": "&m {<<: *m}",
    "a merge of a text": "{<<: text}",
    "an unknown alias": "*nowhere",
    "a Python object": "!!python/object/apply:os.system ['touch ../outside/owned']",
    "a Python name": "!!python/name:os.system",
    "a Python module": "!!python/object/new:type {}",
    "an own tag": "!own {a: 1}",
    "half a character": '"\\ud800"',
    "escapes": f'"{ESC.encode("unicode_escape").decode()}"',
    "NUL": '"\\0"',
    "a text of 200 KB": "a" * 200_000,
    "a list of 20,000": "[" + "a," * 20_000 + "]",
    "a place outside": "../../../../../../etc/passwd",
    "a device": "/dev/zero",
    "a list": "[a, b]",
    "true": "true",
    "null": "null",
    "minus 1": "-1",
    "empty": "''",
}
"""YAML for a field of a recipe that should be something else."""

FIELDS: dict[str, Callable[[str], str]] = {
    "extra_body": lambda value: recipe(entry=f", extra_body: {{stop_at: {value}}}"),
    "a whole extra_body": lambda value: recipe(entry=f", extra_body: {value}"),
    "model": lambda value: recipe().replace("made-up-1", value),
    "backend": recipe,
    "revision": lambda value: recipe(entry=f", revision: {value}"),
    "system": lambda value: recipe(entry=f", system: {value}"),
    "replies": lambda value: recipe(entry=f", replies: {value}"),
    "function": lambda value: recipe(entry=f", function: {value}"),
    "price": lambda value: recipe(entry=f", price: {{input: {value}, output: 1}}"),
    "seed": lambda value: recipe(entry=f", sampling: {{seed: {value}}}"),
    "limits": lambda value: recipe(entry=f", limits: {{in_flight: {value}}}"),
    "thinking": lambda value: recipe(entry=f", thinking: {{open: {value}, close: b}}"),
    "samples": lambda value: recipe(generate=f", top_p: {value}"),
    "wave": lambda value: recipe(generate=f", wave: {value}"),
    "a stage": lambda value: recipe(more=f"  refine: {value}"),
    "prompts": lambda value: recipe(more=f"prompts: {value}"),
    "a prompt": lambda value: recipe(more=f"prompts: {{generate.md: {value}}}"),
    "judge card": lambda value: recipe().replace(
        "{model: one}", f"{{model: one, require_judge_card: {{file: {value}}}}}", 1
    ),
    "limits.max_cost": lambda value: recipe(more=f"limits: {{max_cost: {value}}}"),
    "limits.in_flight": lambda value: recipe(more=f"limits: {{in_flight: {value}}}"),
    "something else": lambda value: recipe(more=f"other: {value}"),
}

BACKENDS = (
    *("../x", "./x", "/etc/passwd", "reasonmed.cli", "reasonmed.backends._http", "reasonmed.backends.openai.Settings"),
    *(
        ".openai",
        "..cli",
        "os",
        "os.path",
        "os.system",
        "_http",
        "__init__",
        "openai.",
        "'a b'",
        "'openai\\0'",
        "''",
        "~",
    ),
    *("12", "this.that", "antigravity.x", "outside.evil", "'openai;x'", "scripted.Settings", "[openai]", "a" * 5_000),
    *('"\\ud800"', '"x\\u001b[31m"', "json.tool", "'..\\x'", "xml.etree", "reasonmed.recipe", "tests.killed_at"),
)

WHOLE = {
    "many laughs": _LAUGHS + "\n" + GOOD,
    "many merges": _MERGES + "\n" + GOOD,
    "a laugh in extra_body": recipe(entry=", extra_body: {a: *a11}").replace("models:", _LAUGHS + "\nmodels:", 1),
    "a long list many times": "a: &a [" + "x," * 5_000 + "]\nb: [" + "*a," * 5_000 + "]\n" + GOOD,
    "a long map merged many times": "a: &a {"
    + ",".join(f"k{n}: 1" for n in range(2_000))
    + "}\nb: ["
    + "{<<: *a}," * 2_000
    + "]\n"
    + GOOD,
    "deep by indenting": "".join(" " * n + "a:\n" for n in range(1_000)),
    "deep lists by indenting": "- " * 20_000 + "a",
    "questions": "? " * 20_000,
    "colons": ": " * 20_000,
    "anchors": "&a " * 20_000,
    "brackets": "[" * 200_000,
    "braces": "{" * 200_000,
    "quotes": '"' * 100_001,
    "exclamation marks": "!" * 100_000,
    "percents": "%" * 100_000,
    "directives": "%YAML 1.1\n" * 10_000,
    "a tag of 100 KB": "!" + "a" * 100_000 + " x",
    "a key of 100 KB": "a" * 100_000 + ": 1\n",
    "lines of a text": "a: |\n" + "  x\n" * 50_000,
    "folded lines": "a: >\n" + "  x\n\n" * 50_000,
    "comments": "# x\n" * 100_000 + GOOD,
    "line breaks": "\n" * 1_000_000 + GOOD,
    "many documents": "---\n" * 10_000,
    "two documents": GOOD + "---\n" + GOOD,
    "a list": "- a\n- b\n",
    "a text": "just a text",
    "tabs": "models:\n\tone: 1\n",
    "control characters": f"models: {ESC}\n",
    "keys twice": GOOD + "\nlimits: {in_flight: 1}\nlimits: {in_flight: 2}\n",
    "JSON": '{"models": {"one": {"backend": "scripted"}}, "models": {}}',
    "3 MB of keys": "".join(f"k{n}: {n}\n" for n in range(250_000)),
    "names with escapes": recipe(more=f'"{ESC.encode("unicode_escape").decode()}": 1\n'),
    "a model with escapes for a name": recipe().replace("one", '"\\e[31mone"'),
    "10,000 models": "models:\n" + "".join(f"  m{n}: {{backend: scripted}}\n" for n in range(10_000)),
    "10,000 wrong options": recipe(more="".join(f"o{n}: 1\n" for n in range(10_000))),
}

TEMPLATES = {
    "include of a place outside": "{% include '/etc/passwd' %}",
    "include up": "{% include '../../outside/secret.txt' %}",
    "include of a name": "{% include question %}",
    "include of several": "{% include ['a.md', '../outside/secret.txt'] %}",
    "include of what is not there": "{% include 'nothing.md' ignore missing %}",
    "include of itself": "{% include 'generate.md' %}{{ question }}",
    "import": "{% import '/etc/passwd' as x %}",
    "import from": "{% from '../outside/secret.txt' import x %}",
    "extends": "{% extends '/etc/passwd' %}",
    "extends itself": "{% extends 'generate.md' %}",
    "many turns": "{% for i in range(10**9) %}x{% endfor %}",
    "turns within turns": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "turns over letters": "{% for a in question %}" * 6 + "{% endfor %}" * 6,
    "turns that recurse": "{% for a in [question] recursive %}{{ loop([a, a]) }}{% endfor %}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a macro that doubles": "{% macro f(n) %}{% if n %}"
    + "{{ f(n - 1) }}" * 2
    + "{% endif %}{% endmacro %}{{ f(60) }}",
    "a power": "{{ 10**10**8 }}",
    "a power as a text": "{{ 9**99999 }}",
    "a long text": "{{ 'a' * 10**10 }}",
    "a long list": "{{ [0] * 10**9 }}",
    "texts doubled": "{% set a = 'x' * 1000 %}" + "".join("{% set a = a ~ a %}" for _ in range(40)) + "{{ a }}",
    "texts added": "{% set a = 'x' * 1000 %}" + "".join("{% set a = a + a %}" for _ in range(40)) + "{{ a }}",
    "lists doubled": "{% set a = [1] * 1000 %}" + "".join("{% set a = a + a %}" for _ in range(40)) + "{{ a }}",
    "a wide text": "{{ '%9999999999s' % 'a' }}",
    "a wide text by a star": "{{ '%*s' % (999999999, 'a') }}",
    "a wide format": "{{ '{:>9999999999}'.format('a') }}",
    "a wide format within": "{{ '{:>{}}'.format('a', 9999999999) }}",
    "a format of attributes": "{{ '{0.__class__.__mro__}'.format(question) }}",
    "a format filter": "{{ '%9999999999s'|format('a') }}",
    "a wide justification": "{{ 'a'.rjust(9999999999) }}",
    "a wide center": "{{ 'a'|center(9999999999) }}",
    "a wide indent": "{{ 'a\\nb'|indent(9999999999) }}",
    "replacements": "{% set a = 'a' * 9999 %}{{ a|replace('a', a)|replace('a', a)|replace('a', a) }}",
    "replacements by a method": "{% set a = 'a' * 9999 %}{% set b = a.replace('a', a) %}{{ b.replace('a', b) }}",
    "a joining": "{% set a = 'a' * 9999 %}{% set b = a.join(a) %}{{ b.join(b) }}",
    "a nonsense text": "{{ lipsum(n=10**9) }}",
    "rows without end": "{{ range(99999)|batch(10**9, 'x')|list|length }}",
    "a slice": "{{ range(10)|slice(10**9)|list|length }}",
    "a class": "{{ question.__class__.__mro__[1].__subclasses__() }}",
    "a class by a filter": "{{ question|attr('__class__') }}",
    "a class by an item": "{{ question['__class__'] }}",
    "globals": "{{ range.__globals__ }}{{ self.__init__.__globals__ }}",
    "an own environment": "{{ self._TemplateReference__context.environment }}",
    "a change of a list": "{{ options.append(1) }}",
    "an undefined name": "{{ nobody }}",
    "a part that is not there": "{{ question.nothing.more }}",
    "a call of a text": "{{ question() }}",
    "a division by 0": "{{ 1 // 0 }}",
    "a wrong sum": "{{ question + 1 }}",
    "a wrong filter": "{{ question|nothing }}",
    "a wrong test": "{% if question is nothing %}{% endif %}",
    "a wrong round": "{{ question|round }}",
    "a bad number": "{{ '9999'|int * 'x' }}{{ ('9' * 9999)|int }}",
    "a sort of mixed": "{{ [1, 'a', none]|sort }}",
    "an open tag": "{% if",
    "an open expression": "{{ (",
    "deep brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "deep ifs": "{% if 1 %}" * 500 + "{% endif %}" * 500,
    "a long sum": "{{ " + "1 + " * 5_000 + "1 }}",
    "many signs": "{{ " + "not " * 5_000 + "1 }}",
    "a long integer": "{{ " + "9" * 10_000 + " }}",
    "an infinite float": "{{ 1e999 }}{{ (1e308 * 10)|int }}",
    "half a character": "{{ '\\ud800' }}",
    "escapes": ESC + "{{ question }}",
    "a debug tag": "{% debug %}",
    "an error with escapes": "{{ '" + ESC + "'|int(nope='x') }}",
    "an unknown tag with escapes": "{% " + "\x1b[31m" + " %}",
}
"""What a user's own ``generate.md`` may hold."""

FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "UTF-16": lambda path: path.write_bytes(GOOD.encode("utf-16")),
    "noise": lambda path: path.write_bytes(bytes(range(256))),
    "NUL bytes": lambda path: path.write_bytes(b"models:\0\n"),
    "3 GB": sparse(b""),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}
"""Makers of what may be under the name of a small file: a recipe, a template, a report."""
