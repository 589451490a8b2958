"""Calls the transport on threads of its own; a cancelled task cuts its connection, so that no thread is left waiting."""
from __future__ import annotations

import asyncio
import concurrent.futures
from typing import Any

from ._transport import Answer, Cancel, Transport

MAX_AT_ONCE = 64


class Caller:
    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._pool = concurrent.futures.ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="switchyard")

    async def call(self, method: str, path: str, **more: Any) -> Answer:
        cancel = Cancel()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: self.transport.request(method, path, cancel=cancel, **more))
        except asyncio.CancelledError:
            cancel.cancel()
            raise

    async def close(self) -> None:
        self.transport.close()
        self._pool.shutdown(wait=False)
