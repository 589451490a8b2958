"""What can go wrong, as exceptions."""
from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Type


class SwitchyardError(Exception):
    """Everything this package raises on purpose."""


class TransportError(SwitchyardError):
    """No answer came: the server is away, or the connection broke. Whether it acted is unknown."""


class ApiError(SwitchyardError):
    """The server's problem details (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None) -> None:
        self.status = status
        self.code: str = str(problem.get("code", ""))
        self.kind: str = str(problem.get("kind", ""))
        self.detail: str = str(problem.get("detail", problem.get("title", "")))
        self.field: Optional[str] = problem.get("field")
        self.errors: List[Dict[str, Any]] = list(problem.get("errors", []))  # of a deployment: every mistake
        self.retry_after = retry_after  # seconds
        self.problem = dict(problem)
        where = f" at {self.field}" if self.field else ""
        mistakes = "".join(f"\n  {_mistake(each)}" for each in self.errors)
        super().__init__(f"{status} {self.code}: {self.detail}{where}{mistakes}")


def _mistake(each: Mapping[str, Any]) -> str:
    place = ":".join(str(each[name]) for name in ("file", "line", "column") if name in each)
    mend = f"; {each['mend']}" if each.get("mend") else ""
    return f"{place + ': ' if place else ''}{each.get('detail', each.get('message', ''))}{mend} [{each.get('code', '')}]"


class InvalidRequest(ApiError):
    """400, 413, 422: the request is wrong and will stay wrong."""


class Unauthenticated(ApiError):
    """401: no key, or none the server knows."""


class Forbidden(ApiError):
    """403: the key has not the permission."""


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409: the state of the thing forbids it."""


class TooManyRequests(ApiError):
    """429: a limit is reached; retry_after says for how long."""


class ServerError(ApiError):
    """500: a defect of the server's."""


class Unavailable(ServerError):
    """503, 507: not now."""


class DeadlineExceeded(ServerError):
    """504."""


_BY_STATUS: Dict[int, Type[ApiError]] = {
    401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 429: TooManyRequests, 503: Unavailable, 504: DeadlineExceeded,
    507: Unavailable,
}


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The exception that an answer with a status from 400 on is."""
    problem: Dict[str, Any]
    try:
        problem = json.loads(body)
        if not isinstance(problem, dict):
            raise ValueError
    except ValueError:
        problem = {"detail": body[:200].decode("utf-8", "replace") or f"status {status}"}
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequest)
    return kind(status, problem, retry_after_of(headers))


def retry_after_of(headers: Mapping[str, str]) -> Optional[float]:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


class DecisionFailed(SwitchyardError):
    """A decision that was waited for ended without an output."""

    def __init__(self, decision: Any) -> None:
        self.decision = decision
        error = decision.error
        self.code = error.code if error else decision.status
        super().__init__(f"decision {decision.id} {decision.status}" + (f": {error.message} [{error.code}]" if error else ""))


class TaskFailure(SwitchyardError):
    """Raised by an activity: the task failed, and how. `retryable`: the step's `retry` may try again, no sooner than
    `retry_after` seconds from now. `code` is what the pipeline's `catch` sees: small letters, digits and ._-"""

    def __init__(self, message: str, *, code: str = "task.failed", retryable: bool = True,
                 retry_after: Optional[float] = None) -> None:
        self.code, self.retryable, self.retry_after = code, retryable, retry_after
        super().__init__(message)


class TaskCancelled(SwitchyardError):
    """Raised in an activity that asks whether it shall go on: nobody wants the result any more."""
