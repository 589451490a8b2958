"""Events through the real binary, under kill -9.

Publishes events for keyed agents and for a signed webhook, kills the server at random moments, and then shows: every
acknowledged event reached its agent once, in the order of its key; every message reached the receiver, signed, and a repetition
carried the id of the first; what the receiver refused for good lies with the dead letters and goes out when it is replayed; a type's
new version that would break a consumer is refused and names it.

  events_test.py --binary build/release/bin/switchyard [--kills 6] [--events 400] [--seed N]
"""
import argparse
import base64
import collections
import hashlib
import hmac
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
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()

ORDER_TYPE = """
event: order.placed@1.0.0
schema: { type: object, required: [customer, n, total], additionalProperties: false, properties: { customer: { type: string }, n: { type: integer }, total: { type: number } } }
"""
AGENT = """
pipeline: shop/customer@1.0.0
on: { event: order.placed, key: event.data.customer, input: { n: event.data.n, total: event.data.total, customer: event.data.customer } }
input: { schema: { type: object, required: [n, total, customer], properties: { n: { type: integer }, total: { type: number }, customer: { type: string } } } }
state: { schema: { type: object, required: [seen, spent], properties: { seen: { type: array, items: { type: integer } }, spent: { type: number } } }, initial: { seen: [], spent: 0 } }
steps:
  pause: { when: input.n % 7 == 0, wait: 50ms }
  kept: { after: pause, state: { seen: "state.seen + [input.n]", spent: state.spent + input.total } }
  tell: { emit: { event: order.counted, subject: input.customer, data: { customer: input.customer, n: input.n, count: size(kept.seen) } } }
output: { count: size(kept.seen) }
"""
WAITER = """
pipeline: shop/waiter@1.0.0
input: { schema: { type: object, required: [customer], properties: { customer: { type: string } } } }
steps:
  heard: { listen: { event: order.counted, key: input.customer, match: event.data.customer, timeout: 2m } }
output: { n: heard.data.n }
"""
WEBHOOK = """
webhook: warehouse@1.0.0
events: order.counted
url: http://127.0.0.1:%d/hook
mode: structured
secret: { env: WAREHOUSE_SECRET }
retry: { attempts: 30, backoff: 100ms..500ms }
"""
CIRCLE = """
pipeline: shop/circle@1.0.0
on: { event: ping, input: {} }
input: { schema: { type: object, properties: {} } }
steps: { again: { emit: { event: ping } } }
output: { id: again.id }
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    """A receiver of webhooks that checks every signature, refuses some at first, and one for good until it is told not to."""
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    taken = collections.defaultdict(list)  # event id → webhook ids
    wrong = []
    refused = collections.Counter()
    generator = random.Random(5)
    gone = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        event = json.loads(body)
        with self.lock:
            if wanted != self.headers["webhook-signature"] or abs(time.time() - int(self.headers["webhook-timestamp"])) > 60:
                self.wrong.append(event)
            number = event["data"]["n"]
            if number in self.gone:
                status = 410
            elif self.generator.random() < 0.2 and self.refused[event["id"]] < 3:
                self.refused[event["id"]] += 1
                status = 503
            else:
                self.taken[event["id"]].append(self.headers["webhook-id"])
                status = 204
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def event(number, customer):
    return {"specversion": "1.0", "id": str(number), "source": "/shop", "type": "order.placed", "subject": customer,
            "data": {"customer": customer, "n": number, "total": 1.5}}


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="switchyard-events-")
        cls.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=cls.receiver.serve_forever, daemon=True).start()
        os.environ["WAREHOUSE_SECRET"] = SECRET
        cls.server = Server(OPTIONS.binary, cls.folder)
        cls.server.start()
        cls.deploy({"order.event.yaml": ORDER_TYPE, "customer.yaml": AGENT, "waiter.yaml": WAITER, "circle.yaml": CIRCLE,
                    "warehouse.yaml": WEBHOOK % cls.receiver.server_port})

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.receiver.shutdown()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def deploy(cls, files, expect=0):
        folder = tempfile.mkdtemp(dir=cls.folder)
        for name, text in files.items():
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        done = cls.cli("deploy", folder, "--message", "test")
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    @classmethod
    def cli(cls, *arguments):
        return subprocess.run([OPTIONS.binary, *arguments, "--server", f"http://127.0.0.1:{cls.server.port}", "--api-key", cls.server.key()],
                              capture_output=True, text=True, timeout=60)

    def publish(self, events):
        """Repeats until it is acknowledged, as a publisher must."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status, body = self.server.call("POST", "/api/v1/events", events,
                                                {"Content-Type": "application/cloudevents-batch+json"})
                if status == 202:
                    return body["events"]
                assert status in (503, 429), (status, body)
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise AssertionError("never acknowledged")

    def eventually(self, what, check, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if check():
                return
            time.sleep(0.1)
        self.fail(f"never: {what}")

    def test_1_nothing_is_lost_or_doubled_and_the_order_of_each_key_is_kept(self):
        generator = random.Random(OPTIONS.seed)
        customers = [f"c{i}" for i in range(11)]
        sent = collections.defaultdict(list)
        batches = []
        number = 0
        while number < OPTIONS.events:
            batch = []
            for _ in range(generator.randint(1, 9)):
                customer = generator.choice(customers)
                batch.append(event(number, customer))
                sent[customer].append(number)
                number += 1
            batches.append(batch)
        Receiver.gone.add(batches[0][0]["data"]["n"])
        kills = set(generator.sample(range(1, len(batches)), min(OPTIONS.kills, len(batches) - 1)))
        for i, batch in enumerate(batches):
            if i in kills:
                killer = threading.Timer(generator.random() * 0.05, self.server.kill)
                killer.start()
            try:
                status, _ = self.server.call("POST", "/api/v1/events", batch, {"Content-Type": "application/cloudevents-batch+json"})
            except (OSError, http.client.HTTPException):
                status = 0
            if i in kills:
                killer.join()
                self.server.start()
            if status != 202:
                self.publish(batch)

        def state(customer):
            status, body = self.server.call("GET", f"/api/v1/agents/state?agent=shop/customer&key={customer}")
            return body["states"][0].get("state", {"seen": []}) if status == 200 else {"seen": []}

        for customer in customers:
            self.eventually(f"{customer} has all", lambda: len(state(customer)["seen"]) >= len(sent[customer]))
            kept = state(customer)
            self.assertEqual(kept["seen"], sent[customer], "each once, in its order")
            self.assertEqual(kept["spent"], 1.5 * len(sent[customer]))
        gone = len(Receiver.gone)
        self.eventually("every message has arrived", lambda: len(Receiver.taken) >= number - gone)
        self.assertEqual(Receiver.wrong, [], "signatures and timestamps")
        for identifier, ids in Receiver.taken.items():
            self.assertEqual(len(set(ids)), 1, "a repetition has the id of the first")
        repeated = self.publish(batches[0])
        self.assertTrue(all(each["repeated"] for each in repeated))

    def test_2_a_dead_letter_goes_out_when_it_is_replayed(self):
        def letters():
            return self.server.call("GET", "/api/v1/events/dead-letters?consumer=webhook&name=warehouse")[1]["dead_letters"]

        self.eventually("the refused message is dead", lambda: len(letters()) == 1)
        letter = letters()[0]
        self.assertEqual(letter["attempts"], 1, "410 ends it at once")
        Receiver.gone.clear()
        done = self.cli("events", "replay", letter["id"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.eventually("it has arrived", lambda: letter["event"]["id"] in Receiver.taken)
        self.eventually("it is no dead letter", lambda: letters() == [])

    def test_3_a_run_that_listens_hears_what_comes_after_its_start(self):
        status, run = self.server.call("POST", "/api/v1/decisions", {"pipeline": "shop/waiter", "input": {"customer": "waited-for"}})
        self.assertEqual(status, 202)
        self.publish([event(1_000_000, "waited-for")])
        status, run = self.server.call("GET", f"/api/v1/decisions/{run['id']}?wait=30s")
        self.assertEqual((run["status"], run["output"]), ("completed", {"n": 1_000_000}))
        status, replay = self.server.call("POST", f"/api/v1/decisions/{run['id']}/replay", {})
        self.assertTrue(replay["identical"], replay)

    def test_4_mistakes_are_told_all_at_once_and_nothing_is_published(self):
        bad = [event(2_000_000, "x"), {**event(2_000_001, "x"), "data": {"n": "no"}}, {**event(2_000_002, "x"), "type": 7}]
        status, problem = self.server.call("POST", "/api/v1/events", bad, {"Content-Type": "application/cloudevents-batch+json"})
        self.assertEqual(status, 400)
        self.assertEqual([e["pointer"] for e in problem["errors"]], ["/2/type"])
        status, problem = self.server.call("POST", "/api/v1/events", bad[:2], {"Content-Type": "application/cloudevents-batch+json"})
        self.assertEqual((status, problem["code"]), (400, "event.bad_data"))
        self.assertEqual(self.server.call("GET", "/api/v1/agents/state?agent=shop/customer&key=x")[0], 404)

    def test_5_a_type_that_would_break_a_consumer_is_refused_and_names_it(self):
        text = self.deploy({"order.yaml": ORDER_TYPE.replace("1.0.0", "2.0.0").replace("[customer, n, total]", "[customer, n, total, city]")}, expect=2)
        self.assertIn("shop/customer@1.0.0", text)
        text = self.deploy({"order.yaml": ORDER_TYPE.replace("1.0.0", "2.0.0").replace("total: { type: number }", "total: { type: string }")
                            + "compatibility: none\n"}, expect=2)
        self.assertIn("this would break pipeline shop/customer@1.0.0", text)
        self.deploy({"order.yaml": ORDER_TYPE.replace("1.0.0", "2.0.0").replace("total: {", "city: { type: string }, total: {")})

    def test_6_circles_are_shown_and_end(self):
        done = self.cli("events", "graph")
        self.assertIn("shop/circle", done.stdout[done.stdout.index("cycle"):])
        done = self.cli("events", "publish", "--type", "ping", "--source", "/test", "--id", "1")
        self.assertEqual(done.returncode, 0, done.stderr)

        def runs():
            return self.server.call("GET", "/api/v1/decisions?pipeline=shop/circle&limit=100")[1]["decisions"]

        self.eventually("it ends", lambda: any(run["status"] == "failed" for run in runs()))
        time.sleep(0.5)
        self.assertEqual(len(runs()), 17)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
