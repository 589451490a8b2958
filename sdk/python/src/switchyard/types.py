"""The API's values. Made by tools/generate.py from docs/openapi.json."""
from __future__ import annotations

from typing import Any, Dict, List, TypedDict


class _Activate(TypedDict):
    kind: str
    name: str
    version: str


class Activate(_Activate, total=False):
    why: str


class AgentList(TypedDict):
    agents: List[Dict[str, Any]]


class _AgentState(TypedDict):
    agent: str
    key: str
    version: int
    queued: int


class AgentState(_AgentState, total=False):
    state: Any
    changed_at: str
    changed_by: str
    active: str


class AgentStateList(TypedDict):
    states: List["AgentState"]


class _Answer(TypedDict):
    answer: Any


class Answer(_Answer, total=False):
    reviewer: str


class ApplyRetention(TypedDict, total=False):
    dry_run: bool


class _Artefact(TypedDict):
    kind: str
    name: str
    version: str
    active: bool
    killed: bool
    sha256: str
    path: str
    deployed_by: str
    message: str
    governance_offset: int
    source: str
    files: Dict[str, str]


class Artefact(_Artefact, total=False):
    deployed_at: str


class ArtefactList(TypedDict):
    artefacts: List["ArtefactSummary"]


class _ArtefactSummary(TypedDict):
    kind: str
    name: str
    version: str
    active: bool
    killed: bool
    sha256: str
    path: str
    deployed_by: str
    message: str
    governance_offset: int


class ArtefactSummary(_ArtefactSummary, total=False):
    deployed_at: str


class _BulkOperation(TypedDict):
    id: str
    who: str
    action: str
    status: str
    dry_run: bool
    matched: int
    changed: int
    failed: int


class BulkOperation(_BulkOperation, total=False):
    """A change of many decisions, and how far it is; it goes on after a restart of the server"""

    failures: List[Dict[str, Any]]
    error: str


class BulkOperations(TypedDict):
    operations: List["BulkOperation"]


class _BulkRequest(TypedDict):
    action: str
    filter: Dict[str, Any]


class BulkRequest(_BulkRequest, total=False):
    why: str
    dry_run: bool
    limit: int


class _ChatCompletion(TypedDict):
    id: str
    object: Any
    created: int
    model: str
    choices: List[Dict[str, Any]]


class ChatCompletion(_ChatCompletion, total=False):
    usage: "TokenUsage"


class _ChatRequest(TypedDict):
    model: str
    messages: List[Dict[str, Any]]


class ChatRequest(_ChatRequest, total=False):
    """As OpenAI's API has it; what is not named here goes to the model as it is"""

    stream: bool
    stream_options: Dict[str, Any]
    user: str


class Claim(TypedDict, total=False):
    reviewer: str
    lease_seconds: int


class _CloudEvent(TypedDict):
    specversion: str
    id: str
    source: str
    type: str


class CloudEvent(_CloudEvent, total=False):
    """CloudEvents 1.0 in JSON; further members are extension attributes"""

    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    data: Any
    data_base64: str


class _Comment(TypedDict):
    text: str


class Comment(_Comment, total=False):
    reviewer: str


class CompleteTask(TypedDict, total=False):
    result: Any


class _CreateKey(TypedDict):
    name: str
    roles: List[str]


class CreateKey(_CreateKey, total=False):
    expires_in: str
    requests_per_minute: int
    tokens_per_minute: int
    concurrent: int
    budget_per_day: str
    budget_per_month: str
    routes: List[str]
    priority: str
    tenant: str


class _DeadLetter(TypedDict):
    id: str
    consumer: str
    name: str
    code: str
    message: str
    attempts: int
    died_at: str


class DeadLetter(_DeadLetter, total=False):
    key: str
    event: "CloudEvent"


class _DeadLetterList(TypedDict):
    dead_letters: List["DeadLetter"]


class DeadLetterList(_DeadLetterList, total=False):
    next_cursor: str


class _Decision(TypedDict):
    id: str
    pipeline: str
    version: str
    status: str
    started_at: str
    cost: float
    href: str


class Decision(_Decision, total=False):
    ended_at: str
    duration_ms: float
    key: str
    tenant: str
    priority: int
    concurrency: Dict[str, Any]
    search: Dict[str, Any]
    output: Any
    error: "Error"
    compacted: Dict[str, Any]


class _DecisionPage(TypedDict):
    decisions: List["Decision"]


class DecisionPage(_DecisionPage, total=False):
    next_cursor: str


class _Deployment(TypedDict):
    files: List[Dict[str, Any]]


class Deployment(_Deployment, total=False):
    message: str
    dry_run: bool


class DeploymentReport(TypedDict):
    deployed: bool
    governance_offset: int
    changes: List[Dict[str, Any]]
    diagnostics: List["Diagnostic"]


class _Diagnostic(TypedDict):
    severity: str
    code: str
    message: str


class Diagnostic(_Diagnostic, total=False):
    file: str
    line: int
    column: int
    path: str
    mend: str


class EditKey(TypedDict, total=False):
    name: str
    roles: List[str]
    expires_in: str
    requests_per_minute: int
    tokens_per_minute: int
    concurrent: int
    budget_per_day: str
    budget_per_month: str
    routes: List[str]
    priority: str


class _EmbeddingRequest(TypedDict):
    model: str
    input: Any


class EmbeddingRequest(_EmbeddingRequest, total=False):
    encoding_format: Any
    dimensions: int


class _Embeddings(TypedDict):
    object: Any
    model: str
    data: List[Dict[str, Any]]


class Embeddings(_Embeddings, total=False):
    usage: "TokenUsage"


class _Error(TypedDict):
    code: str
    kind: str
    message: str


class Error(_Error, total=False):
    field: str


class _Escalate(TypedDict):
    queue: str


class Escalate(_Escalate, total=False):
    why: str


class _Event(TypedDict):
    type: str
    time: str


class Event(_Event, total=False):
    """One entry of the log; further members by type"""

    step: int


class EventGraph(TypedDict):
    producers: List[Dict[str, Any]]
    consumers: List[Dict[str, Any]]
    registered: List[str]
    cycles: List[List[str]]


class _FailTask(TypedDict):
    message: str


class FailTask(_FailTask, total=False):
    code: str
    retryable: bool
    retry_after: str


class GovernanceChange(TypedDict):
    governance_offset: int
    killed: List["Killed"]


class GovernanceHistory(TypedDict):
    events: List[Dict[str, Any]]


class GovernanceOffset(TypedDict):
    governance_offset: int


class HeartbeatTask(TypedDict, total=False):
    progress: Any


class _History(TypedDict):
    events: List["Event"]


class History(_History, total=False):
    next_after: int


class _Hold(TypedDict):
    name: str
    who: str
    why: str
    at: str


class Hold(_Hold, total=False):
    decision: str
    pipeline: str
    key: str
    since: str
    until: str
    search: Dict[str, str]


class HoldList(TypedDict):
    holds: List["Hold"]


class HoldReleased(TypedDict):
    released: str


class _InferenceAnswer(TypedDict):
    model_name: str
    model_version: str
    outputs: List["InferenceOutput"]


class InferenceAnswer(_InferenceAnswer, total=False):
    id: str
    parameters: Dict[str, Any]


class InferenceError(TypedDict):
    error: str


class InferenceHealth(TypedDict, total=False):
    live: bool
    ready: bool


InferenceIndex = List[Dict[str, Any]]


class _InferenceInput(TypedDict):
    name: str
    shape: List[int]
    datatype: str


class InferenceInput(_InferenceInput, total=False):
    parameters: Dict[str, Any]
    data: List[Any]


class InferenceModel(TypedDict):
    name: str
    versions: List[str]
    platform: str
    inputs: List["TensorMetadata"]
    outputs: List["TensorMetadata"]


class InferenceModelReady(TypedDict):
    name: str
    ready: bool


class _InferenceOutput(TypedDict):
    name: str
    shape: List[int]
    datatype: str


class InferenceOutput(_InferenceOutput, total=False):
    parameters: Dict[str, Any]
    data: List[Any]


class _InferenceRequest(TypedDict):
    inputs: List["InferenceInput"]


class InferenceRequest(_InferenceRequest, total=False):
    id: str
    parameters: Dict[str, Any]
    outputs: List[Dict[str, Any]]


class InferenceServer(TypedDict):
    name: str
    version: str
    extensions: List[str]


class _Key(TypedDict):
    id: str
    name: str
    roles: List[str]
    tenant: str
    state: str
    created_at: str
    priority: str


class Key(_Key, total=False):
    key: str
    expires_at: str
    revoked_at: str
    rotated_at: str
    previous_valid_until: str
    requests_per_minute: int
    tokens_per_minute: int
    concurrent: int
    budget_per_day: str
    budget_per_month: str
    routes: List[str]


class KeyList(TypedDict):
    keys: List["Key"]


class _Killed(TypedDict):
    kind: str
    name: str
    who: str
    why: str


class Killed(_Killed, total=False):
    version: str
    at: str


class LetterSettled(TypedDict):
    id: str
    outcome: str


Migration = TypedDict("Migration", {"id": str, "who": str, "pipeline": str, "from": List[str], "to": str, "status": str, "dry_run": bool, "matched": int, "migrated": int, "stays": int, "failed": int, "decisions": List[Dict[str, Any]], "left_out": int, "error": str}, total=False)


MigrationRequest = TypedDict("MigrationRequest", {"pipeline": str, "from": Any, "to": str, "filter": Dict[str, Any], "dry_run": bool, "limit": int, "why": str}, total=False)


class Migrations(TypedDict):
    operations: List["Migration"]


class ModelList(TypedDict):
    models: List[Dict[str, Any]]


class NoMembers(TypedDict):
    pass


class OpenAiError(TypedDict):
    """An error as OpenAI's API writes it"""

    error: Dict[str, Any]


class OpenAiModel(TypedDict):
    id: str
    object: Any
    created: int
    owned_by: Any


class OpenAiModelList(TypedDict):
    object: Any
    data: List["OpenAiModel"]


class Pin(TypedDict):
    kind: str
    name: str
    version: str
    sha256: str


class _PollTasks(TypedDict):
    worker: str


class PollTasks(_PollTasks, total=False):
    version: str
    types: List[str]
    max_tasks: int
    wait: str
    held: List[str]


class _Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: str
    kind: str


class Problem(_Problem, total=False):
    """RFC 9457 problem details"""

    instance: str
    field: str
    errors: List["ProblemItem"]


class _ProblemItem(TypedDict):
    detail: str
    code: str
    severity: str


class ProblemItem(_ProblemItem, total=False):
    mend: str
    pointer: str
    file: str
    line: int
    column: int


class Published(TypedDict):
    events: List[Dict[str, Any]]


class QueryAnswer(TypedDict):
    decision: str
    name: str
    value: Any


class _QueryAnswers(TypedDict):
    decision: str
    queries: Dict[str, Any]


class QueryAnswers(_QueryAnswers, total=False):
    errors: Dict[str, str]


class Reassign(TypedDict, total=False):
    to: str


class _Record(TypedDict):
    id: str
    pipeline: str
    version: str
    pipeline_hash: str
    status: str
    started_at: str
    principal: str
    cost: float
    pins: List["Pin"]
    input: Any
    input_sha256: str
    steps: List["RecordStep"]
    log_offsets: List[int]


class Record(_Record, total=False):
    ended_at: str
    duration_us: int
    key: str
    idempotency_key: str
    trace: str
    governance_offset: int
    seed: int
    origin: Dict[str, Any]
    tenant: str
    priority: int
    concurrency: Dict[str, Any]
    admitted_at: str
    output: Any
    output_sha256: str
    error: "Error"
    compacted: bool
    parent: str
    steps_left_out: int
    signals: List["Event"]
    migrations: List["Event"]


class _RecordStep(TypedDict):
    name: str
    status: str


class RecordStep(_RecordStep, total=False):
    kind: str
    effect: str
    read: Dict[str, Any]
    gave: Any
    by: Dict[str, Any]
    started_at: Any
    ended_at: Any
    duration_us: int
    attempts: int
    errors: List["Event"]
    waiting_until: Any
    review: List["Event"]
    child: str
    child_pipeline: str
    version: str


class Release(TypedDict, total=False):
    reviewer: str


class ReleaseHold(TypedDict):
    why: str


Replay = TypedDict("Replay", {"with": "With", "asked": bool}, total=False)


ReplayMany = TypedDict("ReplayMany", {"pipeline": str, "since": str, "until": str, "with": "With", "limit": int}, total=False)


class _ReplayReport(TypedDict):
    decision: str
    mode: str
    identical: bool
    events: int
    status_before: str
    status_after: str
    output_before: Any
    output_after: Any
    changed_steps: List[Dict[str, Any]]


class ReplayReport(_ReplayReport, total=False):
    difference: str
    asked: List[Dict[str, Any]]


class ReplaySummary(TypedDict):
    replayed: int
    identical: int
    different: int
    failed: int
    examples: List["ReplayReport"]
    failures: List[Dict[str, Any]]


Reroute = TypedDict("Reroute", {"route": str, "from": str, "to": str, "why": str}, total=False)


Restart = TypedDict("Restart", {"from": str, "why": str, "wait": Any}, total=False)


class _Retention(TypedDict):
    partitions: List[Dict[str, Any]]


class Retention(_Retention, total=False):
    policy: str
    idempotency_keys: str
    classes: List["RetentionClass"]


RetentionClass = TypedDict("RetentionClass", {"class": str, "pipelines": List[str], "full": str, "record": Dict[str, Any], "delete": str}, total=False)


class RetentionReport(TypedDict):
    dry_run: bool
    compacted: int
    deleted: int
    held: int
    classes: List[Dict[str, Any]]
    archived_events: int
    trimmed_bytes: int
    removed_payloads: int


class _Review(TypedDict):
    id: str
    decision: str
    pipeline: str
    step: str
    queue: str
    status: str
    priority: int
    created_at: str
    escalations: int
    comments: int
    form: Any
    show: Any
    comment_list: List[Dict[str, Any]]


class Review(_Review, total=False):
    title: str
    due_at: str
    claimed_by: str
    claimed_until: str
    assigned_to: str
    ended_at: str
    ended_why: str
    ended_by: str
    answer: Any


class ReviewList(TypedDict):
    reviews: List["ReviewSummary"]


class _ReviewSummary(TypedDict):
    id: str
    decision: str
    pipeline: str
    step: str
    queue: str
    status: str
    priority: int
    created_at: str
    escalations: int
    comments: int


class ReviewSummary(_ReviewSummary, total=False):
    title: str
    due_at: str
    claimed_by: str
    claimed_until: str
    assigned_to: str
    ended_at: str
    ended_why: str
    ended_by: str


class RotateKey(TypedDict, total=False):
    grace: str


class _RouteCandidate(TypedDict):
    name: str
    model: str
    share: float
    breaker: Any
    calls: int
    failures: int
    in_flight: int


class RouteCandidate(_RouteCandidate, total=False):
    retries: int
    hedges: int
    fallbacks: int
    refused: int
    limit: int
    p50_us: int
    p95_us: int
    p99_us: int
    cooling_us: int


class _RouteFeedback(TypedDict):
    candidate: str


class RouteFeedback(_RouteFeedback, total=False):
    overruled: bool
    reward: float


class _RouteShadow(TypedDict):
    model: str
    calls: int
    agreed: int
    disagreed: int


class RouteShadow(_RouteShadow, total=False):
    failures: int
    dropped: int
    mean_difference: float
    p50_us: int
    p95_us: int
    cost: float


class _RouteStanding(TypedDict):
    name: str
    candidates: List["RouteCandidate"]
    shadows: List["RouteShadow"]
    cache: Dict[str, Any]


class RouteStanding(_RouteStanding, total=False):
    version: str
    canary: Dict[str, Any]
    experiment: Any


class RouteStandings(TypedDict):
    routes: List["RouteStanding"]


class _SetHold(TypedDict):
    name: str
    why: str


class SetHold(_SetHold, total=False):
    decision: str
    pipeline: str
    key: str
    since: str
    until: str
    search: Dict[str, str]


class _Signal(TypedDict):
    name: str


class Signal(_Signal, total=False):
    payload: Any
    why: str


class _Spend(TypedDict):
    scope: Any
    id: str
    currency: str
    spent: str
    reserved: str
    tokens: int


class Spend(_Spend, total=False):
    day: str
    month: str
    reserved_tokens: int


class SpendList(TypedDict):
    accounts: List["Spend"]


class _StartDecision(TypedDict):
    pipeline: str
    input: Any


class StartDecision(_StartDecision, total=False):
    wait: Any


class _Status(TypedDict):
    version: str
    ready: bool
    governance_offset: int
    queue_depth: int
    partitions: List[Dict[str, Any]]


class Status(_Status, total=False):
    reason: str


class Switches(TypedDict):
    killed: List["Killed"]


class _Task(TypedDict):
    lease: str
    type: str
    input: Any
    idempotency_key: str
    effect: str
    attempt: int
    delivery: int
    heartbeat_ms: int


class Task(_Task, total=False):
    deadline_ms: int
    decision: str
    step: str
    tenant: str
    trace: str
    progress: Any


class _TaskAlive(TypedDict):
    cancelled: bool


class TaskAlive(_TaskAlive, total=False):
    why: str
    heartbeat_ms: int


class TaskEnded(TypedDict):
    repeated: bool


class TaskList(TypedDict):
    tasks: List["Task"]


class TensorMetadata(TypedDict):
    name: str
    datatype: str
    shape: List[int]


class _ThrowSwitch(TypedDict):
    action: str
    kind: str
    name: str


class ThrowSwitch(_ThrowSwitch, total=False):
    version: str
    why: str


class _TokenUsage(TypedDict):
    prompt_tokens: int
    total_tokens: int


class TokenUsage(_TokenUsage, total=False):
    completion_tokens: int
    prompt_tokens_details: Dict[str, Any]


class Why(TypedDict, total=False):
    why: str


With = List[str]


class _Worker(TypedDict):
    worker: str
    queue: str
    types: List[str]
    polling: bool
    in_flight: int
    completed: int
    failed: int
    lost: int
    first_seen_at: str
    last_seen_at: str


class Worker(_Worker, total=False):
    version: str


class WorkerList(TypedDict):
    workers: List["Worker"]
    queues: List["WorkerQueue"]


class WorkerQueue(TypedDict):
    queue: str
    waiting: int
    in_flight: int
    polls: int
    oldest_waiting_ms: float
    offered: int
    completed: int
    failed: int
    refused: int
    timed_out: int
    leases_lost: int
