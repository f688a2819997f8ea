from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.backends._errors import refusal
from reasonmed.backends._said import read_error
from reasonmed.backends._waits import seconds
from reasonmed.errors import (
    ControlError,
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)


def meant(status: int, body: Any, headers: dict[str, str] | None = None, asked: str = "") -> ReasonMedError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(status, read_error(raw, asked=asked), headers or {}, "m at http://x/v1")


def error(message: str, **others: Any) -> dict[str, Any]:
    return {"error": {"message": message, **others}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("Your wallet has an insufficient balance, please recharge")),
        (400, error("Access denied, please make sure your account is in good standing.", code="Arrearage")),
        (400, error("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")),
        (400, [{"error": {"code": 400, "message": "bad", "details": [{"reason": "API_KEY_INVALID"}]}}]),
        (403, error("Your organization has been disabled.", type="invalid_request_error")),
        (422, {"detail": "Not authenticated"}),
        (500, error("litellm.AuthenticationError: Incorrect API key provided", code="401")),
        (500, error("Error code: 401 - {'error': {'message': 'no such user', 'code': 401}}")),
        (200, error("who are you?", code="401")),
        (200, {"code": 401, "message": "who are you?", "object": "error"}),
        (200, {"error": {"message": "no", "type": "authentication_error"}}),
        (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None}),
        (429, error("You ran out.", code="insufficient_quota")),
        (429, error("Your team has used all available credits or reached its monthly spending limit")),
        (429, error("You exceeded your current quota, please check your plan and billing details.")),
        (503, error("没有余额: 余额不足", type="new_api_error")),
        (401, b"<html><body>Unauthorized</body></html>"),
        (402, b""),
    ],
)
def test_a_fault_of_key_or_account_is_one_whatever_the_status(status: int, body: Any) -> None:
    found = meant(status, body)
    assert isinstance(found, CredentialRejected), found
    assert found.exit_code == 4


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        (error("Limit 5, used 5. Add a payment method at /billing", code="rate_limit_exceeded"), {}, None),
        (error("Need more? Visit the billing page.", type="tokens"), {"Retry-After": "2"}, 2),
        (error("You exceeded your current quota, please check billing. Please retry in 34.5s."), {}, 34.5),
        (error("Quota exceeded; see billing", details=[{"@type": "RetryInfo", "retryDelay": "41s"}]), {}, 41),
        (error("Please try again in 1m30.5s. Upgrade at /billing"), {}, 90.5),
        (error("see billing", status="RESOURCE_EXHAUSTED"), {}, None),
        (error("Your quota of requests per minute is used up, see billing"), {}, None),
        (error("slow down"), {"retry-after-ms": "1500"}, 1.5),
        (error("slow down"), {"Retry-After": "nan"}, None),
        (error("slow down"), {"Retry-After": "soon"}, None),
    ],
)
def test_a_rate_limit_is_none_of_credit_though_its_prose_sells_some(
    body: Any, headers: dict[str, str], wait: float | None
) -> None:
    found = meant(429, body, headers)
    assert isinstance(found, Overloaded), found
    assert found.retry_after == wait


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 405, 406, 407, 410, 415, 421, 426, 431, 451, 204])
def test_a_wrong_configuration_ends_the_run_with_the_endpoints_words(status: int) -> None:
    found = meant(status, b"<html><title>so not</title></html>")
    assert isinstance(found, ModelNotServed)
    assert (found.exit_code, found.status) == (2, status)
    assert "so not" in str(found)


@pytest.mark.parametrize("status", [408, 409, 418, 423, 424, 425, 430, 449, 460, 499, 500, 501, 502, 504, 520, 530])
def test_what_nobody_knows_is_the_services_fault(status: int) -> None:
    found = meant(status, error("Request failed during generation"))
    assert isinstance(found, Unreachable)
    assert found.retryable


@pytest.mark.parametrize("status", [429, 498, 503, 529])
def test_a_full_service_asks_to_slow_down(status: int) -> None:
    assert isinstance(meant(status, error("Flex capacity is gone", type="x")), Overloaded)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("The model `old-1` has been decommissioned.")),
        (400, error("No models loaded, load one first")),
        (404, {"detail": "Not Found"}),
        (404, b""),
        (403, error("Project p does not have access to model `big-1`", code="model_not_found")),
        (200, {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError"}),
        (503, error("No available channel for model x", code="model_not_found")),
    ],
)
def test_an_unknown_model_or_path_ends_the_run(status: int, body: Any) -> None:
    assert isinstance(meant(status, body), ModelNotServed)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("This endpoint serves contexts of 4k: maximum context length is 4096"), "context"),
        (400, error("words", code="string_above_max_length"), "context"),
        (400, error("The conversation is longer than the model can read"), "context"),
        (413, b"<html><h1>413 Request Entity Too Large</h1></html>", "context"),
        (413, error("Request too large on tokens per minute (TPM): Limit 6000", code="rate_limit_exceeded"), "context"),
        (403, error("The prompt exceeds the context window"), "context"),
        (400, error("no", code="content_policy_violation"), "filter"),
        (400, error("no", innererror={"code": "ResponsibleAIPolicyViolation"}), "filter"),
        (403, error("Moderation flagged this as about drugs", metadata={"reasons": ["drugs"]}), "filter"),
        (404, error("This request was blocked by our content policy"), "filter"),
        (400, error("Provider returned error", metadata={"raw": '{"error": {"code": "content_filter"}}'}), "filter"),
        (400, error("messages: roles must alternate"), "bad_request"),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]}, "bad_request"),
        (400, b"", "bad_request"),
    ],
)
def test_a_requests_own_fault_is_told_from_the_services(status: int, body: Any, kind: str) -> None:
    found = meant(status, body)
    assert isinstance(found, RequestRejected), found
    assert (found.kind, found.status) == (kind, status)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, error("no", code="invalid_api_key")),
        (403, error("Your account balance is insufficient")),
        (404, error("The model `x` does not exist")),
    ],
)
def test_a_403_or_404_with_clear_words_needs_no_status(status: int, body: Any) -> None:
    found = meant(status, body)
    assert isinstance(found, ControlError)
    assert found.status == 0


@pytest.mark.parametrize("status", [403, 404])
def test_an_unclear_403_or_404_keeps_its_status(status: int) -> None:
    found = meant(status, b"<html><head><title>denied</title></head></html>")
    assert isinstance(found, ControlError)
    assert found.status == status


def test_a_draw_that_failed_its_form_is_sent_again() -> None:
    assert meant(400, error("Failed to generate JSON.", code="json_validate_failed")).retryable


def test_what_a_refusal_quotes_of_the_request_decides_nothing() -> None:
    asked = (
        "A mouse model that does not exist in nature had an insufficient balance of fluids and was flagged as unsafe."
    )
    found = meant(400, error(f"cannot parse message 0: {asked}"), asked=asked)
    assert isinstance(found, RequestRejected)
    assert found.kind == "bad_request"


def test_words_are_bounded_and_hold_no_key_and_no_escape_of_a_terminal() -> None:
    said = read_error(
        error("\x1b[31mred\x1b]0;title\x07 AIzaSyA12345678901234 \u202e" + "x" * 5000)["error"]["message"].encode()
    )
    assert said.text.startswith("red *** x")
    assert len(said.text) <= 600
    assert "secret" not in read_error(b"the key secret is bad", "secret").text


def test_a_body_without_a_message_is_shown_as_it_is() -> None:
    assert "4711" in str(meant(400, {"odd": 4711}))


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("1h2m3s", 3723.0),
        ("PT30S", 30.0),
        ("1000000030", 30.0),
        ("1000000030000", 30.0),
        ("2001-09-09T01:47:10Z", 30.0),
        ("Sun, 09 Sep 2001 01:47:10 GMT", 30.0),
        ("-3", 0.0),
        ("inf", float("inf")),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_wait_is_read_in_every_form(text: str, wait: float | None) -> None:
    assert seconds(text, now=1e9) == wait


def test_a_huge_error_is_read_in_no_time() -> None:
    begun = time.process_time()
    for text in (
        "<script" * 300_000,
        "model " * 300_000,
        "prompt 'a " * 200_000,
        '{"error": ' * 200_000,
        "1 s, " * 300_000,
    ):
        meant(400, text.encode())
        meant(429, error(text))
    assert time.process_time() - begun < 5


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "code", "type", "detail", "loc", "param", "status", "metadata", "raw"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=PIECES | st.binary(max_size=100), status=st.integers(200, 599))
def test_every_answer_has_an_error_of_the_products_own(body: Any, status: int) -> None:
    found = meant(status, body)
    assert isinstance(found, ReasonMedError)
    if isinstance(found, RequestRejected):
        assert found.status in (400, 403, 404, 413, 422)
