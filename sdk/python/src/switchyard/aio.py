"""The client for asyncio. Made by tools/generate.py from client.py."""
from __future__ import annotations

import base64
import os
import pathlib
import ssl
import time
import uuid
from types import TracebackType
from typing import Any, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Type, Union, cast

from . import types as t
from ._async import Caller
from ._transport import Answer, Retry, Transport, quote, seconds_of, wait_text
from .models import Decision

Wait = Union[str, float, int, None]
_LONGEST_WAIT = 60.0
_DEFAULT_SERVER = "http://127.0.0.1:7070"


class AsyncClient:
    """The whole API. `url` and `key` are SWITCHYARD_SERVER and SWITCHYARD_API_KEY where not given. Safe for any number of
    threads. A start carries an Idempotency-Key, one of its own when none is given, so that it can be sent again after a
    broken connection; what may not be repeated is not. Errors of the server are switchyard.ApiError."""

    def __init__(self, url: Optional[str] = None, key: Optional[str] = None, *, timeout: float = 30.0, retry: Optional[Retry] = None,
                 tls: Optional[ssl.SSLContext] = None, headers: Optional[Mapping[str, str]] = None) -> None:
        address = url or os.environ.get("SWITCHYARD_SERVER") or _DEFAULT_SERVER
        secret = key or os.environ.get("SWITCHYARD_API_KEY")
        self._caller = Caller(Transport(address, secret, timeout=timeout, retry=retry, tls=tls, headers=headers))

    async def aclose(self) -> None:
        await self._caller.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.aclose()

    async def _call(self, method: str, path: str, **more: Any) -> Answer:
        answer: Answer = await self._caller.call(method, path, **more)
        return answer

    # --- decisions

    async def start(self, pipeline: str, input: Any, *, wait: Wait = None, idempotency_key: Optional[str] = None,
              traceparent: Optional[str] = None) -> Decision:
        """Starts a decision; `pipeline` is a name or name@version. With `wait` ("5s", or seconds; at most a minute) the answer
        comes with the end, or with what is known then."""
        body: Dict[str, Any] = {"pipeline": pipeline, "input": input}
        if wait is not None:
            body["wait"] = wait_text(wait)
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        if traceparent is not None:
            headers["traceparent"] = traceparent
        answer = await self._call("POST", "/api/v1/decisions", body=body, headers=headers, repeatable=True, wait=seconds_of(wait))
        return Decision.from_json(answer.json(), answer.headers)

    async def get(self, decision: str, *, wait: Wait = None) -> Decision:
        query = {"wait": wait_text(wait) if wait is not None else None}
        answer = await self._call("GET", f"/api/v1/decisions/{quote(decision)}", query=query, wait=seconds_of(wait))
        return Decision.from_json(answer.json(), answer.headers)

    async def wait(self, decision: str, *, timeout: Optional[float] = None) -> Decision:
        """Waits for the end, people and timers included; TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LONGEST_WAIT if until is None else min(_LONGEST_WAIT, max(0.0, until - time.monotonic()))
            found = await self.get(decision, wait=left)
            if found.is_final:
                return found
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"decision {decision} is {found.status} after {timeout} seconds")

    async def decisions(self, *, pipeline: Optional[str] = None, version: Optional[str] = None, key: Optional[str] = None,
                  status: Optional[str] = None, since: Optional[str] = None, until: Optional[str] = None,
                  search: Optional[Mapping[str, str]] = None, page: int = 100) -> AsyncIterator[Decision]:
        """All that fit, newest first; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            query: Dict[str, Union[str, int, None]] = {"pipeline": pipeline, "version": version, "key": key, "status": status, "since": since,
                                                       "until": until, "limit": page, "cursor": cursor}
            query.update({f"search.{name}": value for name, value in (search or {}).items()})
            answer = await self._call("GET", "/api/v1/decisions", query=query)
            body = answer.json()
            for each in body["decisions"]:
                yield Decision.from_json(each)
            cursor = body.get("next_cursor")
            if cursor is None:
                return

    async def history(self, decision: str, *, page: int = 500) -> AsyncIterator[t.Event]:
        """Every event of the decision, in order."""
        after: Optional[int] = None
        while True:
            answer = await self._call("GET", f"/api/v1/decisions/{quote(decision)}/history", query={"after": after, "limit": page})
            body = answer.json()
            for each in body["events"]:
                yield cast(t.Event, each)
            after = body.get("next_after")
            if after is None:
                return

    async def record(self, decision: str) -> t.Record:
        """What explains the decision."""
        answer = await self._call("GET", f"/api/v1/decisions/{quote(decision)}/record")
        return cast(t.Record, answer.json())

    async def cancel(self, decision: str, why: str = "") -> Decision:
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/cancel", body=_given(why=why))
        return Decision.from_json(answer.json())

    async def pause(self, decision: str, why: str = "") -> Decision:
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/pause", body=_given(why=why))
        return Decision.from_json(answer.json())

    async def resume(self, decision: str, why: str = "") -> Decision:
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/resume", body=_given(why=why))
        return Decision.from_json(answer.json())

    async def restart(self, decision: str, from_step: str, *, why: str = "", wait: Wait = None,
                idempotency_key: Optional[str] = None) -> Decision:
        """A new decision that takes up the results of one that ended, and does everything from a step on anew."""
        body = {"from": from_step, **_given(why=why)}
        if wait is not None:
            body["wait"] = wait_text(wait)
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/restart", body=body, repeatable=True, wait=seconds_of(wait),
                            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())})
        return Decision.from_json(answer.json(), answer.headers)

    async def signal(self, decision: str, name: str, payload: Any = None, *, why: str = "", idempotency_key: Optional[str] = None) -> Decision:
        """Tells a decision something that one of its steps listens to."""
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/signal", body={"name": name, "payload": payload, **_given(why=why)},
                            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())}, repeatable=True)
        return Decision.from_json(answer.json(), answer.headers)

    async def query(self, decision: str, name: str) -> Any:
        """What a query of the pipeline says of the decision now."""
        answer = await self._call("GET", f"/api/v1/decisions/{quote(decision)}/queries/{quote(name)}")
        return answer.json()["value"]

    async def queries(self, decision: str) -> t.QueryAnswers:
        answer = await self._call("GET", f"/api/v1/decisions/{quote(decision)}/queries")
        return cast(t.QueryAnswers, answer.json())

    async def replay(self, decision: str, with_: Sequence[str] = (), *, asked: bool = False) -> t.ReplayReport:
        """Decides again from the record; `with_`: ["model=fraud-light@1.1.0"] asks what would have been; `asked`: also tells what models
        were asked."""
        body = {"with": list(with_), **_given(asked=asked or None)}
        answer = await self._call("POST", f"/api/v1/decisions/{quote(decision)}/replay", body=body, repeatable=True)
        return cast(t.ReplayReport, answer.json())

    async def replay_many(self, pipeline: str, *, since: Optional[str] = None, until: Optional[str] = None, limit: Optional[int] = None,
                    with_: Sequence[str] = ()) -> t.ReplaySummary:
        body = {"pipeline": pipeline, "with": list(with_), **_given(since=since, until=until, limit=limit)}
        answer = await self._call("POST", "/api/v1/replays", body=body, repeatable=True)
        return cast(t.ReplaySummary, answer.json())

    # --- many at once

    async def start_bulk(self, action: str, filter: Mapping[str, Any], *, why: str = "", dry_run: bool = False,
                   limit: Optional[int] = None) -> t.BulkOperation:
        """`action`: cancel, pause or resume."""
        body = {"action": action, "filter": dict(filter), "dry_run": dry_run, **_given(why=why, limit=limit)}
        answer = await self._call("POST", "/api/v1/bulk-operations", body=body)
        return cast(t.BulkOperation, answer.json())

    async def get_bulk(self, operation: str) -> t.BulkOperation:
        answer = await self._call("GET", f"/api/v1/bulk-operations/{quote(operation)}")
        return cast(t.BulkOperation, answer.json())

    async def bulk_operations(self) -> List[t.BulkOperation]:
        """Those that are kept, the newest first, without their single failures."""
        answer = await self._call("GET", "/api/v1/bulk-operations")
        return cast(List[t.BulkOperation], answer.json()["operations"])

    async def start_migration(self, pipeline: str, from_: Union[str, Sequence[str]], to: str, *, why: str,
                        filter: Optional[Mapping[str, Any]] = None, dry_run: bool = False, limit: Optional[int] = None) -> t.Migration:
        versions = from_ if isinstance(from_, str) else list(from_)
        body = {"pipeline": pipeline, "from": versions, "to": to, "why": why, "dry_run": dry_run, "filter": dict(filter or {}),
                **_given(limit=limit)}
        answer = await self._call("POST", "/api/v1/migrations", body=body)
        return cast(t.Migration, answer.json())

    async def get_migration(self, migration: str) -> t.Migration:
        answer = await self._call("GET", f"/api/v1/migrations/{quote(migration)}")
        return cast(t.Migration, answer.json())

    async def migrations(self) -> List[t.Migration]:
        """Those that are kept, the newest first, without their single decisions."""
        answer = await self._call("GET", "/api/v1/migrations")
        return cast(List[t.Migration], answer.json()["operations"])

    # --- reviews

    async def reviews(self, *, queue: Optional[str] = None, assigned_to: Optional[str] = None, unclaimed: bool = False,
                limit: Optional[int] = None) -> List[t.ReviewSummary]:
        """Most urgent first."""
        query = {"queue": queue, "assigned_to": assigned_to, "unclaimed": True if unclaimed else None, "limit": limit}
        answer = await self._call("GET", "/api/v1/reviews", query=query)
        return cast(List[t.ReviewSummary], answer.json()["reviews"])

    async def review(self, review: str) -> t.Review:
        answer = await self._call("GET", f"/api/v1/reviews/{quote(review)}")
        return cast(t.Review, answer.json())

    async def _review(self, review: str, what: str, body: Mapping[str, Any]) -> t.Review:
        answer = await self._call("POST", f"/api/v1/reviews/{quote(review)}/{what}", body=body)
        return cast(t.Review, answer.json())

    async def claim_review(self, review: str, *, lease_seconds: Optional[int] = None, reviewer: Optional[str] = None) -> t.Review:
        changed = await self._review(review, "claim", _given(lease_seconds=lease_seconds, reviewer=reviewer))
        return changed

    async def release_review(self, review: str, *, reviewer: Optional[str] = None) -> t.Review:
        changed = await self._review(review, "release", _given(reviewer=reviewer))
        return changed

    async def answer_review(self, review: str, answer: Any, *, reviewer: Optional[str] = None) -> t.Review:
        changed = await self._review(review, "answer", {"answer": answer, **_given(reviewer=reviewer)})
        return changed

    async def comment_review(self, review: str, text: str, *, reviewer: Optional[str] = None) -> t.Review:
        changed = await self._review(review, "comment", {"text": text, **_given(reviewer=reviewer)})
        return changed

    async def escalate_review(self, review: str, queue: str, *, why: str = "") -> t.Review:
        changed = await self._review(review, "escalate", {"queue": queue, **_given(why=why)})
        return changed

    async def reassign_review(self, review: str, to: str = "") -> t.Review:
        changed = await self._review(review, "reassign", {"to": to})
        return changed

    # --- events and agents

    async def publish(self, events: Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]) -> t.Published:
        """CloudEvents; `specversion` and `id` are filled in where they are missing, in copies. The same source and id are published
        once, so it is sent again after a broken connection."""
        given = [events] if isinstance(events, Mapping) else list(events)
        whole = [{"specversion": "1.0", "id": str(uuid.uuid4()), **event} for event in given]
        answer = await self._call("POST", "/api/v1/events", body=whole, headers={"Content-Type": "application/cloudevents-batch+json"},
                            repeatable=True)
        return cast(t.Published, answer.json())

    async def dead_letters(self, *, consumer: Optional[str] = None, name: Optional[str] = None, key: Optional[str] = None,
                     code: Optional[str] = None, since: Optional[str] = None, until: Optional[str] = None,
                     page: int = 100) -> AsyncIterator[t.DeadLetter]:
        """All that fit, by partition and there by the place of their event; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            answer = await self._call("GET", "/api/v1/events/dead-letters",
                                query={"consumer": consumer, "name": name, "key": key, "code": code, "since": since, "until": until,
                                       "limit": page, "cursor": cursor})
            body = answer.json()
            for each in body["dead_letters"]:
                yield cast(t.DeadLetter, each)
            cursor = body.get("next_cursor")
            if cursor is None:
                return

    async def replay_dead_letter(self, letter: str) -> t.LetterSettled:
        answer = await self._call("POST", f"/api/v1/events/dead-letters/{quote(letter)}/replay")
        return cast(t.LetterSettled, answer.json())

    async def discard_dead_letter(self, letter: str) -> t.LetterSettled:
        answer = await self._call("POST", f"/api/v1/events/dead-letters/{quote(letter)}/discard")
        return cast(t.LetterSettled, answer.json())

    async def event_graph(self) -> t.EventGraph:
        answer = await self._call("GET", "/api/v1/events/graph")
        return cast(t.EventGraph, answer.json())

    async def agents(self) -> t.AgentList:
        answer = await self._call("GET", "/api/v1/agents")
        return cast(t.AgentList, answer.json())

    async def agent_states(self, agent: str, *, key: Optional[str] = None, after: Optional[str] = None,
                     limit: Optional[int] = None) -> List[t.AgentState]:
        answer = await self._call("GET", "/api/v1/agents/state", query={"agent": agent, "key": key, "after": after, "limit": limit})
        return cast(List[t.AgentState], answer.json()["states"])

    # --- governance

    async def deploy(self, files: Mapping[str, Union[str, bytes]], *, message: str = "", dry_run: bool = False) -> t.DeploymentReport:
        """All or nothing. Mistakes are InvalidRequest, with each of them in its `errors`."""
        listed = [{"path": path, "content": content} if isinstance(content, str) else
                  {"path": path, "content_base64": base64.b64encode(content).decode()} for path, content in files.items()]
        answer = await self._call("POST", "/api/v1/deployments", body={"files": listed, "dry_run": dry_run, **_given(message=message)})
        return cast(t.DeploymentReport, answer.json())

    async def deploy_folder(self, folder: Union[str, "os.PathLike[str]"], *, message: str = "", dry_run: bool = False) -> t.DeploymentReport:
        """Every document (.yaml, .yml, .json) and model (.onnx) below the folder, hidden ones left out."""
        report = await self.deploy(_read_folder(pathlib.Path(folder)), message=message, dry_run=dry_run)
        return report

    async def artefacts(self, *, kind: Optional[str] = None, name: Optional[str] = None) -> List[t.ArtefactSummary]:
        answer = await self._call("GET", "/api/v1/artefacts", query={"kind": kind, "name": name})
        return cast(List[t.ArtefactSummary], answer.json()["artefacts"])

    async def artefact(self, kind: str, name: str, *, version: Optional[str] = None) -> t.Artefact:
        answer = await self._call("GET", f"/api/v1/artefacts/{quote(kind)}/{quote(name)}", query={"version": version})
        return cast(t.Artefact, answer.json())

    async def activate(self, kind: str, name: str, version: str, *, why: str = "") -> t.GovernanceChange:
        answer = await self._call("POST", "/api/v1/activations", body={"kind": kind, "name": name, "version": version, **_given(why=why)})
        return cast(t.GovernanceChange, answer.json())

    async def kill(self, kind: str, name: str, *, why: str, version: Optional[str] = None) -> t.GovernanceChange:
        """Switches a pipeline, a rule table or a model off; without a version all of them."""
        body = {"action": "kill", "kind": kind, "name": name, "why": why, **_given(version=version)}
        answer = await self._call("POST", "/api/v1/switches", body=body)
        return cast(t.GovernanceChange, answer.json())

    async def revive(self, kind: str, name: str, *, why: str = "", version: Optional[str] = None) -> t.GovernanceChange:
        body = {"action": "revive", "kind": kind, "name": name, **_given(version=version, why=why)}
        answer = await self._call("POST", "/api/v1/switches", body=body)
        return cast(t.GovernanceChange, answer.json())

    async def switches(self) -> t.Switches:
        answer = await self._call("GET", "/api/v1/switches")
        return cast(t.Switches, answer.json())

    async def governance_history(self, *, limit: Optional[int] = None) -> t.GovernanceHistory:
        answer = await self._call("GET", "/api/v1/governance/history", query={"limit": limit})
        return cast(t.GovernanceHistory, answer.json())

    async def models(self) -> t.ModelList:
        answer = await self._call("GET", "/api/v1/models")
        return cast(t.ModelList, answer.json())

    # --- retention

    async def retention(self) -> t.Retention:
        answer = await self._call("GET", "/api/v1/retention")
        return cast(t.Retention, answer.json())

    async def apply_retention(self, *, dry_run: bool = False) -> t.RetentionReport:
        answer = await self._call("POST", "/api/v1/retention/apply", body={"dry_run": dry_run})
        return cast(t.RetentionReport, answer.json())

    async def holds(self) -> List[t.Hold]:
        answer = await self._call("GET", "/api/v1/holds")
        return cast(List[t.Hold], answer.json()["holds"])

    async def set_hold(self, name: str, *, why: str, decision: Optional[str] = None, pipeline: Optional[str] = None, key: Optional[str] = None,
                 since: Optional[str] = None, until: Optional[str] = None, search: Optional[Mapping[str, str]] = None) -> t.Hold:
        body = {"name": name, "why": why, **_given(decision=decision, pipeline=pipeline, key=key, since=since, until=until, search=search)}
        answer = await self._call("POST", "/api/v1/holds", body=body, repeatable=True)
        return cast(t.Hold, answer.json())

    async def release_hold(self, name: str, *, why: str) -> t.HoldReleased:
        answer = await self._call("POST", f"/api/v1/holds/{quote(name)}/release", body={"why": why})
        return cast(t.HoldReleased, answer.json())

    # --- workers

    async def workers(self) -> t.WorkerList:
        answer = await self._call("GET", "/api/v1/workers")
        return cast(t.WorkerList, answer.json())

    # --- operations

    async def is_ready(self) -> bool:
        """Whether the server takes decisions now; False, too, when it cannot be reached."""
        from .errors import SwitchyardError
        try:
            await self._call("GET", "/readyz", attempts=1)
        except SwitchyardError:
            return False
        return True

    async def status(self) -> t.Status:
        answer = await self._call("GET", "/api/v1/status")
        return cast(t.Status, answer.json())

    async def metrics(self) -> str:
        """In the Prometheus text format."""
        answer = await self._call("GET", "/metrics", headers={"Accept": "text/plain"})
        return answer.body.decode()

    async def openapi(self) -> Dict[str, Any]:
        answer = await self._call("GET", "/openapi.json")
        return cast(Dict[str, Any], answer.json())


def _given(**members: Any) -> Dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in members.items() if value not in (None, "")}


def _read_folder(folder: pathlib.Path) -> Dict[str, Union[str, bytes]]:
    files: Dict[str, Union[str, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") or part == "node_modules" for part in relative.parts):
            continue
        if path.suffix in (".yaml", ".yml", ".json"):
            files[relative.as_posix()] = path.read_text(encoding="utf-8")
        elif path.suffix == ".onnx":
            files[relative.as_posix()] = path.read_bytes()
    if not files:
        raise ValueError(f"there is no document (.yaml, .yml, .json) in {folder}")
    return files
