"""Keys in texts: every form in which a server may repeat one, whole, cut and in between."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed import secrecy
from reasonmed.cli._console import crash
from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.secrecy import HIDDEN, conceal, conceal_cut, conceal_reply, keep

PLAIN = "sk-proj-Zt4Vw91+Qm/xLr0Bq=="


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_kept", set())


def said(key: str) -> Iterator[str]:
    """A key as servers repeat it."""
    yield key
    yield key.strip()
    yield f'"{key.strip()}"'
    yield json.dumps({"key": key})
    yield json.dumps({"raw": json.dumps({"key": key})})
    yield repr({"Authorization": f"Bearer {key}"})
    yield html.escape(key)
    yield f"https://host/path?key={quote(key, safe='')}&a=1"
    yield quote_plus(key).replace("%2F", "%2f")
    for name in ("", "u", "me", "you"):
        yield f"Basic {base64.b64encode(f'{name}:{key.strip()}'.encode()).decode()}"


def left(text: str, key: str, size: int = 8) -> list[str]:
    """Runs of a key's characters that a text still has."""
    core = key.strip()
    return [core[at : at + size] for at in range(len(core) - size + 1) if core[at : at + size] in text]


@pytest.mark.parametrize(
    "key",
    [
        PLAIN,
        f"{PLAIN}\n",
        f"  {PLAIN}\t",
        f'"{PLAIN}"',
        "two words of a key 77",
        "quo\"te'd\\key-81/x",
        "k" * 3 + "0123456789abcdef" * 13,
        "schlüssel-für-das-labor-9",
    ],
)
def test_no_form_of_a_key_is_left_in_a_text(key: str) -> None:
    keep(key)
    for text in said(key):
        shown = conceal(f"Incorrect key provided: {text}. Try again.")
        assert HIDDEN in shown
        assert not left(shown, key)
        assert shown.startswith("Incorrect key provided: ")
        assert shown.endswith("Try again.")


@settings(max_examples=30)
@given(st.text(min_size=16, max_size=60).filter(lambda key: len(key.strip()) >= 16), st.integers(0, 60))
def test_a_key_that_is_cut_is_not_left_in_half(key: str, size: int) -> None:
    core = key.strip()
    shown = conceal_cut(f"(the key is {core[:size]}", core)
    assert not any(core[:more] in shown.removeprefix("(the key is ") for more in range(8, len(core)))


def test_the_end_of_a_key_is_hidden_as_its_beginning_is() -> None:
    keep(PLAIN)
    assert conceal(f"...{PLAIN[9:]} is no key") == f"...{HIDDEN} is no key"
    assert conceal(f"b'{PLAIN[:12]}'...") == f"b'{HIDDEN}'..."


def test_words_that_are_keys_are_hidden_as_words_in_errors_and_stay_in_replies() -> None:
    keep("ollama")
    keep("not-needed")
    assert conceal("the key ollama is no key of ollamas") == f"the key {HIDDEN} is no key of ollamas"
    assert conceal_reply("Surgery is not-needed, says ollama.") == "Surgery is not-needed, says ollama."
    keep(PLAIN)
    assert conceal_reply(f"My key is {PLAIN}.") == f"My key is {HIDDEN}."


def test_a_short_key_is_found_in_base64_too() -> None:
    keep("hunter2")
    for name in ("", "u", "me", "you"):
        sent = base64.b64encode(f"{name}:hunter2".encode()).decode()
        assert HIDDEN in conceal(f"Basic {sent}.")
        assert base64.b64encode(b"hunter2").decode()[:6] not in conceal(sent)


def test_a_traceback_is_kept_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(PLAIN)
    with pytest.raises(SystemExit):
        crash(ValueError(f"Authorization: Bearer {PLAIN}"), tmp_path)
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "ValueError" in written
    assert PLAIN not in f"{written}{capsys.readouterr()}"


def test_a_value_that_is_too_short_to_be_a_key_hides_nothing() -> None:
    keep("x")
    keep("")
    assert conceal("x is x") == "x is x"


def test_no_message_of_an_error_holds_a_key() -> None:
    keep(PLAIN)
    assert PLAIN not in str(RequestRejected(f"said {PLAIN}", "filter"))
    wrong = UnparsableReply(f"holds {PLAIN}")
    assert PLAIN not in f"{wrong} {wrong.problem}"
