"""What an HTTP answer other than a completion means: a status and what the endpoint says, to the error it stands for.

Codes and types are read first, then waits, prose last. Only 400, 413 and 422 can be a request's own fault, and 403 and
404 where their text speaks of this request. What nobody knows is the service's fault and is sent again.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from reasonmed.backends import _wordings as words
from reasonmed.backends._waits import asked_wait
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends._said import Said

_OWN_FAULT = frozenset({400, 413, 422})
_BY_TEXT = frozenset({403, 404})
_CONFIGURED = {
    **dict.fromkeys(
        (300, 301, 302, 303, 307, 308),
        "It answers with a redirect that is not followed: put the final address into `base_url`",
    ),
    **dict.fromkeys((204, 205), "It answers without a body: check that `base_url` is the API's address"),
    405: "Check `base_url`: http instead of https often ends so, and so does a path that is not the API's",
    407: "A proxy between here and the endpoint wants a login: check HTTP_PROXY and HTTPS_PROXY",
    410: "This address or model is gone: check `base_url` and `model`",
    426: "Check `base_url`: the endpoint wants another protocol, usually https",
    431: "The headers are too large: check the key's variable",
    451: "The endpoint may not serve you, for legal reasons",
    **dict.fromkeys((406, 411, 412, 414, 415, 416, 417, 421, 428), "Check `base_url`"),
}
"""Statuses that every request gets alike until a person changes something, with what to look at."""
_BUSY = frozenset({429, 498, 503, 529})
_SERVER = 500
_SUCCESS = range(200, 300)
_CHECK_KEY = "Check the key in the environment variable that the recipe names"
_CHECK_MODEL = "Check `model` and `base_url` (it usually ends in /v1)"
_ADD_CREDIT = "The account has no credit left, or is closed to this model"
_PAGE = "The answer is a web page: a firewall or gateway refuses, maybe only this text. Check `base_url` and the key"


def refusal(status: int, said: Said, headers: Mapping[str, str], where: str) -> ReasonMedError:
    """The error that an answer stands for; of a 403 or 404 it has the status where the words do not say what is meant.

    Args:
        status: of the answer, 200 where an error came in the place of a completion.
        said: what its body says.
        headers: of the answer, for the wait that they ask for.
        where: names model and endpoint.
    """
    came, status = status, _meant(status, said)
    told = f"{where} answered {came if came == status else f'{came} with error {status}'}: {said.text}"
    advice = _account(status, said, headers)
    if advice is not None:
        return CredentialRejected(f"{told.rstrip('.')}. {advice}.", 0 if status in _BY_TEXT else status)
    fleeting = words.RATE.coded(said) or words.has_code(words.BAD_DRAW, said)
    if status in _OWN_FAULT | _BY_TEXT and (not fleeting or status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        return _refused(status, said, told)
    if status in _CONFIGURED:
        return ModelNotServed(f"{told.rstrip('.')}. {_CONFIGURED[status]}.", status)
    if status >= _SERVER and words.has_code(words.GONE_MODEL, said):
        return ModelNotServed(f"{told.rstrip('.')}. {_CHECK_MODEL}.", status)
    if status in _BUSY or words.RATE.coded(said):
        return Overloaded(told, asked_wait(headers, said))
    return Unreachable(told, "timeout" if status == HTTPStatus.REQUEST_TIMEOUT else "server")


def _meant(status: int, said: Said) -> int:
    """The status that is meant: the body's, where an error came as a success or wraps a refused key, credit or rate."""
    if said.status in (401, 402, 429) and (status in _SUCCESS or status in _OWN_FAULT or status >= _SERVER):
        return said.status or status
    if status not in _SUCCESS or status in _CONFIGURED:
        return status
    if said.status is not None:
        return said.status
    return _implied(said)


def _implied(said: Said) -> int:
    """The status of an error that names none."""
    if words.FILTER.coded(said) or words.CONTEXT.coded(said):
        return 400
    if words.RATE.coded(said):
        return 429
    if words.MODEL.coded(said):
        return 404
    if words.has_code(words.BAD_REQUEST, said):
        return 400
    return 404 if words.MODEL.worded(said) else _SERVER


def _account(status: int, said: Said, headers: Mapping[str, str]) -> str | None:
    """What to look at where the fault is one of key or account, whatever its status; None where it is none."""
    if status == HTTPStatus.PAYMENT_REQUIRED or words.CREDIT.coded(said):
        return _ADD_CREDIT
    if status == HTTPStatus.UNAUTHORIZED or words.KEY.coded(said):
        return _CHECK_KEY
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _ADD_CREDIT if _no_credit(said, headers) else None
    if status in _CONFIGURED or any(family.coded(said) for family in (words.FILTER, words.CONTEXT, words.RATE)):
        return None
    if words.CREDIT.worded(said):
        return _ADD_CREDIT
    return _CHECK_KEY if words.KEY.worded(said) else None


def _no_credit(said: Said, headers: Mapping[str, str]) -> bool:
    """Whether a 429 is no rate limit: codes and waits decide, prose only where these say nothing."""
    if words.RATE.coded(said) or asked_wait(headers, said) is not None:
        return False
    if words.CREDIT.worded(said) or words.KEY.worded(said):
        return True
    rate = words.RATE.worded(said) or words.has_code(words.EXHAUSTED, said)
    return not rate and words.WEAK_CREDIT.search(said.prose) is not None


def _refused(status: int, said: Said, told: str) -> ReasonMedError:
    """What a 400, 403, 404, 413 or 422 is, once it is no fault of the account."""
    kind = rejection_kind(said)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and kind == "bad_request":
        kind = "context"
    if kind != "bad_request":
        return RequestRejected(told, kind, status)
    if words.MODEL.of(said):
        return ModelNotServed(f"{told.rstrip('.')}. {_CHECK_MODEL}.", 0 if status in _BY_TEXT else status)
    if status == HTTPStatus.FORBIDDEN:
        return CredentialRejected(f"{told.rstrip('.')}. {_PAGE if said.page else _CHECK_KEY}.", status)
    if status == HTTPStatus.NOT_FOUND:
        return ModelNotServed(f"{told.rstrip('.')}. {_CHECK_MODEL}.", status)
    return RequestRejected(told, "bad_request", status)


def rejection_kind(said: Said) -> str:
    """``context``, ``filter`` or ``bad_request``: by code, else by what the prose says."""
    for kind, family in (("filter", words.FILTER), ("context", words.CONTEXT)):
        if family.coded(said):
            return kind
    if words.MODEL.coded(said):
        return "bad_request"
    for kind, family in (("context", words.CONTEXT), ("filter", words.FILTER)):
        if family.worded(said):
            return kind
    return "bad_request"
