"""Which variable may go to which host without a person's word, and what is on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasonmed import recipe as recipes
from reasonmed.backends import openai, scripted
from reasonmed.backends._owners import MODELS, OTHERS, is_away, owner_of, strays

HERE = "http://127.0.0.1:8000/v1"


def strayed(variable: str, *urls: str) -> list[str]:
    entry = openai.Settings(backend="openai", model="m", base_url=urls, api_key_env=variable)
    return [found.host for found in strays([entry])]


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("OPENAI_API_KEY", "https://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://eu.api.openai.com/v1"),
        ("OPENAI_API_KEY", HERE),
        ("OPENAI_API_KEY", "http://[::1]:8000/v1"),
        ("AZURE_OPENAI_API_KEY_EAST", "https://lab.openai.azure.com/openai/v1"),
        ("GEMINI_API_KEY", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("GOOGLE_API_KEY", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("HF_TOKEN", "https://router.huggingface.co/v1"),
        ("GITHUB_TOKEN", "https://models.github.ai/inference"),
        ("AWS_BEARER_TOKEN_BEDROCK", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"),
        ("MY_LAB_KEY", "https://lab.example.org/v1"),
        ("LAB_OPENAI_KEY", "http://10.0.0.7:8000/v1"),
        ("API_KEY", "http://anywhere.example/v1"),
        ("CIVIL_KEY", "http://anywhere.example/v1"),
    ],
)
def test_a_key_goes_to_its_own_service_and_a_name_of_ones_own_anywhere(variable: str, url: str) -> None:
    assert strayed(variable, url) == []


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("OPENAI_API_KEY", "https://lab.example.org/v1"),
        ("OPENAI_API_KEY", "http://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com.example.org/v1"),
        ("OPENAI_API_KEY", "https://openai.com.evil.example/v1"),
        ("OPENAI_API_KEY", "http://192.168.1.7:8000/v1"),
        ("openai_api_key", "https://lab.example.org/v1"),
        ("ANTHROPIC_API_KEY", "https://api.openai.com/v1"),
        ("AZURE_CLIENT_SECRET", "https://lab.openai.azure.com/openai/v1"),
        ("AZURE_OPENAI_API_KEY", "https://a.b.openai.azure.com/v1"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("AWS_SECRET_ACCESS_KEY", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"),
        ("AWS_BEARER_TOKEN_BEDROCK", "https://x.execute-api.us-east-1.amazonaws.com/v1"),
        ("GITHUB_TOKEN", HERE),
        ("GH_TOKEN", "https://lab.example.org/v1"),
        ("AWS_SESSION_TOKEN", HERE),
        ("HF_TOKEN", "https://lab.example.org/v1"),
        ("HUGGING_FACE_HUB_TOKEN", HERE),
        ("SSH_AUTH_SOCK", HERE),
        ("DATABASE_URL", "https://lab.example.org/v1"),
        ("SLACK_BOT_TOKEN", "https://lab.example.org/v1"),
    ],
)
def test_a_credential_of_another_service_is_seen(variable: str, url: str) -> None:
    assert len(strayed(variable, url)) == 1


def test_every_address_of_a_model_is_looked_at() -> None:
    assert strayed("GROQ_API_KEY", "https://api.groq.com/v1", "https://lab.example.org/v1") == [
        "https://lab.example.org"
    ]


def test_the_longest_beginning_says_whose_a_variable_is() -> None:
    assert [owner_of(name) for name in ("AZURE_OPENAI_API_KEY", "AZURE_TENANT_ID", "AWSOME_KEY", "MY_AWS_KEY")] == [
        "AZURE_OPENAI",
        "AZURE",
        None,
        None,
    ]


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_no_shipped_recipe_needs_a_persons_word(name: str) -> None:
    chosen = recipes.load(name)
    assert list(strays(chosen.model(one) for one in chosen.used)) == []


@pytest.mark.parametrize(
    ("url", "away"),
    [
        *((f"http://{host}:80/v1", False) for host in ("127.0.0.1", "127.9.8.7", "localhost", "[::1]", "a.localhost")),
        ("http://[::ffff:127.0.0.1]:80/v1", False),
        *((f"http://{host}/v1", True) for host in ("10.0.0.7", "192.168.0.1", "gpu1", "localhost.example.org")),
        *((f"http://{host}/v1", True) for host in ("127.0.0.1.example.org", "[fe80::1]", "128.0.0.1")),
    ],
)
def test_loopback_is_this_machine_and_a_private_network_is_not(url: str, away: bool) -> None:  # noqa: FBT001 - a table
    assert is_away(openai.Settings(backend="openai", model="m", base_url=url)) is away


def test_loopback_behind_a_proxy_elsewhere_is_not_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = openai.Settings(backend="openai", model="m", base_url=HERE)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    assert is_away(entry)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert not is_away(entry)
    assert not is_away(scripted.Settings(backend="scripted"))


def test_the_documentation_has_every_row_of_the_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text(encoding="utf-8")
    missing = [name for name in (*MODELS, *OTHERS) if f"`{name}`" not in text]
    assert missing == []
