"""Who may talk to the viewer: a browser of this machine, at the viewer's own address, with the key that was printed.

Whatever arrives is checked before any page runs. The address in ``Host`` must be this machine's (a name that somebody
else points here is refused, so that no other site can read along), a write must come from one of the viewer's own pages
(``Origin`` is that very address, and a token that only these have), and a cookie shows that the browser was opened with
the printed link: other users of the same machine reach the port too. The port in ``Host`` may be any: one that is
forwarded from elsewhere is another one there, and no name that is pointed here by others is ever one of these two.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONGEST_BODY, MOST_FIELDS = 4 << 20, 1_000
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?")
_KEY = "key"
_YEAR = 365 * 24 * 3600


class Guard:
    """The checks, around an application.

    Args:
        app: what is guarded.
        key: what a browser must show; it is in the printed link.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._cookie = f"reasonmed-{sha256(key.encode()).hexdigest()[:12]}"
        """Its own for each key: browsers do not tell ports apart, behind which viewers of several machines may be."""
        self._key = key
        self.token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope, receive)
        scope.setdefault("state", {})["token"] = self.token
        answer = self._refused(request) or await self._admitted(request)
        await (answer or self._app)(scope, receive, headed)

    def _refused(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            return _refusal(403, "this address is not the viewer's; open the link that `reasonmed view` printed")
        if request.method in ("GET", "HEAD"):
            return None
        if request.headers.get("origin") != f"http://{host}":
            return _refusal(403, "a change must come from one of the viewer's own pages")
        return None

    async def _admitted(self, request: Request) -> Response | None:
        """None for a browser that has shown the key; one that brings it in its address gets a cookie."""
        if self._is_key(request.cookies.get(self._cookie, "")):
            return None
        if request.method == "GET" and self._is_key(request.query_params.get(_KEY, "")):
            rest = [(name, value) for name, value in request.query_params.multi_items() if name != _KEY]
            answer = RedirectResponse(request.url.path + (f"?{urlencode(rest)}" if rest else ""), 303)
            answer.set_cookie(self._cookie, self._key, max_age=_YEAR, httponly=True, samesite="strict")
            return answer
        return _refusal(403, "this viewer was opened by another user; open the link that `reasonmed view` printed")

    def _is_key(self, found: str) -> bool:
        return hmac.compare_digest(found.encode(), self._key.encode())


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a write that one of the viewer's own pages sent; the last one of a name.

    Raises:
        HTTPException: it is too long, or it has not the token of these pages.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"the request is longer than {LONGEST_BODY:,} bytes")
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as crowded:
        raise HTTPException(413, f"the request has more than {MOST_FIELDS:,} fields") from crowded
    form = dict(fields)
    if not hmac.compare_digest(form.pop("token", "").encode(), str(request.state.token).encode()):
        raise HTTPException(403, "the page is older than the viewer: reload it, then try again")
    return form


def _refusal(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
