"""Ray itself: imported only here and late, without usage reports; joined at an address or started on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping

_PATIENCE = 5.0
_STORE = 80 << 20
"""Bytes of a local object store: nothing large goes through it."""
LOCAL, AUTO = "local", "auto"
_ONE_NODE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Read when Ray is imported: without clusters of several nodes, all of Ray listens at 127.0.0.1 alone; with them it
listens at every address, whatever address its node has.
"""


class Method(Protocol):
    """A method of an actor."""

    def remote(self, *values: object) -> Awaitable[object]:
        """Call it."""
        ...


class Handle(Protocol):
    """An actor as others see it."""

    def __getattr__(self, name: str) -> Method: ...


class RayModule(Protocol):
    """What is used of the package ``ray``."""

    def init(self, address: str | None = None, **options: object) -> object:
        """Join a cluster, or start one."""
        ...

    def shutdown(self) -> None:
        """Leave it."""
        ...

    def remote(self, made: type) -> type:
        """A class whose objects are actors."""
        ...

    def kill(self, actor: Handle) -> None:
        """End an actor for good."""
        ...

    def nodes(self) -> list[dict[str, object]]:
        """The nodes that the cluster has or had."""
        ...

    def cluster_resources(self) -> Mapping[str, float]:
        """What all nodes have together."""
        ...


def ray_module() -> RayModule:
    """The package ``ray``.

    Raises:
        UsageError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        return cast("RayModule", import_module("ray"))
    except ImportError as missing:
        raise UsageError("--ray needs the package ray: pip install 'reasonmed[ray]'") from missing


def lost_actor() -> type[Exception]:
    """What a call of an actor raises whose process is gone, for now or for good."""
    return cast("type[Exception]", import_module("ray.exceptions").RayActorError)


@contextmanager
def joined(address: str | None, cpus: float) -> Iterator[RayModule]:
    """A Ray cluster: that at an address, or one of this machine's own that ends with the run.

    Args:
        address: HOST:PORT, ``auto`` for the one that runs on this machine, ``local`` for a new one; by default what
            ``RAY_ADDRESS`` says, else ``local``.
        cpus: how many a new one has at least: shards mostly wait for replies.

    Raises:
        UsageError: there is none.
    """
    chosen = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if chosen == LOCAL:
        os.environ.setdefault(_ONE_NODE, "0")
    elif chosen != AUTO:
        _check_address(chosen)
    ray = ray_module()
    quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
    try:
        if chosen == LOCAL:
            ray.init(
                LOCAL,
                num_cpus=max(os.cpu_count() or 1, int(cpus)),
                include_dashboard=False,
                object_store_memory=_STORE,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
        else:
            ray.init(chosen, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as failed:
        raise UsageError(f"no Ray at {chosen}: {str(failed).partition(chr(10))[0]:.300}. {_START}") from failed
    try:
        yield ray
    finally:
        ray.shutdown()


_START = "Start one (ray start --head), give its address (--ray HOST:6379), or --ray local for one on this machine"


def _check_address(address: str) -> None:
    """See that something listens at an address: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address or not 0 < int(port) < 1 << 16:
        raise UsageError(f"--ray {address!r:.100}: it must be HOST:PORT, auto or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except OSError as refused:
        raise UsageError(f"no Ray at {address}: {refused.strerror or refused}. {_START}") from refused


def alive(ray: RayModule) -> int:
    """How many nodes there are that can work."""
    return sum(bool(node.get("Alive")) for node in ray.nodes())


def actor_of(ray: RayModule, made: type, *values: object, **options: object) -> Handle:
    """An actor that is started again whenever its process or node is lost."""
    kind = cast("_Kind", ray.remote(made))
    return kind.options(max_restarts=-1, **options).remote(*values)


class _Kind(Protocol):
    def options(self, **options: object) -> _Maker: ...


class _Maker(Protocol):
    def remote(self, *values: object) -> Handle: ...
