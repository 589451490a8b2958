"""Decides 1,985 real card transactions, kills the server in the middle, and shows that nothing was lost.

Everything goes through the public HTTP API, as a shop's payment service and its fraud desk would use it.
Only Python's standard library is needed.
"""
import argparse
import collections
import csv
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PIPELINE = "risk/card-payment"
QUEUE = "fraud-desk"


def load_transactions():
    with open(os.path.join(HERE, "data", "held-out.txt")) as f:
        held_out = {int(line) for line in f if line.strip() and not line.startswith("#")}
    transactions = []
    with open(os.path.join(HERE, "data", "transactions.csv"), newline="") as f:
        for number, row in enumerate(csv.DictReader(f), start=2):
            payment = {"transaction": f"tx-{number:05d}", "time": float(row["Time"]), "amount": float(row["Amount"])}
            payment.update({f"V{i}": float(row[f"V{i}"]) for i in range(1, 29)})
            transactions.append((payment, row["Class"] == "1", number in held_out))
    return transactions


class Api:
    """One keep-alive connection. Knows nothing of retries: callers decide what may be repeated."""

    def __init__(self, port, key):
        self.port, self.key, self.connection = port, key, None

    def call(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            data = None if body is None else json.dumps(body).encode()
            sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
            if data is not None:
                sent["Content-Type"] = "application/json"
            self.connection.request(method, path, data, sent)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else {}

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Node:
    """The server's process."""

    def __init__(self, binary, data, port, verbose):
        self.binary, self.data, self.port, self.verbose = binary, data, port, verbose
        self.process = None

    def start(self):
        command = [self.binary, "dev", "--data", self.data, "--port", str(self.port), "--log-level", "info" if self.verbose else "warn"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            if self.process.poll() is not None:
                sys.exit(f"the server ended at its start with exit code {self.process.returncode}; its message is above")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    if Api(self.port, "").call("GET", "/readyz")[0] == 200:
                        return time.monotonic() - begun
            except OSError:
                pass
            time.sleep(0.02)
        sys.exit("the server did not become ready within a minute")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def key(self):
        with open(os.path.join(self.data, "development-key")) as f:
            return f.read().strip()


class Progress:
    def __init__(self, total):
        self.total, self.done, self.lock, self.begun = total, 0, threading.Lock(), time.monotonic()
        self.shown = 0.0
        self.live = sys.stdout.isatty()

    def step(self):
        with self.lock:
            self.done += 1
            now = time.monotonic()
            if not self.live or (now - self.shown < 0.05 and self.done < self.total):
                return
            self.shown = now
            width = 40
            full = width * self.done // self.total
            print(f"\r  [{'#' * full}{'.' * (width - full)}] {self.done}/{self.total}", end="", flush=True)

    def end(self):
        print() if self.live else print(f"  {self.done}/{self.total} decisions started")


def repeat(stop, action):
    """Calls action until it succeeds: the server may be away for a moment."""
    while not stop.is_set():
        try:
            status, body = action()
            if status not in (429, 503, 507):
                return status, body
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)
    return 0, {}


def client(node, key, work, results, progress, stop):
    api = Api(node.port, key)
    while True:
        try:
            payment = work.get_nowait()
        except queue.Empty:
            return
        begun = time.monotonic()
        # The key makes the repetition after a crash safe: the same payment is never decided twice.
        headers = {"Idempotency-Key": payment["transaction"]}
        status, body = repeat(stop, lambda: api.call("POST", "/api/v1/decisions", {"pipeline": PIPELINE, "input": payment, "wait": "10s"}, headers))
        if status not in (200, 202):
            sys.stderr.write(f"\n{payment['transaction']}: status {status}: {body.get('detail')}\n")
            stop.set()
            return
        results[payment["transaction"]] = (time.monotonic() - begun, body)
        progress.step()


def reviewer(node, key, truth, stop, answered):
    """The fraud desk: somebody who looks closely and is right."""
    api = Api(node.port, key)
    while not stop.is_set():
        status, body = repeat(stop, lambda: api.call("GET", f"/api/v1/reviews?queue={QUEUE}&unclaimed=true&limit=20"))
        reviews = body.get("reviews", []) if status == 200 else []
        for review in reviews:
            path = f"/api/v1/reviews/{review['id']}"
            try:
                # A short lease: if the server dies between claim and answer, the review is soon free again.
                if api.call("POST", path + "/claim", {"lease_seconds": 5})[0] != 200:
                    continue
                shown = api.call("GET", path)[1]["show"]
                fraud = truth[shown["input"]["transaction"]]
                if api.call("POST", path + "/answer", {"answer": {"fraud": fraud}})[0] == 200:
                    answered.append(review["id"])
            except (OSError, http.client.HTTPException, KeyError):
                break
        if not reviews:
            stop.wait(0.05)


def all_decisions(api):
    found, cursor = [], ""
    while True:
        status, page = api.call("GET", f"/api/v1/decisions?pipeline={PIPELINE.replace('/', '%2F')}&limit=500{cursor}")
        if status != 200:
            sys.exit(f"cannot list the decisions: {page.get('detail')}")
        found += page["decisions"]
        if "next_cursor" not in page:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p))] if values else 0.0


def quality(outcomes):
    """Precision and recall of (said fraud, is fraud)."""
    hits = sum(said and true for said, true in outcomes)
    said = sum(said for said, _ in outcomes)
    true = sum(true for _, true in outcomes)
    return hits / said if said else 0.0, hits / true if true else 0.0


def run(options):
    transactions = load_transactions()
    truth = {payment["transaction"]: fraud for payment, fraud, _ in transactions}
    held_out = {payment["transaction"] for payment, _, held in transactions if held}
    if os.path.exists(options.data):
        if not os.path.exists(os.path.join(options.data, "node.json")):
            sys.exit(f"{options.data} exists and is no data folder of Switchyard; name another one with --data")
        shutil.rmtree(options.data)

    node = Node(options.binary, options.data, options.port, options.verbose)
    print(f"Starting the server ({options.binary})")
    node.start()
    try:
        decide(options, node, transactions, truth, held_out)
    finally:
        node.stop()


def decide(options, node, transactions, truth, held_out):
    key = node.key()
    deployed = subprocess.run([options.binary, "deploy", HERE, "--message", "the example", "--server", f"http://127.0.0.1:{node.port}", "--data", node.data],
                              capture_output=True, text=True)
    if deployed.returncode != 0:
        sys.exit(f"the deployment failed:\n{deployed.stderr}")
    print("Deployed:\n" + "".join(f"  {line}\n" for line in deployed.stdout.splitlines() if line.startswith(("+", "="))), end="")

    work = queue.Queue()
    for payment, _, _ in transactions:
        work.put(payment)
    results, answered, stop = {}, [], threading.Event()
    progress = Progress(len(transactions))
    print(f"Deciding {len(transactions)} card payments")
    begun = time.monotonic()
    clients = [threading.Thread(target=client, args=(node, key, work, results, progress, stop)) for _ in range(options.clients)]
    desk = [threading.Thread(target=reviewer, args=(node, key, truth, stop, answered)) for _ in range(2)]
    for thread in clients + desk:
        thread.start()

    away = 0.0
    if options.crash:
        while progress.done < len(transactions) // 2 and not stop.is_set():
            time.sleep(0.002)
        node.kill()
        killed_at, killed = progress.done, time.monotonic()
        node.start()
        away = time.monotonic() - killed
    for thread in clients:
        thread.join()
    took = time.monotonic() - begun
    progress.end()
    if options.crash:
        print(f"  kill -9 after {killed_at} decisions; the server was back, with everything it had promised, in {away * 1000:.0f} ms")
    if stop.is_set():
        sys.exit("the example failed; the message is above")

    # Wait for the fraud desk, then ask the server for everything.
    api = Api(node.port, key)
    deadline = time.monotonic() + 60
    decisions = all_decisions(api)
    while any(d["status"] in ("running", "waiting") for d in decisions) and time.monotonic() < deadline:
        time.sleep(0.1)
        decisions = all_decisions(api)
    stop.set()
    for thread in desk:
        thread.join()

    outcome, cost, by = {}, 0.0, collections.Counter()
    counts = collections.Counter(d["search"]["transaction"] for d in decisions)
    for d in decisions:
        whole = api.call("GET", f"/api/v1/decisions/{d['id']}")[1]
        cost += whole["cost"]
        if whole["status"] != "completed":
            sys.exit(f"decision {d['id']} is {whole['status']}: {whole.get('error')}")
        outcome[d["search"]["transaction"]] = whole["output"]["fraud"]
        by[whole["output"]["by"]] += 1
    missing = [t for t in truth if counts[t] == 0]
    twice = [t for t in truth if counts[t] > 1]
    if missing or twice:
        sys.exit(f"lost: {missing[:5]}, decided twice: {twice[:5]}")
    replay = api.call("POST", "/api/v1/replays", {"pipeline": PIPELINE})[1]

    latencies = [seconds for seconds, _ in results.values() if seconds < away or away == 0.0] or [0.0]
    p_all, r_all = quality([(outcome[t], truth[t]) for t in truth])
    p_held, r_held = quality([(outcome[t], truth[t]) for t in held_out])
    rows = [
        ("decisions", f"{len(decisions)}, each once" + (" although the server was killed" if options.crash else "")),
        ("answered by rules", f"{by['rules']}"),
        ("answered by models", f"{by['fraud-light']} fraud-light, {by['fraud-heavy']} fraud-heavy"),
        ("answered by people", f"{by['people']}"),
        ("precision, recall", f"{p_held:.3f}, {r_held:.3f} on the {len(held_out)} payments no model was trained on"),
        ("", f"{p_all:.3f}, {r_all:.3f} on all"),
        ("latency p50, p99", f"{percentile(latencies, .5) * 1000:.2f} ms, {percentile(latencies, .99) * 1000:.2f} ms with {options.clients} callers"),
        ("decisions per second", f"{len(transactions) / max(took - away, 1e-9):.0f} (as fast as this Python client asks; see docs/performance.md)"),
        ("model cost per decision", f"{cost / len(decisions):.6f} EUR"),
        ("replayed", f"{replay['identical']} of {replay['replayed']} identical, byte for byte"),
    ]
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    if replay["identical"] != len(decisions):
        sys.exit(f"replay found differences: {json.dumps(replay['examples'][:1] or replay['failures'][:1])}")
    example = next((d for d in decisions if outcome[d["search"]["transaction"]]), decisions[0])
    server = f"--data {os.path.relpath(node.data)}"
    print(f"""
Next: start the server again and look at a decision, ask why, and what another model would have said.
  {os.path.relpath(options.binary)} dev {server}
  {os.path.relpath(options.binary)} inspect {example['id']} {server}
  {os.path.relpath(options.binary)} replay {example['id']} {server}
The pipeline is examples/card-fraud/card-payment.pipeline.yaml; docs/language.md explains it.""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="switchyard")
    parser.add_argument("--data", default="card-fraud-data", help="folder of the example's server; replaced at each run")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--no-crash", dest="crash", action="store_false", help="do not kill the server in the middle")
    parser.add_argument("--verbose", action="store_true", help="show the server's log")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
