"""The larger examples through the real binary: deployed as they are, but for the ports of the services around them.

  examples_test.py --binary build/release/bin/switchyard
"""
import argparse
import base64
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from server_process import Server

OPTIONS = None
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")


def module(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3] + "_of_example", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Example(unittest.TestCase):
    """A server with one example on it."""
    name = None

    @classmethod
    def setUpClass(cls):
        if cls.name is None:
            raise unittest.SkipTest("the base of the others")
        cls.folder = tempfile.mkdtemp(prefix="switchyard-example-")
        cls.documents = os.path.join(cls.folder, "documents")
        shutil.copytree(os.path.join(EXAMPLES, cls.name), cls.documents)
        cls.prepare()
        cls.server = Server(OPTIONS.binary, cls.folder)
        cls.server.start()
        done = cls.cli("deploy", cls.documents, "--message", "the example")
        assert done.returncode == 0, (done.stdout, done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.services.shutdown()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def rewrite(cls, file, *changes):
        path = os.path.join(cls.documents, file)
        with open(path) as f:
            text = f.read()
        for old, new in changes:
            assert old in text, (file, old)
            text = text.replace(old, new)
        with open(path, "w") as f:
            f.write(text)

    @classmethod
    def cli(cls, *arguments):
        return subprocess.run([OPTIONS.binary, *arguments, "--server", f"http://127.0.0.1:{cls.server.port}", "--api-key", cls.server.key()],
                              capture_output=True, text=True, timeout=60)

    def publish(self, *events):
        status, body = self.server.call("POST", "/api/v1/events", list(events), {"Content-Type": "application/cloudevents-batch+json"})
        self.assertEqual(status, 202, body)
        return body["events"]

    def eventually(self, what, check, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = check()
            if found:
                return found
            time.sleep(0.05)
        self.fail(f"never: {what}")

    def decision(self, identifier, wait="30s"):
        status, run = self.server.call("GET", f"/api/v1/decisions/{identifier}?wait={wait}")
        self.assertEqual(status, 200, run)
        return run

    def decisions(self, pipeline, **search):
        query = "".join(f"&{key}={value}" for key, value in search.items())
        status, page = self.server.call("GET", f"/api/v1/decisions?pipeline={pipeline}&limit=200{query}")
        self.assertEqual(status, 200, page)
        return page["decisions"]

    def replays(self, pipeline):
        for run in self.decisions(pipeline):
            if run["status"] in ("completed", "failed"):
                status, replay = self.server.call("POST", f"/api/v1/decisions/{run['id']}/replay", {})
                self.assertEqual((status, replay["identical"]), (200, True), replay)


class LoanApplication(Example):
    name = "loan-application"

    @classmethod
    def prepare(cls):
        cls.bank = module(os.path.join(cls.documents, "bank.py"))
        cls.services = cls.bank.start()
        cls.rewrite("loan-application.pipeline.yaml", ("127.0.0.1:7099", f"127.0.0.1:{cls.services.server_port}"))
        with open(os.path.join(cls.documents, "applications.json")) as f:
            cls.applications = {each["application"]: each for each in json.load(f)}

    def apply(self, name, **changes):
        status, run = self.server.call("POST", "/api/v1/decisions", {"pipeline": "loans/application", "input": {**self.applications[name], **changes}})
        self.assertIn(status, (200, 202), run)
        return run["id"]

    def event(self, what, name, **data):
        self.publish({"specversion": "1.0", "id": f"{what}-{name}", "source": "/letters", "type": f"loan.{what}", "subject": name,
                      "data": {"application": name, **data}})

    def test_1_papers_are_waited_for_and_a_restart_loses_nothing(self):
        run = self.apply("a-1001", documents=[])
        self.eventually("it waits", lambda: self.decision(run, "1s")["status"] == "waiting")
        self.server.kill()
        self.server.start()
        self.event("documents_received", "a-1001", documents=["identity", "income"])
        self.eventually("the money is set aside", lambda: "a-1001" in self.bank.Bank.reservations)
        self.event("offer_answered", "a-1001", signed=True)
        done = self.decision(run)
        self.assertEqual((done["status"], done["output"]["granted"], done["output"]["by"]), ("completed", True, "model"), done)

    def test_2_an_officer_decides_where_the_model_is_in_doubt(self):
        run = self.apply("a-1002")
        review = self.eventually("the officer is asked", lambda: [r for r in self.server.call("GET", "/api/v1/reviews?queue=credit-desk")[1]["reviews"]])[0]
        self.assertIn("a-1002", json.dumps(review) + json.dumps(self.server.call("GET", f"/api/v1/reviews/{review['id']}")[1]))
        for action, body in (("claim", {}), ("answer", {"answer": {"grant": False, "note": "pays late"}})):
            status, answer = self.server.call("POST", f"/api/v1/reviews/{review['id']}/{action}", body)
            self.assertEqual(status, 200, answer)
        done = self.decision(run)
        self.assertEqual(done["output"], {"granted": False, "by": "officer", "reason": "pays late"}, done)
        self.assertNotIn("a-1002", self.bank.Bank.reservations)

    def test_3_the_policy_refuses_without_a_model(self):
        done = self.decision(self.apply("a-1003"))
        self.assertEqual((done["output"]["granted"], done["output"]["by"]), (False, "policy"), done)

    def test_4_who_does_not_sign_frees_the_money(self):
        run = self.apply("a-1004")
        self.eventually("the money is set aside", lambda: "a-1004" in self.bank.Bank.reservations)
        self.event("offer_answered", "a-1004", signed=False)
        done = self.decision(run)
        self.assertEqual((done["status"], done["error"]["code"]), ("failed", "loan.not_wanted"), done)
        self.assertNotIn("a-1004", self.bank.Bank.reservations)

    def test_5_every_decision_is_replayed_byte_for_byte(self):
        self.replays("loans/application")


class Pager(http.server.BaseHTTPRequestHandler):
    """The pager, and the machine that restarts services: it never helps."""
    protocol_version = "HTTP/1.1"
    pages = []
    restarts = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        if self.path == "/page":
            self.pages.append(body)
            answer = b"{}"
        else:
            self.restarts.append(self.path)
            answer = b'{"helped": false}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


class IncidentTriage(Example):
    name = "incident-triage"

    @classmethod
    def prepare(cls):
        cls.services = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pager)
        threading.Thread(target=cls.services.serve_forever, daemon=True).start()
        os.environ["PAGER_SECRET"] = "whsec_" + base64.b64encode(bytes(range(32))).decode()
        port = f"127.0.0.1:{cls.services.server_port}"
        cls.rewrite("pager.webhook.yaml", ("127.0.0.1:7098", port))
        cls.rewrite("remedy.pipeline.yaml", ("127.0.0.1:7098", port))
        cls.rewrite("escalation.pipeline.yaml", ("timeout: 15m", "timeout: 1s"))
        with open(os.path.join(cls.documents, "alerts.json")) as f:
            cls.alerts = json.load(f)

    def test_1_many_alerts_are_one_incident_and_one_page(self):
        answers = self.publish(*self.alerts)
        self.assertEqual([a["repeated"] for a in answers].count(True), 1, "one alert came twice")
        page = self.eventually("somebody is paged", lambda: [p for p in Pager.pages if p["data"]["incident"] == "payments-1"])[0]
        self.assertEqual((page["type"], page["data"]["level"], page["data"]["why"]), ("incident.page", 0, "critical"))
        self.publish({"specversion": "1.0", "id": "ack-1", "source": "/pager", "type": "incident.acknowledged", "data": {"incident": "payments-1", "by": "ida"}})
        run = self.eventually("the escalation ends", lambda: [r for r in self.decisions("ops/escalation", key="payments") if r["status"] == "completed"])[0]
        self.assertEqual(self.decision(run["id"])["output"]["by"], "ida")
        status, state = self.server.call("GET", "/api/v1/agents/state?agent=ops/correlator&key=payments")
        self.assertEqual(state["states"][0]["state"], {"open": True, "incidents": 1, "alerts": 3})

    def test_2_who_does_not_answer_is_paged_a_level_above(self):
        self.publish({"specversion": "1.0", "id": "s-1", "source": "/monitoring", "type": "alert.raised", "subject": "search", "data": {"service": "search", "kind": "slow"}})

        def mine():
            return [(p["type"], p["data"].get("level")) for p in Pager.pages if p["data"]["incident"] == "search-1"]

        self.eventually("all levels and the last word", lambda: len(mine()) == 4)
        self.assertEqual(sorted(mine(), key=str), [("incident.page", 0), ("incident.page", 1), ("incident.page", 2), ("incident.unanswered", None)])

    def test_3_agents_that_go_in_a_circle_are_stopped_and_a_person_is_asked(self):
        graph = self.cli("events", "graph").stdout
        cycle = graph[graph.index("cycle"):]
        for agent in ("ops/correlator", "ops/triage", "ops/remedy"):
            self.assertIn(agent, cycle)
        self.publish({"specversion": "1.0", "id": "f-1", "source": "/monitoring", "type": "alert.raised", "subject": "flags", "data": {"service": "flags", "kind": "flapping"}})
        review = self.eventually("people are asked", lambda: self.server.call("GET", "/api/v1/reviews?queue=on-call")[1]["reviews"])
        self.assertEqual(len(review), 1)
        self.assertIn("flags", review[0]["title"])
        self.assertEqual(Pager.restarts, ["/restart/flags"] * 5)
        self.assertEqual(len(self.decisions("ops/triage", key="flags")), 6)

    def test_4_every_decision_is_replayed_byte_for_byte(self):
        for agent in ("ops/correlator", "ops/triage", "ops/escalation", "ops/remedy"):
            self.replays(agent)


class NightlyBatch(Example):
    name = "nightly-batch"

    @classmethod
    def prepare(cls):
        cls.books = module(os.path.join(cls.documents, "books.py"))
        cls.services = cls.books.start()
        # Two seconds are a night.
        cls.rewrite("nightly.pipeline.yaml", ("127.0.0.1:7097", f"127.0.0.1:{cls.services.server_port}"),
                    ('cron: "30 2 * * *"', "every: 2s"), ("  zone: Europe/Berlin\n", ""))

    def test_1_a_night_looks_at_every_account_and_keeps_to_its_budget(self):
        first = self.eventually("a night is over", lambda: [r for r in self.decisions("accounts/nightly") if r["status"] == "completed"])
        self.cli("kill", "pipeline", "accounts/nightly", "--why", "one night is enough")
        output = self.decision(first[-1]["id"])["output"]
        self.assertEqual(output["accounts"], len(self.books.ACCOUNTS))
        self.assertLessEqual(output["bought"], 40)
        self.assertGreater(output["degraded"], 0)
        self.assertEqual(output["failed"], 1, "the bureau does not know DE-0013")
        asked = len(self.books.Books.asked)
        nights = [self.decision(r["id"])["output"] for r in self.decisions("accounts/nightly") if r["status"] == "completed"]
        self.assertGreaterEqual(asked, sum(night["bought"] for night in nights))

    def test_2_every_night_is_replayed_byte_for_byte(self):
        self.replays("accounts/nightly")


class ContentDesk(Example):
    name = "content-desk"

    @classmethod
    def prepare(cls):
        stand_in = module(os.path.join(cls.documents, "stand_in.py"))
        cls.served_by = stand_in.SERVED_BY
        cls.main, cls.spare = stand_in.StandIn(), stand_in.StandIn()
        cls.services = cls.main.server
        cls.rewrite("writer-main.backend.yaml", ("127.0.0.1:7096", f"127.0.0.1:{cls.main.port}"))
        cls.rewrite("writer-spare.backend.yaml", ("127.0.0.1:7095", f"127.0.0.1:{cls.spare.port}"))
        # The sample that people see in any case is drawn by chance.
        cls.rewrite("content-draft.pipeline.yaml", ("    sample: 0.02\n", ""))
        with open(os.path.join(cls.documents, "briefs.json")) as f:
            cls.briefs = {each["subject"]: each for each in json.load(f)}

    @classmethod
    def tearDownClass(cls):
        cls.spare.stop()
        super().tearDownClass()

    def ask(self, subject, number=1):
        status, run = self.server.call("POST", "/api/v1/decisions", {"pipeline": "content/draft", "wait": "20s",
                                       "input": {"request": f"{subject[:20]}-{number}", "brief": self.briefs[subject]}})
        self.assertIn(status, (200, 202), run)
        status, record = self.server.call("GET", f"/api/v1/decisions/{run['id']}/record")
        self.assertEqual(status, 200, record)
        return run, {step["name"]: step for step in record["steps"]}, record["cost"]

    def test_1_a_plain_text_is_published_and_the_same_brief_is_not_written_twice(self):
        run, steps, cost = self.ask("Oak side table")
        self.assertEqual((run["output"]["published"], run["output"]["by"]), (True, "automatic"), run)
        self.assertEqual(steps["draft"]["by"]["served_by"], self.served_by)
        self.assertTrue(steps["published"]["gave"]["id"])
        again, more_steps, less = self.ask("Oak side table", 2)
        routing = more_steps["draft"]["by"]["routing"]
        self.assertEqual((routing["cache"]["hit"], routing["cache"]["decision"]), (True, run["id"]))
        self.assertEqual((again["output"]["body"], self.main.asked), (run["output"]["body"], 1))
        self.assertLess(less, cost)

    def test_2_the_spare_answers_when_the_writer_fails(self):
        self.main.faults.append(503)
        run, steps, _ = self.ask("Desk lamp with dimmer")
        routing = steps["draft"]["by"]["routing"]
        self.assertEqual([(a["candidate"], a["outcome"]) for a in routing["attempts"]], [("main", "failed"), ("spare", "answered")])
        self.assertEqual(run["status"], "completed", run)

    def test_3_an_answer_that_does_not_fit_is_asked_for_again(self):
        repaired = 0
        for subject in list(self.briefs)[2:8]:
            attempts = self.ask(subject)[1]["draft"]["by"]["prompt"]["attempts"]
            self.assertNotIn("fault", attempts[-1], subject)
            repaired += len(attempts) == 2
        self.assertGreater(repaired, 0)

    def test_4_what_reads_like_a_scam_waits_for_an_editor_who_throws_it_away(self):
        run, _, _ = self.ask("How gift cards work")
        self.assertEqual(run["status"], "waiting", run)
        reviews = self.server.call("GET", "/api/v1/reviews?queue=editors&limit=100")[1]["reviews"]
        review = next(each for each in reviews if each["decision"] == run["id"])
        self.assertIn("due_at", review)
        shown = self.server.call("GET", f"/api/v1/reviews/{review['id']}")[1]["show"]
        self.assertIn("compliance: cost", shown["reasons"])
        for action, body in (("claim", {}), ("answer", {"answer": {"publish": False, "note": "no"}})):
            status, answer = self.server.call("POST", f"/api/v1/reviews/{review['id']}/{action}", body)
            self.assertEqual(status, 200, answer)
        done = self.decision(run["id"])
        self.assertEqual((done["status"], done["output"]["published"]), ("completed", False), done)

    def test_5_what_was_spent_is_what_the_drafts_cost(self):
        drafts = 0.0
        for run in self.decisions("content/draft"):
            record = self.server.call("GET", f"/api/v1/decisions/{run['id']}/record")[1]
            drafts += next(step for step in record["steps"] if step["name"] == "draft")["by"].get("cost", 0.0)
        spent = next(a for a in self.server.call("GET", "/api/v1/spend")[1]["accounts"] if a["id"] == "draft-writer" and "day" in a)
        self.assertAlmostEqual(float(spent["spent"]), drafts, places=9)

    def test_6_every_decision_is_replayed_byte_for_byte(self):
        self.replays("content/draft")

    def test_7_the_demonstration_runs_from_nothing_with_a_writer_that_is_configured(self):
        environment = {**os.environ, "CONTENT_DESK_LLM_URL": f"http://127.0.0.1:{self.main.port}/v1", "CONTENT_DESK_LLM_KEY": "of-the-test",
                       "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, os.path.join(EXAMPLES, self.name, "demo.py"), "--binary", OPTIONS.binary, "--data", os.path.join(self.folder, "demo"),
                               "--port", "0", "--spare-port", "0", "--requests", "30"], capture_output=True, text=True, timeout=300, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Drafts are written by writer at http://127.0.0.1", done.stdout)
        self.assertIn("drafts from cache", done.stdout)
        self.assertIn("28 of 28 identical", done.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
