"""The errors that reasonmed raises on purpose, as one tree.

ReasonMedError
├── UsageError
├── RecipeError
├── QuestionError
├── RunDirectoryError
├── BackendError
│   ├── Overloaded
│   ├── Unreachable
│   └── RequestRejected
├── UnparsableReply
│   ├── CutReply
│   └── VerdictConflict
└── ControlError
    ├── CredentialRejected
    ├── ModelNotServed
    ├── Unavailable
    ├── SetAside
    ├── Parked
    ├── PluginError
    ├── BudgetReached
    ├── StorageFailed
    └── Drained

Each class knows two things: ``retryable``, whether the same request may be sent again, and ``exit_code``, what the
command line answers with. A message says what is wrong, with the value, and the mend. No message holds a key.
"""

from __future__ import annotations

from typing import ClassVar

from reasonmed.secrecy import conceal


class ReasonMedError(Exception):
    """The root: something went wrong that a person can act on.

    Args:
        message: what happened; a key in it is hidden.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str = "") -> None:
        super().__init__(conceal(message))


class UsageError(ReasonMedError):
    """A command was given options or files that cannot work together."""


class RecipeError(ReasonMedError):
    """A recipe has problems; every one is listed.

    Args:
        problems: one sentence each, with the path of the field and its value.
        source: the recipe's file name, as the user gave it.
    """

    def __init__(self, problems: list[str], source: str = "recipe") -> None:
        self.problems = [conceal(problem) for problem in problems]
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count}", *(f"  - {problem}" for problem in problems)]))


class QuestionError(ReasonMedError):
    """A question file cannot be read, or a row of it is no question.

    Args:
        file: the file as the user named it.
        line: 1-based line on which the row starts; 0 when the whole file is meant.
        field: the field that is wrong; empty when the whole row is meant.
        problem: what is wrong, with the value and what was expected.
    """

    def __init__(self, file: str, line: int, field: str, problem: str) -> None:
        self.file, self.line, self.field, self.problem = file, line, field, problem
        place = file if line == 0 else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, field, problem) if part))


class RunDirectoryError(ReasonMedError):
    """A run directory is locked, belongs to another run, or is none."""


class BackendError(ReasonMedError):
    """A request did not lead to a completion."""

    exit_code = 5
    kind = "network"
    """Class of fault: ``rate``, ``server``, ``network``, ``timeout``, ``context``, ``filter`` or ``bad_request``."""


class Overloaded(BackendError):
    """The endpoint asks to slow down: 429, 503 or a full queue.

    Args:
        message: what the endpoint said.
        retry_after: seconds that the endpoint asks to wait, if it says.
    """

    retryable = True
    kind = "rate"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(BackendError):
    """The service did not answer, or not with a whole body.

    Args:
        message: what happened.
        kind: ``network`` (refused, reset, torn body), ``server`` (5xx) or ``timeout``.
        connected: False where nothing came at all: an unknown host, a refused connection, a bad certificate, or a
            connection that was closed without a byte (which is what https answers to http).
    """

    retryable = True

    def __init__(self, message: str, kind: str = "network", *, connected: bool = True) -> None:
        super().__init__(message)
        self.kind, self.connected = kind, connected


class RequestRejected(BackendError):
    """The endpoint will not answer this request; it goes on record and is not asked again.

    Args:
        message: what the endpoint said.
        kind: ``context`` (too long), ``filter`` (content filter) or ``bad_request``.
        status: the HTTP status of the refusal; 0 where there is none.
    """

    def __init__(self, message: str, kind: str, status: int = 0) -> None:
        super().__init__(message)
        self.kind, self.status = kind, status


class UnparsableReply(ReasonMedError):
    """A reply does not hold what was asked for.

    Args:
        problem: what is wrong with the reply, in words that the model can act on.
        kind: one word for counts, such as ``empty`` or ``refused``.
    """

    exit_code = 1
    ceiling: ClassVar[int] = 2
    """How often at most a reply with this problem is asked again."""

    def __init__(self, problem: str, kind: str = "unparsable") -> None:
        super().__init__(problem)
        self.problem, self.kind = str(self), kind


class CutReply(UnparsableReply):
    """The token limit ended the reply, and did so again with twice the tokens."""

    ceiling = 0


class VerdictConflict(UnparsableReply):
    """A judge calls a chain of thought correct that concludes another option than the key."""

    ceiling = 1


class ControlError(ReasonMedError):
    """Stops or pauses the run; never an outcome of a question.

    Args:
        message: what happened, and what to look at.
        status: the HTTP status that an endpoint refused with; 0 where there is none. A 403 or 404 is named only where
            the endpoint's words leave open whether it means this one request.
    """

    exit_code = 5

    def __init__(self, message: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class CredentialRejected(ControlError):
    """The endpoint refuses the key or the account, or there is no key."""

    exit_code = 4


class ModelNotServed(ControlError):
    """The endpoint does not know the model, the base URL is wrong, or it does not take what the recipe sends."""

    exit_code = 2


class Unavailable(ControlError):
    """An endpoint gave no success for as long as the recipe is willing to wait."""


class SetAside(ControlError):
    """One request fails again and again at an endpoint that answers others: its question waits for another session."""


class Parked(ControlError):
    """A request cannot be answered now: its question leaves memory, and is replayed when it can.

    Args:
        waits: what is waited for, each by a name that whoever holds the request gives it, such as a model's.
    """

    def __init__(self, waits: frozenset[str]) -> None:
        super().__init__(f"waits for {', '.join(sorted(waits))}")
        self.waits = waits


class PluginError(ControlError):
    """Code of another package cannot be loaded, or fails at its work; the message names the package and the reason."""

    exit_code = 2


class BudgetReached(ControlError):
    """The next request does not fit under the cap on money."""

    exit_code = 3


class StorageFailed(ControlError):
    """The run directory cannot be written: the disk is full, or the file system refuses."""


class Drained(ControlError):
    """The run takes no new requests: it was asked to stop and ends what is under way."""

    exit_code = 130
