"""Asks a content desk for 40 texts, edits as its editor what is put before people, and prints what it cost.

Everything goes through the public HTTP API. Only Python's standard library is needed.

CONTENT_DESK_LLM_URL   any OpenAI-compatible server, such as http://127.0.0.1:11434/v1; without it stand_in.py writes
CONTENT_DESK_LLM_KEY   its API key, if it wants one
CONTENT_DESK_LLM_MODEL the model there; left out: the first that the server lists
"""
import argparse
import collections
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import stand_in

HERE = os.path.dirname(os.path.abspath(__file__))
PIPELINE = "content/draft"
REVIEW_COST = 3.5  # EUR, as content.costs.yaml has it


class Node:
    """The server's process, and calls of its API."""

    def __init__(self, binary, data, port, verbose):
        self.binary, self.data, self.port, self.verbose, self.process = binary, data, port, verbose, None

    def start(self):
        command = [self.binary, "dev", "--data", self.data, "--port", str(self.port), "--log-level", "info" if self.verbose else "warn"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"the server ended at its start with exit code {self.process.returncode}; its message is above")
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        sys.exit("the server did not become ready within a minute")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def key(self):
        path = os.path.join(self.data, "development-key")
        if not os.path.exists(path):
            return ""
        with open(path) as f:
            return f.read().strip()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Authorization": f"Bearer {self.key()}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else {}
        finally:
            connection.close()

    def get(self, path):
        status, body = self.call("GET", path)
        if status != 200:
            sys.exit(f"GET {path} gave {status}: {body.get('detail')}")
        return body

    def post(self, path, body, good=(200, 202)):
        status, answer = self.call("POST", path, body)
        if status not in good:
            sys.exit(f"POST {path} gave {status}: {answer.get('detail')}")
        return answer


def first_model(url, key):
    request = urllib.request.Request(url.rstrip("/") + "/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"][0]["id"]
    except (OSError, ValueError, LookupError) as mistake:
        sys.exit(f"{url} does not list its models ({mistake}); name one with CONTENT_DESK_LLM_MODEL")


def documents(folder, writers):
    """A copy of this folder's documents for the writer that is configured. Returns what to call the writer, and the stand-ins."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("data", "*.py", "__pycache__", ".venv", "*.md", "run"))

    def rewrite(file, *changes):
        path = os.path.join(folder, file)
        with open(path) as f:
            text = f.read()
        for old, new in changes:
            if old not in text:
                sys.exit(f"{file} does not say '{old}' any more; correct demo.py")
            text = text.replace(old, new)
        with open(path, "w") as f:
            f.write(text)

    spare = stand_in.StandIn(writers[1])
    rewrite("writer-spare.backend.yaml", ("127.0.0.1:7095", f"127.0.0.1:{spare.port}"))
    url, key = os.environ.get("CONTENT_DESK_LLM_URL"), os.environ.get("CONTENT_DESK_LLM_KEY", "")
    if not url:
        main = stand_in.StandIn(writers[0])
        rewrite("writer-main.backend.yaml", ("127.0.0.1:7096", f"127.0.0.1:{main.port}"))
        return None, [main, spare]
    model = os.environ.get("CONTENT_DESK_LLM_MODEL") or first_model(url, key)
    changes = [("http://127.0.0.1:7096/v1", json.dumps(url))]
    if urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        changes.append(("class: in_house", "class: vendor\nvendor: writer\nprivacy: writers"))
    if key:
        changes.append(("timeout_ms:", "auth: { bearer: { env: CONTENT_DESK_LLM_KEY } }\ntimeout_ms:"))
    rewrite("writer-main.backend.yaml", *changes)
    rewrite("writer-main.model.yaml", ("remote: { model: writer }", f"remote: {{ model: {json.dumps(model)} }}"))
    return f"{model} at {url}", [None, spare]


def requests(count):
    """Every brief once, then some of them again: other people ask for what was asked before."""
    with open(os.path.join(HERE, "briefs.json")) as f:
        briefs = json.load(f)
    again = random.Random(4)
    asked = briefs[:count] + [again.choice(briefs) for _ in range(count - len(briefs))]
    return [{"request": f"r-{number:03d}", "brief": brief} for number, brief in enumerate(asked, 1)]


SCAM = re.compile(r"(?i)\b(winner|prize|claim|urgent|chance to win|cash)\b|\b0\d{9,}\b")


def edit(draft):
    """The editor of the demonstration: throws away what reads like a scam, and cuts out boasts. Stands for a person."""
    text = f"{draft['title']} {draft['summary']} {draft['body']}"
    if SCAM.search(text):
        return {"publish": False, "note": "reads like a scam; write it anew, plainly"}
    sentences = re.findall(r"[^.!?]+[.!?]+\s*", draft["body"])
    kept = "".join(s for s in sentences if "!" not in s).strip()
    if kept and kept != draft["body"]:
        return {"publish": True, "body": kept, "note": "boasts cut out"}
    return {"publish": True}


def edit_reviews(node, leave):
    """Answers all questions but some. Returns what was done to how many."""
    done = collections.Counter()
    open_ones = node.get("/api/v1/reviews?queue=editors&unclaimed=true&limit=500")["reviews"]
    for review in open_ones[:max(0, len(open_ones) - leave)]:
        path = f"/api/v1/reviews/{review['id']}"
        node.post(path + "/claim", {})
        answer = edit(node.get(path)["show"]["draft"])
        node.post(path + "/answer", {"answer": answer})
        done["thrown away" if not answer["publish"] else "published, with boasts cut out" if "body" in answer else "published as it was"] += 1
    return done, min(leave, len(open_ones))


def settled(node, ids, waiting):
    """The decisions' records, once all but the waiting ones have ended."""
    deadline = time.monotonic() + 60
    while True:
        runs = [node.get(f"/api/v1/decisions/{each}") for each in ids]
        if sum(run["status"] not in ("completed", "failed") for run in runs) <= waiting or time.monotonic() > deadline:
            return [(run, node.get(f"/api/v1/decisions/{run['id']}/record")) for run in runs]
        time.sleep(0.1)


def euros(value):
    return f"{value:.6f} EUR"


def report(node, runs, edited, waiting):
    by_origin, cost = collections.Counter(), collections.defaultdict(list)
    served, repaired, heavy, saved, automatic = collections.Counter(), 0, 0, 0.0, 0
    costs = {run["id"]: record["cost"] for run, record in runs}
    drafts = {}
    for run, record in runs:
        steps = {step["name"]: step for step in record["steps"]}
        by = steps["draft"]["by"]
        # A record says how a call was routed where there was anything to decide: not where the first one asked answered.
        cached = by.get("routing", {}).get("cache", {})
        hit = cached.get("hit", False)
        origin = "cache" if hit else by["model"].split("@")[0].removeprefix("writer-")
        by_origin[origin] += 1
        cost[origin].append(record["cost"])
        served[by.get("served_by", by["model"])] += 1
        repaired += not hit and len(by["prompt"]["attempts"]) > 1
        drafts[run["id"]] = by.get("cost", 0.0)
        if hit:
            saved += drafts.get(cached["decision"], 0.0)
        heavy += steps["compliance"]["gave"]["tier"] == "heavy"
        automatic += steps["editor"]["status"] == "skipped"
    total, people = sum(costs.values()), len(runs) - automatic
    account = next(a for a in node.get("/api/v1/spend")["accounts"] if a["id"] == "draft-writer" and "day" in a)
    replay = node.post("/api/v1/replays", {"pipeline": PIPELINE})
    rows = [("decisions", str(len(runs)))]
    rows += [("served_by" if i == 0 else "", f"{n} x {who}") for i, (who, n) in enumerate(served.most_common())]
    rows += [(f"drafts from {origin}", f"{n}, {euros(sum(cost[origin]) / n)} each, checks included") for origin, n in by_origin.most_common()]
    rows += [
        ("answers that did not fit", f"{repaired}, asked for again"),
        ("compliance", f"{len(runs) - heavy} by the light model alone, {heavy} by the heavy one"),
        ("published at once", f"{automatic}"),
        ("put before an editor", f"{people}: " + ", ".join([f"{n} {what}" for what, n in edited.most_common()] + [f"{waiting} still open"])),
        ("models, in total", euros(total)),
        ("models, per decision", euros(total / len(runs))),
        ("saved by the cache", euros(saved)),
        ("editors", f"{people} x {REVIEW_COST:.2f} = {people * REVIEW_COST:.2f} EUR, as content.costs.yaml prices a look"),
        ("spent of 5 EUR a day", f"{account['spent']} {account['currency']} by the route draft-writer"),
        ("replayed", f"{replay['identical']} of {replay['replayed']} identical, byte for byte"),
    ]
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    failed = [run["id"] for run, _ in runs if run["status"] == "failed"]
    if replay["identical"] != replay["replayed"] or failed:
        sys.exit(f"replay differs or decisions failed: {json.dumps(replay['examples'][:1])} {failed}")


def decide(options, node, faults):
    asked = requests(options.requests)
    print(f"Asking for {len(asked)} texts")
    ids = []
    for number, each in enumerate(asked, 1):
        if number == 11 and faults is not None:
            faults.faults += [503, 503]
            print("  the writer fails twice: the route's spare answers instead")
        run = node.post("/api/v1/decisions", {"pipeline": PIPELINE, "input": each, "wait": "80s"})
        if run["status"] == "failed":
            sys.exit(f"{each['request']} failed: {node.get('/api/v1/decisions/' + run['id'])['error']}")
        ids.append(run["id"])
    edited, waiting = edit_reviews(node, options.leave)
    report(node, settled(node, ids, waiting), edited, waiting)
    return ids


def run(options):
    if os.path.exists(options.data):
        if not os.path.exists(os.path.join(options.data, "node.json")):
            sys.exit(f"{options.data} exists and is no data folder of Switchyard; name another one with --data")
        shutil.rmtree(options.data)
    folder = options.data.rstrip("/") + "-documents"
    writer, stand_ins = documents(folder, (options.writer_port, options.spare_port))
    if writer is None:
        print("NO LANGUAGE MODEL IS CONFIGURED: stand_in.py writes the drafts, from templates. Its answers say so, and so do the records\n"
              f"(served_by: {stand_in.SERVED_BY}). Set CONTENT_DESK_LLM_URL for a real one. Costs below are what a small hosted\n"
              "model would have cost for as many tokens.")
    else:
        print(f"Drafts are written by {writer}; when it fails, by the stand-in, from templates")
    node = Node(options.binary, options.data, options.port, options.verbose)
    print(f"Starting the server ({options.binary})")
    try:
        node.start()
        deployed = subprocess.run([options.binary, "deploy", folder, "--message", "the example", "--server", f"http://127.0.0.1:{node.port}", "--data", node.data],
                                  capture_output=True, text=True)
        if deployed.returncode != 0:
            sys.exit(f"the deployment failed:\n{deployed.stderr}")
        print(deployed.stdout.splitlines()[-1])
        ids = decide(options, node, stand_ins[0])
    finally:
        node.stop()
        for each in stand_ins:
            if each is not None:
                each.stop()
    binary, data = os.path.relpath(options.binary), f"--data {os.path.relpath(options.data)}"
    print(f"""
Next: start the server again, look at a decision, and answer a review that is still open.
  {binary} dev {data}
  {binary} spend {data}
  {binary} inspect {ids[0]} {data}
  {binary} review list --queue editors {data}
The pipeline is examples/content-desk/content-draft.pipeline.yaml; README.md explains it.""")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="switchyard")
    parser.add_argument("--data", default="content-desk-data", help="folder of the example's server; replaced at each run")
    parser.add_argument("--port", type=int, default=7072, help="of the server; 0: any that is free")
    parser.add_argument("--writer-port", type=int, default=7096, help="of the stand-in; 0: any that is free")
    parser.add_argument("--spare-port", type=int, default=7095, help="of the stand-in that is the spare; 0: any that is free")
    parser.add_argument("--requests", type=int, default=40, help="how many texts to ask for")
    parser.add_argument("--leave", type=int, default=2, help="how many reviews the editor leaves open")
    parser.add_argument("--verbose", action="store_true", help="show the server's log")
    options = parser.parse_args()
    options.port = options.port or free_port()
    if options.requests < 1:
        parser.error("--requests must be 1 or more")
    run(options)


if __name__ == "__main__":
    main()
