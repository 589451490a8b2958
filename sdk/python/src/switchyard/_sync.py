"""Calls the transport on the caller's thread."""
from __future__ import annotations

from typing import Any

from ._transport import Answer, Transport


class Caller:
    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def call(self, method: str, path: str, **more: Any) -> Answer:
        return self.transport.request(method, path, **more)

    def close(self) -> None:
        self.transport.close()
