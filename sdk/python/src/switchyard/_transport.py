"""Requests over kept connections, tried again where that is safe."""
from __future__ import annotations

import http.client
import json
import random
import select
import socket
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from .errors import ApiError, TransportError, from_answer

Query = Mapping[str, Union[str, int, bool, None]]


@dataclass
class Answer:
    status: int
    headers: Dict[str, str]  # names in small letters
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Retry:
    """How often and with which pauses a request is tried; `Retry-After` counts where it is longer."""

    attempts: int = 4
    first_pause: float = 0.1
    longest_pause: float = 5.0
    longest_retry_after: float = 60.0  # a server that asks for more gets the error to its caller

    def pause(self, attempt: int) -> float:
        grown = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        return grown * random.uniform(0.5, 1.0)


@dataclass
class Cancel:
    """Breaks a request off from another thread."""

    cancelled: bool = False
    _connection: Optional[http.client.HTTPConnection] = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, connection: Optional[http.client.HTTPConnection]) -> None:
        with self._lock:
            self._connection = connection
            if self.cancelled and connection is not None:
                _cut(connection)

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            if self._connection is not None:
                _cut(self._connection)


def _cut(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is None:
        return
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Transport:
    """Thread-safe: each request has a connection for itself."""

    def __init__(self, url: str, key: Optional[str], *, timeout: float = 30.0, retry: Optional[Retry] = None,
                 tls: Optional[ssl.SSLContext] = None, headers: Optional[Mapping[str, str]] = None, kept: int = 16,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"no address of a server: {url!r}; write http://host:port or https://host:port")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._tls = tls if tls is not None else (ssl.create_default_context() if self._secure else None)
        self._timeout, self._retry, self._kept, self._sleep = timeout, retry or Retry(), kept, sleep
        self._headers = {"Accept": "application/json", "User-Agent": "switchyard-python/0.1.0", **(headers or {})}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def request(self, method: str, path: str, *, query: Optional[Query] = None, body: Any = None, raw: Optional[bytes] = None,
                headers: Optional[Mapping[str, str]] = None, repeatable: Optional[bool] = None, wait: float = 0.0,
                cancel: Optional[Cancel] = None, attempts: Optional[int] = None) -> Answer:
        """`repeatable`: doing it twice does no harm; without, true for GET. `wait`: how long the server may hold the answer back."""
        target = self._prefix + path + _query_text(query)
        sent = dict(self._headers)
        payload = raw
        if payload is None and body is not None:
            payload = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        if payload is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        safe = method == "GET" if repeatable is None else repeatable
        most = attempts if attempts is not None else self._retry.attempts
        for attempt in range(1, most + 1):
            pause = self._retry.pause(attempt)
            try:
                answer = self._once(method, target, payload, sent, self._timeout + wait, cancel)
            except _NotSent as error:
                if attempt == most or self._is_over(cancel):
                    raise TransportError(str(error)) from error.__cause__
            except (OSError, http.client.HTTPException) as error:
                if not safe or attempt == most or self._is_over(cancel):
                    raise TransportError(f"{method} {path}: {error or type(error).__name__}") from error
            else:
                if answer.status < 400:
                    return answer
                problem = from_answer(answer.status, answer.headers, answer.body)
                if attempt == most or not self._may_retry(problem, answer, safe):
                    raise problem
                pause = max(pause, problem.retry_after or 0.0)
            self._sleep(pause)
        raise AssertionError("the loop returns or raises")

    def _is_over(self, cancel: Optional[Cancel]) -> bool:
        return self._closed or (cancel is not None and cancel.cancelled)

    def _may_retry(self, problem: ApiError, answer: Answer, safe: bool) -> bool:
        if answer.headers.get("x-should-retry") == "false":
            return False
        if problem.retry_after is not None and problem.retry_after > self._retry.longest_retry_after:
            return False
        # 429 comes before anything is done; of the others the outcome may be unknown.
        return answer.status == 429 or (safe and answer.status in (502, 503, 504, 507))

    def _once(self, method: str, target: str, payload: Optional[bytes], headers: Mapping[str, str], timeout: float,
              cancel: Optional[Cancel]) -> Answer:
        connection = self._take(timeout)
        keep = False
        try:
            if cancel is not None:
                cancel.attach(connection)
            connection.request(method, target, body=payload, headers=dict(headers))
            response = connection.getresponse()
            body = response.read()
            keep = not response.will_close
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
        finally:
            if cancel is not None:
                cancel.attach(None)
                keep = keep and not cancel.cancelled
            self._give_back(connection, keep)

    def _take(self, timeout: float) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                if self._closed:
                    raise _NotSent("the client is closed")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            if connection.sock is not None and not _is_dropped(connection.sock):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()
        if self._secure:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            raise _NotSent(f"no connection to {self._host}:{self._port}: {error}") from error
        return connection

    def _give_back(self, connection: http.client.HTTPConnection, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed and len(self._idle) < self._kept:
                self._idle.append(connection)
                return
        connection.close()


def _is_dropped(sock: socket.socket) -> bool:
    """Whether the server closed a connection that rests: then there is something to read, its end."""
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


class _NotSent(Exception):
    """The server certainly did not see the request."""


def _query_text(query: Optional[Query]) -> str:
    pairs = []
    for name, value in (query or {}).items():
        if value is None:
            continue
        pairs.append((name, ("true" if value else "false") if isinstance(value, bool) else str(value)))
    return "?" + urllib.parse.urlencode(pairs) if pairs else ""


def quote(part: str) -> str:
    """One segment of a path."""
    return urllib.parse.quote(part, safe="")


def seconds_of(wait: Union[str, float, int, None]) -> float:
    """"500ms", "5s", "2m", or seconds."""
    if wait is None:
        return 0.0
    if not isinstance(wait, str):
        return float(wait)
    for unit, factor in (("ms", 0.001), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if wait.endswith(unit) and wait[:-len(unit)].isdigit():
            return int(wait[:-len(unit)]) * factor
    raise ValueError(f"no time to wait: {wait!r}; write '500ms', '5s', '2m', or seconds")


def wait_text(wait: Union[str, float, int]) -> str:
    return wait if isinstance(wait, str) else f"{max(0, round(wait * 1000))}ms"
