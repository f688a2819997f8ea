"""What is taken for a secret in a recipe, and what is not."""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid

import pytest

from reasonmed.screening.secrets import conceal_shapes, is_key, is_secret_name, secrets_in, shape_of, without_secrets

DRAWN = random.Random(7)


def drawn(size: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(DRAWN.choice(signs) for _ in range(size))


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HEAD, CLAIMS = part('{"alg":"HS256","typ":"JWT"}'), part('{"sub":"me","iat":1516239022}')
KEYS = [
    f"sk-{drawn(48)}",
    f"sk-proj-{drawn(60)}",
    f"sk-ant-api03-{drawn(80)}",
    "sk-lab-42x",
    f"gsk_{drawn(52)}",
    f"AIza{drawn(35)}",
    f"hf_{drawn(34, string.ascii_letters)}",
    f"ghp_{drawn(36)}",
    f"github_pat_{drawn(22)}_{drawn(59)}",
    f"xoxb-{drawn(12, string.digits)}-{drawn(24)}",
    f"AKIA{drawn(16, string.ascii_uppercase + string.digits)}",
    f"nvapi-{drawn(40)}1",
    f"{HEAD}.{CLAIMS}.{drawn(43)}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n-----END RSA PRIVATE KEY-----",
    f"Bearer {drawn(20)}7",
    f"{drawn(40)}",
    f"{drawn(30)}+{drawn(20)}/{drawn(30)}==",
    "https://me:hunter2@lab.example.org/hook",
    "https://token@lab.example.org",
    "https://lab.example.org/hook?x=1&api-key=abc",
    "https://lab.example.org/hook?key=abc",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_known_by_their_shape_wherever_they_stand(key: str) -> None:
    assert shape_of(key) is not None
    assert [found.path for found in secrets_in({"a": [{"note": f"use {key} here"}]})] == (
        [] if key == "sk-lab-42x" else ["a[0].note"]
    )
    assert key not in conceal_shapes(f"use {key} here") or key == "sk-lab-42x"
    for found in secrets_in({"a": {key: 1}}):
        assert key not in found.path


@pytest.mark.parametrize(
    "name",
    [
        *("key", "token", "secret", "password", "authorization", "Authorization", "api_key", "apiKey", "apikey"),
        *("x-api-key", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "access_token", "accessToken", "client_secret"),
        *("lab_password", "auth", "db_credentials", "api_keys", "AWS_SECRET_ACCESS_KEY", "hf_token", "Cookie"),
    ],
)
def test_fields_are_known_by_their_names(name: str) -> None:
    assert is_secret_name(name)
    assert [found.path for found in secrets_in({"extra_headers": {name: "hunter2"}})] == [f"extra_headers.{name}"]
    assert not list(secrets_in({name: 7, "more": {name: None}, "other": {name: ""}}))


HARMLESS: list[dict[str, object]] = [
    {"max_tokens": 5, "max_completion_tokens": 7, "thinking": {"type": "enabled", "budget_tokens": 4000}},
    {"eos_token": "<|eot_id|>", "stop_token_ids": [1, 2], "pad_token": "</s>", "tokenizer": "cl100k_base"},
    {"skip_special_tokens": True, "stop_tokens": ["<|im_end|>"], "key": "<your key>", "token": "[PAD]"},
    {"prompt_cache_key": "reasonmed-run-1", "cache_salt": "abc", "sort_key": "date", "answer_key": "letter"},
    {"chat_template_kwargs": {"enable_thinking": False, "reasoning_effort": "high"}},
    {"lora_id": hashlib.sha256(b"lora").hexdigest(), "commit": hashlib.sha1(b"c", usedforsecurity=False).hexdigest()},
    {"adapter": f"sha256:{hashlib.sha256(b'a').hexdigest()}", "request": str(uuid.UUID(int=2**100 + 77))},
    {"adapter": "md5-" + hashlib.md5(b"a", usedforsecurity=False).hexdigest().upper()},
    {"model": "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"},
    {"model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B-Q4_K_M-GGUF", "base": "Qwen3-235B-A22B-Thinking-2507-FP8"},
    {"model": "accounts/fireworks/models/llama4-maverick-instruct-basic"},
    {"adapter_name_or_path": "/mnt/models/MedGemma27BTextInstructLoRA-r16-alpha32/checkpoint-12000"},
    {"lora": "hf_lora_adapter_for_cardiology", "profile": "sk-learn-based-ranking", "lang": "sk-SK"},
    {"system": "Think like a physician. The key is the letter of the option; the token limit is 400. " * 9},
    {"system": "The password is a secret word that no patient knows: keep the bearer of bad news in mind."},
    {"guided_grammar": 'root ::= "Answer: " [A-D]\nws ::= [ \\t\\n]*', "guided_regex": "[A-Za-z0-9+/=_-]{32,256}"},
    {"tools": [{"parameters": {"properties": {"password": {"type": "string"}, "token": {"type": "string"}}}}]},
    {"response_format": {"json_schema": {"required": ["token", "key"], "enum": ["secret"]}}},
    {"image": "data:image/png;base64," + base64.b64encode(bytes(DRAWN.randbytes(3000))).decode()},
    {"url": "https://api.example.org/v1/chat?api-version=2024-10-21&deployment=gpt", "mail": "me@example.org"},
    {"genes": "BRCA1BRCA2TP53PTENPIK3CAERBB2ESR1GATA3CDH1RB1", "smiles": "CC(=O)OC1=CC=CC=C1C(=O)O"},
    {"icd": "E11.65 I10 N18.4 Z79.4", "sequence": "ATGGCCATTGTAATGGGCCGCTGAAAGGGTGCCCGATAG" * 3},
    {"guardrailIdentifier": "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123", "api_key_env": "MY_LAB_KEY"},
]


@pytest.mark.parametrize("body", HARMLESS)
def test_long_values_that_are_no_secrets_are_left_alone(body: dict[str, object]) -> None:
    assert list(secrets_in(body)) == []
    assert conceal_shapes(str(body)) == str(body)


@pytest.mark.parametrize("key", [key for key in KEYS if key.isalnum() or key.startswith(("hf_", "gsk_", "ghp_"))])
def test_a_key_in_the_place_of_a_variable_is_one(key: str) -> None:
    assert is_key(key)


def test_hexadecimal_keys_are_no_variables_and_names_of_variables_are_no_keys() -> None:
    assert is_key(hashlib.md5(b"key", usedforsecurity=False).hexdigest())
    for name in ("OPENAI_API_KEY", "MY_LAB_KEY", "LAB2_GPU7_KEY_2024", "key", "AZURE_OPENAI_API_KEY_SWEDENCENTRAL"):
        assert not is_key(name)


def test_a_thing_that_holds_itself_is_gone_through_once() -> None:
    inner: dict[str, object] = {"password": "hunter2"}
    inner["again"] = inner
    assert [found.path for found in secrets_in([inner, inner])] == ["[0].password"]


def test_plain_data_is_told_without_its_secrets_and_otherwise_as_it_is() -> None:
    told = {"stages": [{"model": {"extra_body": {"password": "hunter2", "top_k": 5, "note": f"use {KEYS[0]}"}}}]}
    assert without_secrets(told) == {
        "stages": [{"model": {"extra_body": {"password": "***", "top_k": 5, "note": "use ***"}}}]
    }
    assert all(without_secrets(body) == body for body in HARMLESS)
