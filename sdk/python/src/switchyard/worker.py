"""Workers: processes that poll the server for tasks and do them.

    worker = Worker(queue="post", concurrency=8, version="1.4.0")

    @worker.activity("send-letter")
    def send_letter(input, task):
        return {"id": post(input["to"], key=task.idempotency_key)}

    @worker.model("fraud-light", version="1.2.0")
    async def score(input):
        return {"score": await predict(input)}

    worker.run()  # until SIGTERM or SIGINT
"""
from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import inspect
import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from types import FrameType
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from ._transport import Cancel, Retry, Transport, quote
from .errors import ApiError, Conflict, NotFound, SwitchyardError, TaskCancelled, TaskFailure, TransportError

logger = logging.getLogger("switchyard.worker")

Function = TypeVar("Function", bound=Callable[..., Any])

_DEFAULT_SERVER = "http://127.0.0.1:7070"
_REMEMBERED = 1000  # results that could not be handed over
_MOST_AT_ONCE = 100


@dataclasses.dataclass
class Task:
    """What an activity may know and say of the task it does."""

    lease: str
    queue: str
    type: str
    input: Any
    idempotency_key: str  # the same for every repetition of the work: give it on
    effect: str
    attempt: int
    delivery: int
    heartbeat_seconds: float
    decision: Optional[str] = None
    step: Optional[str] = None
    tenant: Optional[str] = None
    trace: Optional[str] = None  # W3C traceparent
    deadline: Optional[float] = None  # on time.monotonic()
    last_progress: Any = None  # what a worker before this one told last

    def __post_init__(self) -> None:
        self._cancelled = threading.Event()
        self._progress: Any = None
        self._progress_told = True
        self.cancelled_why: Optional[str] = None

    @property
    def cancelled(self) -> bool:
        """Nobody wants the result any more: stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raises TaskCancelled when nobody wants the result any more."""
        if self.cancelled:
            raise TaskCancelled(self.cancelled_why or "cancelled")

    def progress(self, value: Any) -> None:
        """Told with the next heartbeat, and given to the next worker as last_progress should this one be lost. JSON."""
        self._progress, self._progress_told = value, False


@dataclasses.dataclass
class _Registered:
    function: Callable[..., Any]
    takes_task: bool
    is_async: bool


@dataclasses.dataclass
class _Running:
    task: Task
    next_heartbeat: float
    future: Optional["concurrent.futures.Future[Any]"] = None  # of an asynchronous activity


class Worker:
    """Polls and does. `url` and `key` are SWITCHYARD_SERVER and SWITCHYARD_API_KEY where not given; the key needs the role
    `worker`. `concurrency`: tasks at once, over all queues. Functions declared with async run on an event loop of the
    worker's, others on threads."""

    def __init__(self, url: Optional[str] = None, key: Optional[str] = None, *, queue: str = "default", name: Optional[str] = None,
                 version: str = "", concurrency: int = 4, poll_wait: float = 20.0, grace: float = 30.0,
                 headers: Optional[Mapping[str, str]] = None) -> None:
        if concurrency < 1:
            raise ValueError("concurrency must be at least 1")
        address = url or os.environ.get("SWITCHYARD_SERVER") or _DEFAULT_SERVER
        secret = key or os.environ.get("SWITCHYARD_API_KEY")
        # Every try is the worker's own affair: it must be able to stop.
        self._transport = Transport(address, secret, retry=Retry(attempts=1), headers=headers, kept=concurrency + 4)
        self.name = name or f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(3)}"
        self.name = "".join(c if c.isalnum() and c.isascii() or c in "._-/@:" else "-" for c in self.name)
        self.queue, self.version, self.concurrency = queue, version, concurrency
        self._poll_wait, self._grace = poll_wait, grace
        self._activities: Dict[str, Dict[str, _Registered]] = {}  # by queue and type
        self._running: Dict[str, _Running] = {}  # by lease
        self._changed = threading.Condition()  # guards _running, _claimed, _undelivered
        self._claimed = 0  # places that polls under way may fill
        self._undelivered: "collections.OrderedDict[Tuple[str, str, str], Any]" = collections.OrderedDict()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._polls: List[Cancel] = []
        self._retry = Retry(first_pause=0.1, longest_pause=10.0)

    # --- what it can do

    def activity(self, type: str, *, queue: Optional[str] = None) -> Callable[[Function], Function]:
        """Registers a function for tasks of this type: f(input) or f(input, task), its result is JSON. TaskFailure says how it
        failed; every other exception is a failure that the step's `retry` may try again."""

        def register(function: Function) -> Function:
            own = self._activities.setdefault(queue or self.queue, {})
            if type in own:
                raise ValueError(f"there are two activities for {type!r}")
            count = len([p for p in inspect.signature(function).parameters.values()
                         if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty])
            own[type] = _Registered(function, count >= 2, inspect.iscoroutinefunction(function))
            return function

        return register

    def model(self, name: str, *, version: str, queue: Optional[str] = None) -> Callable[[Function], Function]:
        """Registers a function that answers for a version of a model whose manifest names this queue's backend."""
        return self.activity(f"model:{name}@{version}", queue=queue)

    # --- its life

    def run(self, *, handle_signals: bool = True) -> None:
        """Works until stop(), SIGTERM or SIGINT; then finishes what it has, up to `grace` seconds."""
        if not self._activities:
            raise ValueError("the worker can do nothing: register an activity or a model first")
        previous: Dict[signal.Signals, Any] = {}
        if handle_signals and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                previous[number] = signal.signal(number, self._on_signal)
        try:
            self._work()
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)

    def start(self) -> threading.Thread:
        """run() on a thread of its own."""
        thread = threading.Thread(target=lambda: self.run(handle_signals=False), name="switchyard-worker", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Takes no more tasks; run() returns when those it has are done. From any thread."""
        self._stopping.set()
        for poll in list(self._polls):
            poll.cancel()

    def _on_signal(self, number: int, frame: Optional[FrameType]) -> None:
        logger.info("stopping on signal %d", number)
        # Not here: the interrupted code may hold a lock that stop() needs.
        threading.Thread(target=self.stop, daemon=True).start()

    def _work(self) -> None:
        loop = asyncio.new_event_loop()
        looping = threading.Thread(target=loop.run_forever, name="switchyard-async", daemon=True)
        looping.start()
        pool = concurrent.futures.ThreadPoolExecutor(self.concurrency, thread_name_prefix="switchyard-task")
        threads = [threading.Thread(target=self._poll_loop, args=(queue, pool, loop), name=f"switchyard-poll-{queue}", daemon=True)
                   for queue in self._activities]
        beats = threading.Thread(target=self._heartbeat_loop, args=(loop,), name="switchyard-heartbeat", daemon=True)
        for thread in [*threads, beats]:
            thread.start()
        try:
            while not self._stopping.wait(1.0):
                pass
            for thread in threads:
                thread.join()
            self._finish()
        finally:
            self._stopping.set()
            self._stopped.set()
            beats.join(5.0)
            pool.shutdown(wait=False)
            loop.call_soon_threadsafe(loop.stop)
            looping.join(5.0)
            if not looping.is_alive():
                loop.close()
            self._transport.close()

    def _finish(self) -> None:
        """Waits for what is under way; what takes too long is given up, so that another worker can begin it."""
        until = time.monotonic() + self._grace
        with self._changed:
            while self._running and time.monotonic() < until:
                self._changed.wait(until - time.monotonic())
            left = list(self._running.values())
            self._running.clear()
        for running in left:
            running.task.cancelled_why = "the worker stops"
            running.task._cancelled.set()
            self._say(running.task, "fail", {"code": "task.worker_stopped", "message": f"worker {self.name} was stopped", "retryable": True},
                      patience=5.0)

    # --- polling

    def _poll_loop(self, queue: str, pool: concurrent.futures.ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
        failures = 0
        while not self._stopping.is_set():
            free = self._claim()
            if free == 0:
                continue
            cancel = Cancel()
            self._polls.append(cancel)
            try:
                tasks = self._poll(queue, free, cancel)
                failures = 0
            except Exception as error:  # noqa: BLE001: a thread that ended would leave a worker that never works again
                if self._stopping.is_set():
                    return
                failures += 1
                asked = error.retry_after if isinstance(error, ApiError) else None
                pause = max(self._retry.pause(failures), min(asked or 0.0, 60.0))
                logger.log(logging.WARNING if failures in (1, 10) or failures % 100 == 0 else logging.DEBUG,
                           "polling %s failed, again in %.1f s: %s", queue, pause, error)
                self._stopping.wait(pause)
                continue
            finally:
                self._polls.remove(cancel)
                with self._changed:
                    self._claimed -= free
                    self._changed.notify_all()
            for task in tasks:
                self._begin(task, pool, loop)

    def _claim(self) -> int:
        """Places for tasks, kept for the poll that follows; waits while there are none."""
        with self._changed:
            free = min(_MOST_AT_ONCE, self.concurrency - len(self._running) - self._claimed)
            if len(self._activities) > 1:
                free = min(free, max(1, self.concurrency // len(self._activities)))
            if free <= 0:
                self._changed.wait(0.2)
                return 0
            self._claimed += free
            return free

    def _poll(self, queue: str, free: int, cancel: Cancel) -> List[Task]:
        with self._changed:
            held = [lease for lease, running in self._running.items() if running.task.queue == queue]
        body = {"worker": self.name, "types": sorted(self._activities[queue]), "max_tasks": free, "wait": f"{round(self._poll_wait * 1000)}ms",
                "held": held, **({"version": self.version} if self.version else {})}
        if self._stopping.is_set():
            return []
        answer = self._transport.request("POST", f"/api/v1/workers/{quote(queue)}/poll", body=body, wait=self._poll_wait, cancel=cancel)
        tasks = []
        for raw in answer.json()["tasks"]:
            left = raw.get("deadline_ms")
            tasks.append(Task(
                lease=raw["lease"], queue=queue, type=raw["type"], input=raw["input"], idempotency_key=raw["idempotency_key"],
                effect=raw["effect"], attempt=raw["attempt"], delivery=raw["delivery"], heartbeat_seconds=raw["heartbeat_ms"] / 1000,
                decision=raw.get("decision"), step=raw.get("step"), tenant=raw.get("tenant"), trace=raw.get("trace"),
                deadline=None if left is None else time.monotonic() + left / 1000, last_progress=raw.get("progress")))
        # Taken before the places are given back: a poll that follows tells the server that these are held.
        with self._changed:
            for task in tasks:
                self._running[task.lease] = _Running(task, time.monotonic() + task.heartbeat_seconds / 3)
        return tasks

    # --- doing

    def _begin(self, task: Task, pool: concurrent.futures.ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
        registered = self._activities[task.queue].get(task.type)
        if registered is not None and registered.is_async:
            future = asyncio.run_coroutine_threadsafe(self._do_async(task, registered), loop)
            with self._changed:
                if task.lease in self._running:
                    self._running[task.lease].future = future
            # Telling blocks, and must not hold up the loop.
            future.add_done_callback(lambda done: pool.submit(self._end, task, lambda: done.result()))
        else:
            pool.submit(self._end, task, lambda: self._do(task, registered))

    def _do(self, task: Task, registered: Optional[_Registered]) -> Any:
        if registered is None:
            raise TaskFailure(f"worker {self.name} cannot do {task.type}", code="task.unknown_type")
        known = self._known_result(task)
        if known is not None:
            return known[0]
        return registered.function(task.input, task) if registered.takes_task else registered.function(task.input)

    async def _do_async(self, task: Task, registered: _Registered) -> Any:
        known = await asyncio.get_running_loop().run_in_executor(None, self._known_result, task) if self._is_known(task) else None
        if known is not None:
            return known[0]
        return await (registered.function(task.input, task) if registered.takes_task else registered.function(task.input))

    def _end(self, task: Task, outcome: Callable[[], Any]) -> None:
        try:
            path, body = "complete", {"result": outcome()}
            json.dumps(body, allow_nan=False)
        except (TaskCancelled, asyncio.CancelledError, concurrent.futures.CancelledError):
            path, body = "fail", {"code": "task.cancelled", "message": task.cancelled_why or "cancelled", "retryable": False}
        except TaskFailure as failure:
            path, body = "fail", {"code": failure.code, "message": str(failure), "retryable": failure.retryable}
            if failure.retry_after is not None:
                body["retry_after"] = f"{round(failure.retry_after * 1000)}ms"
        except BaseException as error:  # noqa: BLE001: whatever an activity raises is its failure, not the worker's
            logger.warning("task %s of %s failed", task.type, task.decision, exc_info=True)
            path, body = "fail", {"code": "task.exception", "message": f"{type(error).__name__}: {error}"[:2000], "retryable": True}
        try:
            self._say(task, path, body)
        finally:
            with self._changed:
                self._running.pop(task.lease, None)
                self._changed.notify_all()

    def _say(self, task: Task, what: str, body: Dict[str, Any], patience: Optional[float] = None) -> bool:
        """Tells how a task ended, as long as it takes: the server may be away for a while."""
        until = None if patience is None else time.monotonic() + patience
        attempt = 0
        while True:
            attempt += 1
            try:
                self._transport.request("POST", f"/api/v1/workers/tasks/{quote(task.lease)}/{what}", body=body)
                return True
            except (Conflict, NotFound) as error:
                # Somebody else has it, or it is not wanted. After a restart of the server, or a silence, it may come again.
                logger.info("the end of %s of %s is not wanted: %s", task.type, task.decision, error.code)
                if what == "complete" and error.code in ("workers.unknown_lease", "workers.lease_lost"):
                    self._keep_undelivered(task, body["result"])
                return False
            except TransportError as error:
                logger.debug("telling the end of %s failed: %s", task.type, error)
            except ApiError as error:
                if error.status < 500 and error.status != 429:
                    logger.error("the server refuses the end of %s of %s: %s", task.type, task.decision, error)
                    if what == "fail":
                        return False
                    what, body = "fail", {"code": "task.refused_result", "message": str(error)[:2000], "retryable": False}
            if (until is not None and time.monotonic() >= until) or self._stopped.is_set():
                return False
            self._stopped.wait(self._retry.pause(attempt))

    # --- results that came too late for their lease and may be asked for again

    @staticmethod
    def _name(task: Task) -> Tuple[str, str, str]:
        return (task.type, task.idempotency_key, json.dumps(task.input, sort_keys=True))

    def _keep_undelivered(self, task: Task, result: Any) -> None:
        if not task.idempotency_key:
            return
        with self._changed:
            self._undelivered[self._name(task)] = result
            while len(self._undelivered) > _REMEMBERED:
                self._undelivered.popitem(last=False)

    def _is_known(self, task: Task) -> bool:
        """Whether the same work was done, or is being done, under another lease."""
        with self._changed:
            return self._name(task) in self._undelivered or self._is_done_already(task)

    def _is_done_already(self, task: Task) -> bool:
        """Requires the lock."""
        for lease, running in self._running.items():
            if lease == task.lease:
                return False
            if task.idempotency_key and self._name(running.task) == self._name(task):
                return True
        return False

    def _known_result(self, task: Task) -> Optional[Tuple[Any]]:
        """The result of the same work under a lease that counts no more; waits for it while it is being done."""
        with self._changed:
            while self._is_done_already(task) and not self._stopped.is_set():
                self._changed.wait(1.0)
            name = self._name(task)
            return (self._undelivered.pop(name),) if name in self._undelivered else None

    # --- heartbeats

    def _heartbeat_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.wait(0.05):
            now = time.monotonic()
            with self._changed:
                due = [running for running in self._running.values() if running.next_heartbeat <= now]
            for running in due:
                self._heartbeat(running, loop)

    def _heartbeat(self, running: _Running, loop: asyncio.AbstractEventLoop) -> None:
        task = running.task
        running.next_heartbeat = time.monotonic() + task.heartbeat_seconds / 3
        body: Dict[str, Any] = {}
        if not task._progress_told:
            task._progress_told = True
            body["progress"] = task._progress
        try:
            answer = self._transport.request("POST", f"/api/v1/workers/tasks/{quote(task.lease)}/heartbeat", body=body)
        except (Conflict, NotFound) as error:
            # Not known: the server restarted and has not given it out again yet, or it is over. The end will tell.
            logger.debug("heartbeat of %s: %s", task.type, error.code)
            return
        except SwitchyardError as error:
            logger.debug("heartbeat of %s failed: %s", task.type, error)
            running.next_heartbeat = time.monotonic() + min(1.0, task.heartbeat_seconds / 10)
            return
        alive = answer.json()
        if alive["cancelled"] and not task.cancelled:
            task.cancelled_why = alive.get("why")
            task._cancelled.set()
            logger.info("task %s of %s is not wanted any more: %s", task.type, task.decision, task.cancelled_why)
            if running.future is not None:
                running.future.cancel()
