import asyncio
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "src"))

from fake_server import FakeServer, problem  # noqa: E402
from switchyard import TaskFailure, Worker  # noqa: E402

logging.getLogger("switchyard.worker").setLevel(logging.CRITICAL)


class Queue:
    """Plays the server's part: hands out tasks once, and notes how they end."""

    def __init__(self, *tasks, heartbeat_ms=30000):
        self.waiting, self.ends, self.beats, self.polls = list(tasks), {}, [], []
        self.heartbeat_ms, self.lock, self.changed = heartbeat_ms, threading.Lock(), threading.Condition()
        self.alive = {"cancelled": False}
        self.refuse = []  # answers that come first
        self.forgotten = {}  # leases that are not known any more, and the tasks that come then

    def __call__(self, method, path, headers, body):
        with self.lock:
            if self.refuse:
                return self.refuse.pop(0)
            if path.endswith("/poll"):
                self.polls.append(dict(body, path=path))
                taken = [task for task in self.waiting if task["type"] in body["types"]][:body["max_tasks"]]
                self.waiting = [task for task in self.waiting if task not in taken]
                if not taken:
                    time.sleep(0.01)
                return 200, {"tasks": taken}
            lease, what = path.split("/")[-2:]
            if what == "complete" and lease in self.forgotten:
                self.waiting.append(self.forgotten.pop(lease))
                return problem(404, "workers.unknown_lease")
            if what == "heartbeat":
                self.beats.append((lease, body))
                answer = self.alive
            else:
                self.ends[lease] = (what, body)
                answer = {"repeated": False}
        with self.changed:
            self.changed.notify_all()
        return 200, answer

    def wait(self, test):
        with self.changed:
            if not self.changed.wait_for(test, 30):
                raise AssertionError(f"it did not happen; ends: {self.ends}")


def task(lease, type="send", input=None, heartbeat_ms=30000, **more):
    return {"lease": lease, "type": type, "input": input, "idempotency_key": f"key-{lease}", "effect": "effectful", "attempt": 1, "delivery": 1,
            "heartbeat_ms": heartbeat_ms, "decision": "d", "step": "s", **more}


class Work(unittest.TestCase):
    def worker(self, answers, **options):
        self.server = FakeServer(answers)
        self.addCleanup(self.server.__exit__)
        worker = Worker(self.server.url, "key", poll_wait=0.01, **options)
        self.addCleanup(worker.stop)
        return worker

    def test_does_tasks_with_functions_of_every_form(self):
        queue = Queue(task("1", input=2), task("2", "ask", input=3), task("3", "think", input=4))
        worker = self.worker(queue, version="1.2.0", concurrency=2)

        @worker.activity("send")
        def send(input):
            return input * 10

        @worker.activity("ask")
        def ask(input, task):
            return [input, task.idempotency_key, task.decision, task.step]

        @worker.activity("think")
        async def think(input):
            await asyncio.sleep(0)
            return {"n": input}

        worker.start()
        queue.wait(lambda: len(queue.ends) == 3)
        self.assertEqual(queue.ends, {"1": ("complete", {"result": 20}), "2": ("complete", {"result": [3, "key-2", "d", "s"]}),
                                      "3": ("complete", {"result": {"n": 4}})})
        self.assertEqual(queue.polls[0]["types"], ["ask", "send", "think"])
        self.assertEqual((queue.polls[0]["max_tasks"], queue.polls[0]["version"], queue.polls[0]["held"]), (2, "1.2.0", []))

    def test_serves_models_under_their_name_and_version(self):
        queue = Queue(task("1", "model:fraud-light@1.2.0", input={"amount": 4}))
        worker = self.worker(queue, queue="gpu")
        worker.model("fraud-light", version="1.2.0")(lambda input: {"score": input["amount"] / 8})
        worker.start()
        queue.wait(lambda: queue.ends)
        self.assertEqual(queue.ends["1"], ("complete", {"result": {"score": 0.5}}))
        self.assertEqual(queue.polls[0]["path"], "/api/v1/workers/gpu/poll")

    def test_tells_how_a_task_failed(self):
        queue = Queue(task("1", input="bounced"), task("2", input="bug"), task("3", input="nan"))
        worker = self.worker(queue)

        @worker.activity("send")
        def send(input):
            if input == "bounced":
                raise TaskFailure("no such street", code="letter.bounced", retryable=False, retry_after=5)
            return float("nan") if input == "nan" else {}["missing"]

        worker.start()
        queue.wait(lambda: len(queue.ends) == 3)
        self.assertEqual(queue.ends["1"], ("fail", {"code": "letter.bounced", "message": "no such street", "retryable": False, "retry_after": "5000ms"}))
        self.assertEqual(queue.ends["2"], ("fail", {"code": "task.exception", "message": "KeyError: 'missing'", "retryable": True}))
        self.assertEqual(queue.ends["3"][1]["code"], "task.exception")

    def test_takes_no_more_than_it_can_do_at_once_and_says_what_it_holds(self):
        queue = Queue(*(task(str(n)) for n in range(6)))
        worker = self.worker(queue, concurrency=2)
        go, most, now, lock = threading.Event(), 0, 0, threading.Lock()

        @worker.activity("send")
        def send(input):
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
            go.wait(30)
            with lock:
                now -= 1

        worker.start()
        while most < 2:
            time.sleep(0.001)
        self.assertEqual(len(queue.waiting), 4)
        go.set()
        queue.wait(lambda: len(queue.ends) == 6)
        self.assertEqual(most, 2)
        self.assertTrue(all(poll["max_tasks"] + len(poll["held"]) <= 2 for poll in queue.polls))

    def test_heartbeats_carry_progress_and_hear_of_cancellation(self):
        queue = Queue(task("1", heartbeat_ms=150, progress={"page": 2}), task("2", "think", heartbeat_ms=150))
        worker = self.worker(queue)
        seen = {}

        @worker.activity("send")
        def send(input, task):
            seen["last"] = task.last_progress
            task.progress({"page": 3})
            while True:
                task.check()
                time.sleep(0.005)

        @worker.activity("think")
        async def think(input):
            await asyncio.sleep(60)

        worker.start()
        queue.wait(lambda: len({lease for lease, _ in queue.beats}) == 2)
        self.assertEqual(seen["last"], {"page": 2})
        self.assertIn(("1", {"progress": {"page": 3}}), queue.beats)
        queue.alive = {"cancelled": True, "why": "enough"}
        queue.wait(lambda: len(queue.ends) == 2)
        for lease in ("1", "2"):
            self.assertEqual(queue.ends[lease], ("fail", {"code": "task.cancelled", "message": "enough", "retryable": False}))

    def test_goes_on_when_the_server_is_away_for_a_while(self):
        queue = Queue(task("1"))
        queue.refuse = ["cut", problem(503, "server.not_ready"), "cut"]
        worker = self.worker(queue)

        @worker.activity("send")
        def send(input):
            queue.refuse = ["cut", problem(503, "workers.stopping")]
            return 7

        worker.start()
        queue.wait(lambda: queue.ends)
        self.assertEqual(queue.ends["1"], ("complete", {"result": 7}))

    def test_a_result_that_found_no_lease_is_given_when_its_task_comes_again(self):
        queue = Queue(task("1"))
        # The same work under another lease, as after a restart of the server.
        queue.forgotten["1"] = task("2", idempotency_key="key-1")
        worker = self.worker(queue)
        done = []

        @worker.activity("send")
        def send(input):
            done.append(1)
            return len(done)

        worker.start()
        queue.wait(lambda: "2" in queue.ends)
        self.assertEqual((queue.ends["2"], done), (("complete", {"result": 1}), [1]))

    def test_the_same_work_under_a_second_lease_waits_for_the_first(self):
        for kind in ("send", "think"):
            with self.subTest(kind):
                queue = Queue(task("1", kind))
                queue.forgotten["1"] = task("3", kind, idempotency_key="other")
                worker = self.worker(queue)
                done, go = [], threading.Event()

                @worker.activity("send")
                def send(input):
                    done.append(1)
                    go.wait(30)
                    return len(done)

                @worker.activity("think")
                async def think(input):
                    done.append(1)
                    while not go.is_set():
                        await asyncio.sleep(0.001)
                    return len(done)

                worker.start()
                while not done:
                    time.sleep(0.001)
                queue.waiting.append(task("2", kind, idempotency_key="key-1"))
                while not any("2" in poll["held"] for poll in queue.polls):
                    time.sleep(0.001)
                go.set()
                queue.wait(lambda: "2" in queue.ends and "3" in queue.ends)
                self.assertEqual(queue.ends["2"], ("complete", {"result": 1}))
                self.assertEqual(len(done), 2)

    def test_stops_when_what_it_has_is_done(self):
        queue = Queue(task("1"))
        worker = self.worker(queue)
        begun, go = threading.Event(), threading.Event()

        @worker.activity("send")
        def send(input):
            begun.set()
            go.wait(30)
            return "done"

        thread = worker.start()
        begun.wait(30)
        worker.stop()
        thread.join(0.2)
        self.assertTrue(thread.is_alive())
        go.set()
        thread.join(30)
        self.assertFalse(thread.is_alive())
        self.assertEqual(queue.ends["1"], ("complete", {"result": "done"}))

    def test_gives_up_what_takes_longer_than_its_grace(self):
        queue = Queue(task("1"))
        worker = self.worker(queue, grace=0.05)
        begun, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        @worker.activity("send")
        def send(input):
            begun.set()
            go.wait(30)

        thread = worker.start()
        begun.wait(30)
        worker.stop()
        thread.join(30)
        self.assertEqual(queue.ends["1"][1]["code"], "task.worker_stopped")

    def test_refuses_what_cannot_work(self):
        worker = Worker("http://127.0.0.1:1", "k")
        self.assertRaises(ValueError, worker.run)
        worker.activity("a")(print)
        with self.assertRaises(ValueError):
            worker.activity("a")(print)
        self.assertRaises(ValueError, Worker, concurrency=0)


class Process(unittest.TestCase):
    def test_sigterm_ends_it_in_order(self):
        queue = Queue(task("1"))
        code = ("import sys, time, switchyard\n"
                "worker = switchyard.Worker(sys.argv[1], 'k', poll_wait=20)\n"
                "@worker.activity('send')\n"
                "def send(input):\n    time.sleep(0.3)\n    return 1\n"
                "worker.run()\nprint('ended')\n")
        with FakeServer(queue) as server:
            environment = dict(os.environ, PYTHONPATH=str(pathlib.Path(__file__).resolve().parent.parent / "src"))
            process = subprocess.Popen([sys.executable, "-c", code, server.url], stdout=subprocess.PIPE, text=True, env=environment)
            while not queue.polls:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, "ended\n"))
        self.assertEqual(json.dumps(queue.ends["1"][1]), '{"result": 1}')


if __name__ == "__main__":
    unittest.main()
