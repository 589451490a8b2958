#!/usr/bin/env python3
"""Workers through the real binary and the Python package: what they do, and what becomes of it when they, or the server, die.

  python3 tests/system/workers_test.py --binary build/release/bin/switchyard
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from server_process import Server

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parent.parent / "sdk" / "python" / "src"
sys.path.insert(0, str(SDK))
import switchyard  # noqa: E402

OPTIONS = argparse.Namespace(binary="", rounds=4, decisions=60)

PIPELINES = {
    "letter.pipeline.yaml": """
pipeline: work/letter@1.0.0
input: { schema: { type: object, properties: { to: { type: string } }, required: [to] } }
steps:
  letter:
    try:
      steps:
        sent:
          task: { type: send-letter, queue: post, effect: idempotent, heartbeat: 2s, result: { type: object, properties: { pages: { type: number } }, required: [pages] } }
          input: { to: input.to }
          timeout: 60s
          retry: { attempts: 3, backoff: 10ms..10ms }
      output: { pages: sent.pages }
    catch:
      - on: letter.*
        steps: { none: { set: { pages: -1.0 } } }
        output: { pages: none.pages }
output: { pages: letter.pages }
""",
    "slow.pipeline.yaml": """
pipeline: work/slow@1.0.0
input: {}
steps: { done: { task: { type: slow, queue: post, heartbeat: 1s }, timeout: 120s } }
output: { done: done }
""",
    "three.pipeline.yaml": """
pipeline: work/three@1.0.0
input: { schema: { type: object, properties: { n: { type: integer } }, required: [n] } }
steps:
  a: { task: { type: pure, effect: pure, heartbeat: 3s }, input: { n: input.n }, timeout: 300s, retry: { attempts: 20, backoff: 20ms..200ms } }
  b: { task: { type: same, effect: idempotent, heartbeat: 3s }, input: { n: input.n, a: a }, timeout: 300s, retry: { attempts: 20, backoff: 20ms..200ms } }
  c: { task: { type: once, effect: effectful, heartbeat: 3s }, input: { n: input.n, b: b }, timeout: 300s, retry: { attempts: 20, backoff: 20ms..200ms } }
output: { a: a, b: b, c: c }
""",
}

# Writes down, before it acts and after it was heard, what it did.
WORKER = """
import json, logging, os, random, sys, threading, time
import switchyard

url, log = sys.argv[1:3]
lock, out = threading.Lock(), open(log, "a", buffering=1)
worker = switchyard.Worker(url, os.environ["KEY"], concurrency=4, poll_wait=2)

def note(what, task, value):
    with lock:
        out.write(json.dumps({"what": what, "key": task.idempotency_key, "type": task.type, "decision": task.decision, "value": value}) + "\\n")

say = worker._say
def heard(task, what, body, patience=None):
    told = say(task, what, body, patience)
    if told and what == "complete":
        note("heard", task, body["result"])
    return told
worker._say = heard

def act(input, task):
    value = f"{task.type}-{input['n']}-{random.randrange(10**9)}"
    note("begun", task, value)
    time.sleep(random.uniform(0.005, 0.12))
    return value

for each in ("pure", "same", "once"):
    worker.activity(each)(act)
worker.run()
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="switchyard-workers-")
        self.addCleanup(self.folder.cleanup)
        self.server = Server(OPTIONS.binary, self.folder.name)
        self.server.start()
        self.addCleanup(self.end_server)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.client = switchyard.Client(self.url, self.server.key())
        self.addCleanup(self.client.close)
        self.client.deploy(PIPELINES, message="test")
        self.key = subprocess.run([OPTIONS.binary, "keys", "create", "--data", self.server.data, "--name", "worker", "--role", "worker"],
                                  capture_output=True, text=True, check=True).stdout.strip()
        # A running server knows a new key within a second.
        with switchyard.Client(self.url, self.key) as asking:
            self.until(lambda: self.is_let_in(asking))

    @staticmethod
    def is_let_in(client):
        try:
            client._call("POST", "/api/v1/workers/nothing/poll", body={"worker": "first"})
        except switchyard.Unauthenticated:
            return False
        return True

    def end_server(self):
        if self.server.process.poll() is None:
            self.server.stop()
        self.server.log.close()

    def worker(self, **options):
        worker = switchyard.Worker(self.url, self.key, poll_wait=1, **options)
        self.addCleanup(worker.stop)
        return worker

    def until(self, holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, "it did not happen")
            time.sleep(0.01)


class Work(Case):
    def test_results_failures_and_what_is_shown(self):
        worker = self.worker(queue="post", version="1.4.0", name="w1")
        seen = []

        @worker.activity("send-letter")
        def send(input, task):
            seen.append((input["to"], task.idempotency_key, task.attempt))
            if input["to"] == "nowhere":
                raise switchyard.TaskFailure("no such street", code="letter.bounced", retryable=False)
            if input["to"] == "later" and task.attempt < 3:
                raise switchyard.TaskFailure("closed", code="post.closed", retry_after=0.3)
            return {"pages": len(input["to"])} if input["to"] != "odd" else {"pages": "many"}

        worker.start()
        done = self.client.start("work/letter", {"to": "home"}, wait="20s")
        self.assertEqual(done.result(), {"pages": 4.0})
        record = self.client.record(done.id)
        self.assertIn("w1", json.dumps(record))
        self.assertTrue(self.client.replay(done.id)["identical"], self.client.replay(done.id))

        self.assertEqual(self.client.start("work/letter", {"to": "nowhere"}, wait="20s").result(), {"pages": -1.0})

        begun = time.monotonic()
        later = self.client.start("work/letter", {"to": "later"}, wait="20s")
        self.assertEqual(later.result(), {"pages": 5.0})
        self.assertGreater(time.monotonic() - begun, 0.6)
        attempts = [(key, attempt) for to, key, attempt in seen if to == "later"]
        self.assertEqual([attempt for _, attempt in attempts], [1, 2, 3])
        self.assertEqual(len({key for key, _ in attempts}), 1)
        self.assertTrue(self.client.replay(later.id)["identical"], self.client.replay(later.id))

        odd = self.client.start("work/letter", {"to": "odd"}, wait="20s")
        self.assertEqual((odd.status, odd.error.code), ("failed", "task.unexpected_result"))

        listed = self.client.workers()
        self.assertEqual([(each["worker"], each["queue"], each["version"], each["types"]) for each in listed["workers"] if each["queue"] == "post"],
                         [("w1", "post", "1.4.0", ["send-letter"])])
        metrics = self.client.metrics()
        self.assertIn('switchyard_worker_tasks_completed_total{queue="post"}', metrics)
        shown = subprocess.run([OPTIONS.binary, "workers", "--server", self.url, "--api-key", self.server.key()], capture_output=True, text=True, check=True)
        self.assertIn("w1", shown.stdout)
        self.assertIn("post", shown.stdout)

    def test_a_cancelled_decision_reaches_its_worker(self):
        worker = self.worker(queue="post")
        begun, told = threading.Event(), []

        @worker.activity("slow")
        async def slow(input, task):
            begun.set()
            try:
                await asyncio.sleep(100)
            finally:
                told.append(task.cancelled_why)

        worker.start()
        run = self.client.start("work/slow", {})
        self.assertTrue(begun.wait(30))
        self.client.cancel(run.id, "changed my mind")
        self.until(lambda: told)
        self.assertIn("changed my mind", told[0])
        self.assertEqual(self.client.wait(run.id, timeout=30).status, "cancelled")

    def test_what_may_not_be_repeated_silently_fails_with_its_worker(self):
        raw = switchyard.Client(self.url, self.key)
        self.addCleanup(raw.close)
        run = self.client.start("work/slow", {})
        poll = {"worker": "gone", "types": ["slow"], "wait": "20s"}
        tasks = raw._call("POST", "/api/v1/workers/post/poll", body=poll, wait=20).json()["tasks"]
        self.assertEqual((len(tasks), tasks[0]["effect"]), (1, "effectful"))
        ended = self.client.wait(run.id, timeout=60)
        self.assertEqual((ended.status, ended.error.code), ("failed", "task.lost"))
        with self.assertRaises(switchyard.Conflict) as caught:
            raw._call("POST", f"/api/v1/workers/tasks/{tasks[0]['lease']}/complete", body={"result": 1})
        self.assertEqual(caught.exception.code, "workers.lease_lost")

    def test_a_poll_that_hung_up_takes_no_task(self):
        from switchyard._transport import Cancel, Transport
        transport, cancel = Transport(self.url, self.key), Cancel()
        self.addCleanup(transport.close)

        def ask():
            try:
                transport.request("POST", "/api/v1/workers/post/poll", body={"worker": "gone", "wait": "60s"}, wait=60, cancel=cancel)
            except switchyard.TransportError:
                pass

        thread = threading.Thread(target=ask)
        thread.start()
        self.until(lambda: any(queue["polls"] for queue in self.client.workers()["queues"]))
        cancel.cancel()
        thread.join()
        self.until(lambda: not any(queue["polls"] for queue in self.client.workers()["queues"]))
        worker = self.worker(queue="post")
        worker.activity("slow")(lambda input: "quick")
        worker.start()
        self.assertEqual(self.client.start("work/slow", {}, wait="20s").result(), {"done": "quick"})

    def test_an_orderly_stop_leaves_the_work_to_go_on(self):
        worker = self.worker(queue="post")
        begun, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        @worker.activity("slow")
        def slow(input):
            begun.set()
            go.wait(60)
            return "over the restart"

        worker.start()
        run = self.client.start("work/slow", {})
        self.assertTrue(begun.wait(30))
        self.server.stop()
        self.server.start()
        go.set()
        self.assertEqual(self.client.wait(run.id, timeout=60).result(), {"done": "over the restart"})


# A model of scikit-learn, as an activity and as a version of a model.
IRIS = """
import os, sys
import switchyard
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

data = load_iris()
model = LogisticRegression(max_iter=1000).fit(data.data, data.target)
worker = switchyard.Worker(sys.argv[1], os.environ["KEY"], queue="sklearn", version="lr-1")

@worker.model("iris", version="1.0.0")
@worker.activity("classify-iris")
def classify(input):
    row = [[input["sepal_length"], input["sepal_width"], input["petal_length"], input["petal_width"]]]
    chances = model.predict_proba(row)[0]
    best = int(chances.argmax())
    return {"kind": str(data.target_names[best]), "sure": float(chances[best])}

worker.run()
"""

FLOWER = """
pipeline: work/flower@1.0.0
input: {}
steps:
  kind:
    task: { type: classify-iris, queue: sklearn, effect: pure, result: { type: object, properties: { kind: { type: string }, sure: { type: number } }, required: [kind, sure] } }
    input: input
    timeout: 60s
  look: { when: kind.sure < 0.9, fail: { code: flower.unsure, message: kind.kind } }
output: { kind: kind.kind }
"""


MEASURES = "{ type: object, properties: { sepal_length: { type: number }, sepal_width: { type: number }, petal_length: { type: number }, " \
           "petal_width: { type: number } }, required: [sepal_length, sepal_width, petal_length, petal_width] }"
SERVED = {
    "sklearn.backend.yaml": "backend: sklearn@1.0.0\nprotocol: worker\nqueue: sklearn\n",
    "iris.model.yaml": f"""
model: iris@1.0.0
backend: sklearn
kind: value
input: {{ schema: {MEASURES} }}
output:
  schema: {{ type: object, properties: {{ kind: {{ type: string }}, sure: {{ type: number }} }}, required: [kind, sure] }}
  kind: body.kind
  sure: body.sure
cost: {{ per_call: 0.5, currency: EUR }}
""",
    "iris.pipeline.yaml": f"""
pipeline: work/iris@1.0.0
input: {{ schema: {MEASURES} }}
steps: {{ flower: {{ model: iris, input: input, timeout: 60s }} }}
output: {{ kind: flower.kind, sure: flower.sure > 0.9 }}
""",
}


class Sklearn(Case):
    def test_a_model_of_scikit_learn_decides(self):
        self.client.deploy({"flower.pipeline.yaml": FLOWER})
        script = os.path.join(self.folder.name, "iris.py")
        pathlib.Path(script).write_text(IRIS)
        worker = subprocess.Popen([sys.executable, script, self.url], env=dict(os.environ, PYTHONPATH=str(SDK), KEY=self.key))
        self.addCleanup(lambda: (worker.kill(), worker.wait()))
        setosa = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
        unsure = {"sepal_length": 6.0, "sepal_width": 2.7, "petal_length": 5.1, "petal_width": 1.6}
        run = self.client.start("work/flower", setosa)
        self.assertEqual(self.client.wait(run.id, timeout=60).result(), {"kind": "setosa"})
        self.assertEqual(self.client.start("work/flower", unsure, wait="30s").error.code, "flower.unsure")
        self.client.deploy(SERVED)
        asked = self.client.start("work/iris", setosa, wait="30s")
        self.assertEqual((asked.result(), asked.cost), ({"kind": "setosa", "sure": True}, 0.5))
        self.assertEqual(self.client.start("work/iris", unsure, wait="30s").result()["sure"], False)
        self.assertTrue(self.client.replay(asked.id)["identical"])
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(30), 0)


class Deaths(Case):
    def test_kill_9_while_workers_hold_leases_loses_nothing(self):
        log = os.path.join(self.folder.name, "worker.log")
        script = os.path.join(self.folder.name, "worker.py")
        pathlib.Path(script).write_text(WORKER)
        environment = dict(os.environ, PYTHONPATH=str(SDK), KEY=self.key)
        workers = [subprocess.Popen([sys.executable, script, self.url, log], env=environment, stderr=subprocess.DEVNULL) for _ in range(2)]
        self.addCleanup(lambda: [each.kill() or each.wait() for each in workers])
        chance = random.Random(int(os.environ.get("SEED", "1")))

        runs = []
        killed_with_leases = 0
        for _ in range(OPTIONS.rounds):
            for n in range(OPTIONS.decisions // OPTIONS.rounds):
                runs.append((self.client.start("work/three", {"n": len(runs)}, idempotency_key=f"k-{len(runs)}").id, len(runs)))
            time.sleep(chance.uniform(0.2, 1.0))
            killed_with_leases += sum(queue["in_flight"] for queue in self.client.workers()["queues"])
            self.server.kill()
            # One worker dies with the server, now and then, and another comes.
            if chance.random() < 0.5:
                workers[0].kill()
                workers[0].wait()
                workers[0] = subprocess.Popen([sys.executable, script, self.url, log], env=environment, stderr=subprocess.DEVNULL)
            self.server.start()
        self.assertGreater(killed_with_leases, 0)

        outputs = {}
        for run, n in runs:
            ended = self.client.wait(run, timeout=300)
            outputs[run] = ended.result()
            for name, kind in (("a", "pure"), ("b", "same"), ("c", "once")):
                self.assertTrue(outputs[run][name].startswith(f"{kind}-{n}-"), outputs[run])
        for each in workers:
            each.send_signal(signal.SIGTERM)
        for each in workers:
            self.assertEqual(each.wait(60), 0)

        lines = [json.loads(line) for line in pathlib.Path(log).read_text().splitlines()]
        begun, heard = {}, {}
        for line in lines:
            (begun if line["what"] == "begun" else heard).setdefault(line["key"], []).append(line)
        names = {"pure": "a", "same": "b", "once": "c"}
        for key, told in heard.items():
            # What was answered is what was recorded, whatever was begun beside it.
            self.assertEqual({line["value"] for line in told}, {outputs[told[0]["decision"]][names[told[0]["type"]]]}, key)
        for run, _ in runs:
            for kind, name in names.items():
                values = {line["value"] for line in lines if line["decision"] == run and line["type"] == kind and line["what"] == "begun"}
                self.assertIn(outputs[run][name], values)
        # An effectful task never begins before the log knows of it.
        known = {run for run, _ in runs}
        started = {run: any(event["type"] == "step_started" for event in self.client.history(run)) for run in known}
        effectful = [line for line in lines if line["type"] == "once" and line["what"] == "begun"]
        self.assertTrue(all(line["decision"] in known and started[line["decision"]] for line in effectful))
        again = sum(len(each) - 1 for each in begun.values())
        print(f"{len(runs)} decisions, {OPTIONS.rounds} kills with {killed_with_leases} leases held, {len(begun)} tasks, {again} begun again")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--decisions", type=int, default=60)
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.binary = os.path.abspath(OPTIONS.binary)
    unittest.main(argv=[sys.argv[0], *rest])
