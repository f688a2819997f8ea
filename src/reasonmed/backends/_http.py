"""HTTP as every endpoint needs it: the environment's proxies and certificates, redirects that carry no key away."""

from __future__ import annotations

import os
import re
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from reasonmed.backends._body import AS_IT_COMES
from reasonmed.errors import CredentialRejected, ModelNotServed, Unreachable, UsageError
from reasonmed.secrecy import keep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_HOPS = 5
_PROXY_AUTHENTICATION = 407
_FORBIDDEN = 403
_ENTRY = re.compile(r"(?:\[(?P<six>[^\]]+)\]|\*?\.?(?P<name>[^:\[\]]+))(?::(?P<port>\d+))?")
_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a chain that ends at nobody known."""
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})


def address(text: str) -> str:
    """A base URL, checked.

    Raises:
        ValueError: it is no address that requests can be sent to; the message says why.
    """
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("must have no spaces or line breaks")
    if not re.match(r"https?://", text, re.IGNORECASE):
        raise ValueError("must begin with http:// or https://")
    try:
        url = URL(text)
        port, host = url.explicit_port, url.raw_host
        (host or "").encode("idna")
    except (ValueError, UnicodeError) as wrong:
        raise ValueError(f"must be an address such as https://HOST:8000/v1 ({wrong})") from None
    if not host:
        raise ValueError("must name a host, such as https://HOST:8000/v1")
    if port == 0:
        raise ValueError("must name a port from 1 to 65535")
    if url.user is not None or url.password is not None:
        raise ValueError(
            "must have no name or password in it: put the key into an environment variable, and name that in "
            "api_key_env"
        )
    if url.query_string or url.fragment or text.endswith(("?", "#")):
        raise ValueError("must end before the ? or #; a key goes into the environment variable that api_key_env names")
    return text


def shown(url: URL) -> str:
    """A URL for messages: without a password, and without its query."""
    return str((url.with_user(None) if url.user or url.password else url).with_query(None).with_fragment(None))


def environment(name: str) -> str:
    """A variable of the environment by its lower-case name, else by its upper-case one; empty where there is none."""
    return os.environ.get(name.lower(), os.environ.get(name.upper(), "")).strip()


def proxy_of(url: URL) -> URL | None:
    """The proxy that HTTP_PROXY or HTTPS_PROXY names for an address, where NO_PROXY does not spare it.

    Raises:
        UsageError: the variable holds no proxy that can be used.
    """
    variable = f"{url.scheme}_proxy"
    named = environment(variable)
    if not named or any(_spares(entry.strip().lower(), url) for entry in environment("no_proxy").split(",")):
        return None
    try:
        proxy = URL(named if "://" in named else f"http://{named}")
        keep(proxy.password or "")
        address(shown(proxy))
    except ValueError:
        raise UsageError(
            f"{variable.upper()} is {_without_password(named)!r}: it must be http://HOST:PORT (other kinds of "
            "proxies, such as socks5, cannot be used); or name the endpoint's host in NO_PROXY"
        ) from None
    return proxy


def _without_password(text: str) -> str:
    return re.sub(r"[^/@\s]*@", "***@", text)


def _spares(entry: str, url: URL) -> bool:
    """Whether an entry of NO_PROXY means this address: ``*``, a host, a domain, a network, also with a port."""
    host = (url.host or "").lower()
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass
    found = _ENTRY.fullmatch(entry)
    if found is None or (found["port"] and int(found["port"]) != url.port):
        return False
    name = found["six"] or found["name"]
    return host == name or (found["six"] is None and host.endswith(f".{name}"))


def tls_of(url: URL, ca_file: Path | None) -> ssl.SSLContext | bool:
    """What an address's certificate is checked against: the system's authorities or SSL_CERT_FILE, and ``ca_file``.

    Raises:
        UsageError: a file that is named cannot be read as certificates.
    """
    if url.scheme != "https":
        return True
    context = ssl.create_default_context()
    for what, path in (("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE")), ("ca_file", ca_file)):
        if path:
            try:
                context.load_verify_locations(path)
            except (OSError, ValueError) as wrong:
                reason = getattr(wrong, "strerror", None) or wrong
                raise UsageError(
                    f"{what} is {str(path)!r}, which cannot be read as certificates ({reason}): it must be a PEM file"
                ) from None
    return context


@dataclass(frozen=True)
class Asked:
    """What goes to an address."""

    url: URL
    data: object = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def posted(
    session: aiohttp.ClientSession, asked: Asked, where: str, limits: aiohttp.ClientTimeout
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a POST, or to another method; ``where`` names model and endpoint.

    A redirect within the same origin that keeps the method is followed. Any other is refused, so that no key and no
    question reaches an address that the recipe does not name.

    Raises:
        ModelNotServed: the address leads elsewhere, its certificate is not trusted, or it speaks no TLS.
        CredentialRejected: the proxy asks for a name and a password.
        Unreachable: the proxy does not answer.
    """
    url = target = asked.url
    more = AS_IT_COMES | {"headers": {**AS_IT_COMES["headers"], **asked.headers}} if asked.headers else AS_IT_COMES
    try:
        for _ in range(_HOPS):
            async with session.request(
                asked.method, target, data=asked.data, allow_redirects=False, timeout=limits, **more
            ) as response:
                if response.status == _PROXY_AUTHENTICATION and proxy_of(url):
                    raise _wants_password(where, url)
                if response.status not in _REDIRECTS:
                    yield response
                    return
                target = _next(target, response, where)
    except aiohttp.ClientConnectorCertificateError as untrusted:
        raise _untrusted(untrusted, where) from None
    except aiohttp.ClientConnectorSSLError as plain:
        if getattr(plain.os_error, "reason", None) in _NO_TLS:
            raise ModelNotServed(f"{where} speaks no TLS; if it is a plain server, its address is http://") from None
        raise
    except aiohttp.ClientHttpProxyError as refused:
        raise _proxy_refused(refused, where, url) from None
    except aiohttp.ClientProxyConnectionError as absent:
        raise Unreachable(f"{where}: {absent}; this is {_proxy(url)}") from None
    raise ModelNotServed(f"{where} redirects more than {_HOPS} times; put the address where it ends into the recipe")


def _next(url: URL, response: aiohttp.ClientResponse, where: str) -> URL:
    """Where a redirect leads, if it may be followed."""
    said = f"{where} answered {response.status}, a redirect"
    location = response.headers.get("Location", "").strip()
    try:
        target = url.join(URL(location)) if location else None
        origin = target.origin() if target else None
    except (ValueError, TypeError):
        target = origin = None
    if target is None or origin is None:
        raise ModelNotServed(f"{said} to no address ({location[:200]!r}). Check the address in the recipe.")
    if origin == url.origin() and response.status in _SAME_METHOD:
        return target
    base = shown(target)[:300].removesuffix("/chat/completions").removesuffix("/v1/messages")
    why = "it would lose the question" if origin == url.origin() else "the key would go to another origin"
    raise ModelNotServed(
        f"{said} to {base}, which is not followed: {why}. If the model is there, make that its address in the recipe "
        "(`base_url`, or `endpoint` of azure)."
    )


def _untrusted(error: aiohttp.ClientConnectorCertificateError, where: str) -> ModelNotServed:
    cause = error.certificate_error
    reason = getattr(cause, "verify_message", None) or str(cause)
    fix = (
        "Name the certificate of the authority that signed it: `ca_file:` in the model's entry, or SSL_CERT_FILE"
        if getattr(cause, "verify_code", 0) in _UNKNOWN_ISSUER
        else "Check the address, and have the server's certificate renewed"
    )
    return ModelNotServed(f"{where}: its certificate is not valid here ({reason}). {fix}.")


def _proxy_refused(error: aiohttp.ClientHttpProxyError, where: str, url: URL) -> Exception:
    if error.status == _PROXY_AUTHENTICATION:
        return _wants_password(where, url)
    said = f"{where}: {_proxy(url)} answered {error.status} {error.message[:200]}"
    if error.status == _FORBIDDEN:
        return ModelNotServed(f"{said}: it does not let this host through. Name the host in NO_PROXY to go around it.")
    return Unreachable(said)


def _wants_password(where: str, url: URL) -> CredentialRejected:
    variable = f"{url.scheme.upper()}_PROXY"
    return CredentialRejected(
        f"{where}: {_proxy(url)} asks for a name and a password (407). Set {variable}=http://NAME:PASSWORD@HOST:PORT, "
        "or name the endpoint's host in NO_PROXY."
    )


def _proxy(url: URL) -> str:
    proxy = proxy_of(url)
    return f"the proxy {shown(proxy) if proxy else 'of nobody'} of {url.scheme.upper()}_PROXY"
