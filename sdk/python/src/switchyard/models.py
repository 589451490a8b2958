"""Results that are more than their JSON. All others are the typed dictionaries of switchyard.types."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from .errors import DecisionFailed

FINAL = frozenset({"completed", "failed", "cancelled"})


def parse_time(text: str) -> datetime:
    """RFC 3339 as the server writes it, in UTC."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    if found is None:
        raise ValueError(f"no time: {text!r}")
    micros = int((found[2] or "0").ljust(6, "0")[:6])
    return datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(microsecond=micros, tzinfo=timezone.utc)


@dataclass(frozen=True)
class DecisionError:
    code: str
    message: str
    kind: str = ""
    field: Optional[str] = None


@dataclass(frozen=True)
class Decision:
    """A run of a pipeline, as it was when the server answered."""

    id: str
    pipeline: str
    version: str
    status: str  # queued, running, waiting, paused, completed, failed or cancelled
    started_at: datetime
    ended_at: Optional[datetime] = None
    duration_ms: Optional[float] = None
    key: Optional[str] = None
    tenant: str = "default"
    priority: int = 50
    search: Dict[str, Any] = field(default_factory=dict)
    cost: float = 0.0
    output: Any = None
    error: Optional[DecisionError] = None
    replayed: bool = False  # an Idempotency-Key named an earlier decision
    raw: Dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def result(self) -> Any:
        """The output. DecisionFailed when the decision failed or was cancelled; ValueError while it goes on."""
        if self.status == "completed":
            return self.output
        if not self.is_final:
            raise ValueError(f"decision {self.id} is {self.status}; wait for it first")
        raise DecisionFailed(self)

    @staticmethod
    def from_json(raw: Dict[str, Any], headers: Optional[Mapping[str, str]] = None) -> "Decision":
        error = raw.get("error")
        return Decision(
            id=raw["id"], pipeline=raw["pipeline"], version=raw["version"], status=raw["status"], started_at=parse_time(raw["started_at"]),
            ended_at=parse_time(raw["ended_at"]) if "ended_at" in raw else None, duration_ms=raw.get("duration_ms"), key=raw.get("key"),
            tenant=raw.get("tenant", "default"), priority=raw.get("priority", 50), search=raw.get("search", {}), cost=raw.get("cost", 0.0),
            output=raw.get("output"),
            error=DecisionError(error["code"], error["message"], error.get("kind", ""), error.get("field")) if error else None,
            replayed=(headers or {}).get("idempotency-replayed") == "true", raw=raw)
