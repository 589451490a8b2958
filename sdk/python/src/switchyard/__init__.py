"""Client and workers for Switchyard.

    from switchyard import Client
    with Client("http://127.0.0.1:7070", key) as client:
        decision = client.start("shop/refund", {"order": "A-17", "amount": 20}, wait="5s")

    from switchyard import Worker
    worker = Worker(client)

    @worker.activity("send-letter")
    def send_letter(input, task):
        return {"id": post(input["to"], key=task.idempotency_key)}

    worker.run()
"""
from .aio import AsyncClient
from .client import Client
from .errors import (ApiError, Conflict, DecisionFailed, DeadlineExceeded, Forbidden, InvalidRequest, NotFound, ServerError,
                     SwitchyardError, TaskCancelled, TaskFailure, TooManyRequests, TransportError, Unauthenticated, Unavailable)
from .models import Decision, DecisionError
from .worker import Task, Worker

__version__ = "0.1.0"

__all__ = [
    "ApiError", "AsyncClient", "Client", "Conflict", "DeadlineExceeded", "Decision", "DecisionError", "DecisionFailed", "Forbidden",
    "InvalidRequest", "NotFound", "ServerError", "SwitchyardError", "Task", "TaskCancelled", "TaskFailure", "TooManyRequests",
    "TransportError", "Unauthenticated", "Unavailable", "Worker",
]
