"""The real binary under kill -9.

Loads a server with runs whose HTTP effects are counted by a server of this test, kills it at random moments, and then
shows: every acknowledged run is there and finishes, every effect ran at least once with a stable idempotency key, and no
acknowledged answer changed.

  kill_test.py --binary build/release/bin/switchyard [--kills 30] [--seed N]
"""
import argparse
import collections
import http.client
import http.server
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from server_process import Server

OPTIONS = None

PIPELINES = {
    "effects.pipeline.yaml": """
pipeline: system/effects@1.0.0
input: { schema: { type: object, required: [number, base], properties: { number: { type: integer }, base: { type: string } } } }
search: { number: input.number }
steps:
  first: { set: { double: input.number * 2 } }
  charge:
    http: { method: POST, url: "input.base + '/charge/' + string(input.number)", body: { number: input.number, double: first.double }, effect: effectful }
    retry: { attempts: 20, backoff: 20ms..500ms }
  store:
    after: charge
    http: { method: PUT, url: "input.base + '/store/' + string(input.number)", body: { number: input.number }, effect: idempotent }
    retry: { attempts: 20, backoff: 20ms..500ms }
output: { number: input.number, double: first.double, charged: charge.status, stored: store.status }
""",
    "parked.pipeline.yaml": """
pipeline: system/parked@1.0.0
input: { schema: { type: object, required: [number], properties: { number: { type: integer } } } }
steps:
  pause: { wait: 1s }
  opinion:
    after: pause
    review: { queue: desk, form: { type: object, required: [yes], properties: { yes: { type: boolean } } }, show: [input], due: 2s, on_breach: { answer: { yes: true } } }
output: { number: input.number, yes: opinion.yes }
""",
}


class Effects(http.server.BaseHTTPRequestHandler):
    """Counts what reaches the outside, by path and idempotency key."""
    protocol_version = "HTTP/1.1"
    calls = collections.defaultdict(collections.Counter)
    lock = threading.Lock()

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with Effects.lock:
            Effects.calls[self.path][self.headers.get("Idempotency-Key")] += 1
        body = b'{"ok":true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = answer

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the server under test was killed in the middle of its call

    def log_message(self, *_):
        pass


class Load(threading.Thread):
    """Starts runs with keys of its own, and keeps what the server acknowledged."""

    def __init__(self, server, base, worker, stop):
        super().__init__()
        self.server, self.base, self.worker, self.stop_event = server, base, worker, stop
        self.acknowledged = {}     # key → (id, output or None)
        self.sent = set()
        self.wrong = []

    def run(self):
        number = 0
        while not self.stop_event.is_set():
            key = f"{self.worker}-{number}"
            parked = number % 5 == 4
            value = self.worker * 1_000_000 + number
            body = {"pipeline": "system/parked" if parked else "system/effects",
                    "input": {"number": value} if parked else {"number": value, "base": self.base}}
            if not parked and number % 2 == 0:
                body["wait"] = "5s"
            self.sent.add(value)
            # Sometimes nothing is heard: the request is then repeated with its key, as a client would.
            while not self.stop_event.is_set():
                try:
                    status, answer = self.server.call("POST", "/api/v1/decisions", body, {"Idempotency-Key": key})
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if status in (200, 202):
                    self.note(key, answer)
                    break
                if status not in (429, 503, 507):
                    self.wrong.append((key, status, answer))
                    return
            number += 1

    def note(self, key, answer):
        earlier = self.acknowledged.get(key)
        if earlier is not None and earlier[0] != answer["id"]:
            self.wrong.append((key, "two ids", earlier[0], answer["id"]))
        self.acknowledged[key] = (answer["id"], answer.get("output"))


class KillTest(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_and_no_answer_changes(self):
        rng = random.Random(OPTIONS.seed)
        folder = tempfile.mkdtemp(prefix="switchyard-kill-")
        outside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Effects)
        threading.Thread(target=outside.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{outside.server_port}"
        server = Server(OPTIONS.binary, folder)
        server.start()
        documents = os.path.join(folder, "documents")
        os.mkdir(documents)
        for name, text in PIPELINES.items():
            with open(os.path.join(documents, name), "w") as f:
                f.write(text)
        subprocess.run([server.binary, "deploy", documents, "--server", f"http://127.0.0.1:{server.port}", "--data", server.data], check=True, stdout=subprocess.DEVNULL)

        stop = threading.Event()
        loads = [Load(server, base, worker, stop) for worker in range(4)]
        for load in loads:
            load.start()
        for _ in range(OPTIONS.kills):
            time.sleep(rng.uniform(0.05, 0.8))
            server.kill()
            server.start()
        time.sleep(0.5)
        stop.set()
        for load in loads:
            load.join()
        for load in loads:
            self.assertEqual(load.wrong, [])

        acknowledged = {key: value for load in loads for key, value in load.acknowledged.items()}
        self.assertGreater(len(acknowledged), OPTIONS.kills, "the load was too small to show anything")
        deadline = time.monotonic() + 120
        finished = {}
        for key, (run, output) in acknowledged.items():
            while True:
                status, answer = server.call("GET", f"/api/v1/decisions/{run}?wait=5s")
                self.assertEqual(status, 200, f"acknowledged run {run} is lost: {answer}")
                if answer["status"] not in ("running", "waiting"):
                    break
                self.assertLess(time.monotonic(), deadline, f"run {run} does not finish: {answer}")
            self.assertEqual(answer["status"], "completed", answer)
            if output is not None:
                self.assertEqual(answer["output"], output, f"the acknowledged answer of {run} changed")
            finished[run] = answer["output"]
        self.assertEqual(len(finished), len(acknowledged), "two keys share a run")

        for run, output in finished.items():
            if "charged" not in output:
                continue
            for effect in ("charge", "store"):
                keys = Effects.calls[f"/{effect}/{output['number']}"]
                self.assertEqual(set(keys), {f"{run}/{effect}/1"}, "an effect runs at least once, always with its one key")
        repeated = sum(1 for keys in Effects.calls.values() for n in keys.values() if n > 1)

        for name in ("system/effects", "system/parked"):
            status, replay = server.call("POST", "/api/v1/replays", {"pipeline": name})
            self.assertEqual(status, 200, replay)
            self.assertEqual(replay["identical"], replay["replayed"], (replay["examples"] or replay["failures"])[:1])
        server.stop()
        outside.shutdown()
        shutil.rmtree(folder)
        print(f"{OPTIONS.kills} kills, {len(acknowledged)} acknowledged runs, {repeated} effects repeated with their key")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None)
    OPTIONS, rest = parser.parse_known_args()
    if OPTIONS.seed is None:
        OPTIONS.seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {OPTIONS.seed}")
    unittest.main(argv=[sys.argv[0], *rest])
