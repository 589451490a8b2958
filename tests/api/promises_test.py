"""What the API promises beyond single answers: idempotency, waiting, lists, reviews, deployments, switches.

  promises_test.py --binary build/release/bin/switchyard [Class.test]
"""
import concurrent.futures

import harness
from harness import Case, Service, send


class Idempotency(Case):
    def test_the_same_key_starts_a_decision_once(self):
        key = {"Idempotency-Key": "order-1"}
        first = self.score("idem", headers=key)
        second = self.score("idem", headers=key)
        self.assertEqual(second.body, first.body)
        self.assertNotIn("Idempotency-Replayed", first.headers)
        self.assertEqual(second.headers["Idempotency-Replayed"], "true")
        self.assertEqual(len(self.call("list_decisions", query={"key": "idem"})["decisions"]), 1)

    def test_concurrent_starts_with_one_key_agree(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.score("crowd", headers={"Idempotency-Key": "order-2"}), range(16)))
        self.assertEqual(len({answer["id"] for answer in answers}), 1)
        self.assertEqual(sum("Idempotency-Replayed" not in answer.headers for answer in answers), 1)

    def test_the_same_key_for_something_else_is_refused(self):
        key = {"Idempotency-Key": "order-3"}
        self.score("idem3", 10, headers=key)
        self.assertEqual(self.score("idem3", 11, status=422, headers=key)["code"], "run.idempotency_mismatch")

    def test_keys_of_two_callers_are_two_keys(self):
        key = {"Idempotency-Key": "order-4"}
        self.assertNotEqual(self.score("mine", headers=key)["id"], self.score("mine", headers=key, key="dora")["id"])


class HowManyAtOnce(Case):
    def begin(self, pipeline, customer, status=202, **more):
        body = {"pipeline": pipeline, "input": {"customer": customer, **more}}
        return self.call("start_decision", body, status)

    def status(self, decision):
        return self.call("get_decision", path={"id": decision["id"]})["status"]

    def until(self, decision, status):
        return harness.until(lambda: self.status(decision) == status, f"{decision['id']} is {status}")

    def test_one_goes_and_the_others_are_queued_and_found(self):
        first, second, third = (self.begin("api/serial", "queue") for _ in range(3))
        self.assertEqual(second["status"], "queued")
        self.assertEqual(second["concurrency"], {"key": "queue"})
        found = self.call("list_decisions", query={"status": "queued", "key": "queue"})["decisions"]
        self.assertEqual({each["id"] for each in found}, {second["id"], third["id"]})
        self.call("cancel_decision", {"why": "next"}, path={"id": first["id"]})
        self.until(second, "waiting")
        self.assertEqual(self.status(third), "queued")
        record = self.call("get_decision_record", path={"id": second["id"]})
        self.assertEqual(record["concurrency"], {"key": "queue", "queued": True, "place": 1})
        self.assertGreaterEqual(record["admitted_at"], record["started_at"])
        self.call("cancel_decision", {"why": "unwanted"}, path={"id": third["id"]})
        self.assertEqual(self.status(third), "cancelled")
        self.assertTrue(self.call("replay_decision", {}, path={"id": third["id"]})["identical"])
        self.assertIn('switchyard_runs_queued{pipeline="api/serial"}', send(self.server, "GET", "/metrics").text)

    def test_a_full_queue_and_a_limit_that_refuses_name_themselves(self):
        for _ in range(4):
            self.begin("api/serial", "full")
        refused = self.begin("api/serial", "full", 429)
        self.assertEqual(refused["code"], "run.queue_full")
        self.assertIn("max_queued is 3", refused["detail"])
        self.begin("api/single", "alone")
        refused = self.begin("api/single", "alone", 409)
        self.assertEqual(refused["code"], "run.limit_reached")
        for part in ("api/single", "'alone'", "limit of 1"):
            self.assertIn(part, refused["detail"])

    def test_the_higher_priority_goes_first(self):
        first = self.begin("api/serial", "turns")
        low, high = self.begin("api/serial", "turns", n=10), self.begin("api/serial", "turns", n=90)
        self.assertEqual(high["priority"], 90)
        self.call("cancel_decision", {"why": "next"}, path={"id": first["id"]})
        self.until(high, "waiting")
        self.assertEqual(self.status(low), "queued")
        self.begin("api/serial", "turns", 422, n=101)

    def test_the_latest_wins(self):
        old, middle, new = (self.begin("api/newest", "latest") for _ in range(3))
        self.until(new, "waiting")
        self.assertEqual([self.status(each) for each in (old, middle)], ["cancelled", "cancelled"])
        self.assertIn("is newer", self.call("get_decision", path={"id": middle["id"]})["error"]["message"])


class Priorities(Case):
    """Whose turn it is where a task waits for a worker: the pipeline says, else the request, else what started the run."""
    TURN = """
pipeline: api/turn@1.0.0
input: {}
steps: { done: { task: { type: turn, queue: turns }, timeout: 60s } }
output: { done: done }
"""
    URGENT = TURN.replace("api/turn@", "api/urgent-turn@").replace("input: {}", "input: {}\npriority: 90")
    PARENT = """
pipeline: api/turn-parent@1.0.0
input: {}
steps: { child: { pipeline: api/turn, input: {}, timeout: 60s } }
output: { done: child.done }
"""

    def begin(self, pipeline, priority, key):
        answer = self.call("start_decision", {"pipeline": pipeline, "input": {}}, 202, headers={"X-Switchyard-Priority": priority}, key=key)
        return answer["id"]

    def test_tasks_wait_in_the_order_of_their_requests_priorities(self):
        harness.deploy(self.server, {"turn.yaml": self.TURN, "urgent.yaml": self.URGENT, "parent.yaml": self.PARENT})
        high = self.call("create_key", {"name": "high", "roles": ["developer"], "priority": "high"}, 201)["key"]
        started = [self.begin(*each) for each in (
            ("api/turn", "low", "dora"), ("api/turn-parent", "low", "dora"), ("api/turn", "high", "dora"), ("api/turn", "high", high),
            ("api/urgent-turn", "low", "dora"))]
        low, parent, lowered, higher, urgent = started
        shown = [self.call("get_decision", path={"id": each}).body.get("priority") for each in started]
        self.assertEqual(shown, [25, 25, None, 75, 90])
        gauge = 'switchyard_worker_tasks_waiting{queue="turns"} 5'
        self.eventually(lambda: send(self.server, "GET", "/metrics").text, lambda text: gauge in text)
        tasks = self.call("poll_tasks", {"worker": "w", "max_tasks": 5}, path={"queue": "turns"}, key="wanda")["tasks"]
        order = [task["decision"] for task in tasks]
        self.assertEqual(order[:4], [urgent, higher, lowered, low])
        self.assertEqual(self.call("get_decision_record", path={"id": order[4]})["parent"], parent)
        self.assertEqual(self.call("get_decision", path={"id": order[4]})["priority"], 25)
        for task in tasks:
            self.call("complete_task", {"result": "done"}, path={"lease": task["lease"]}, key="wanda")


class OperationsOverMany(Case):
    """Bulk operations and migrations, killed in the middle."""
    STAY = """
pipeline: api/stay@VERSION
input: {}
steps: { rest: { wait: 10h } }
output: { until: rest.until }
"""
    MANY = 1600  # more than three pages

    def begin(self, version):
        harness.deploy(self.server, {"stay.yaml": self.STAY.replace("VERSION", version)})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: self.call("start_decision", {"pipeline": "api/stay", "input": {}}, 202), range(self.MANY)))

    def interrupted(self, operation, at):
        """What is told of it at its end, after `kill -9` once the first page was done."""
        seen = self.eventually(lambda: self.call(operation, path=at).body, lambda found: found["matched"] > 0 or found["status"] != "running")
        self.assertEqual(seen["status"], "running", "it was over before it could be interrupted")
        self.server.crash()
        return self.eventually(lambda: self.call(operation, path=at).body, lambda found: found["status"] != "running", 120)

    def count(self, **filters):
        found, cursor = 0, {}
        while True:
            page = self.call("list_decisions", query={"pipeline": "api/stay", "limit": 500, **filters, **cursor})
            found += len(page["decisions"])
            if "next_cursor" not in page.body:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def test_they_go_on_after_kill_9_and_count_each_decision_once(self):
        self.begin("1.0.0")
        harness.deploy(self.server, {"stay.yaml": self.STAY.replace("VERSION", "1.1.0")})
        moved = self.call("start_migration", {"pipeline": "api/stay", "from": "all", "to": "1.1.0", "why": "new"}, 202)
        moved = self.interrupted("get_migration", {"id": moved["id"]})
        self.assertEqual([moved[each] for each in ("status", "matched", "migrated", "stays", "failed")], ["done", self.MANY, self.MANY, 0, 0], moved)
        self.assertEqual({each["from"] for each in moved["decisions"]}, {"1.0.0"})
        self.assertEqual(self.count(version="1.1.0"), self.MANY)

        paused = self.call("start_bulk_operation", {"action": "pause", "filter": {"pipeline": "api/stay"}, "why": "audit"}, 202)
        at = {"id": paused["id"]}
        paused = self.interrupted("get_bulk_operation", at)
        self.assertEqual([paused[each] for each in ("status", "matched", "changed", "failed")], ["done", self.MANY, self.MANY, 0], paused)
        self.assertEqual(self.count(status="paused"), self.MANY)
        self.server.crash()
        self.assertEqual(self.call("get_bulk_operation", path=at).body, paused)


class Waiting(Case):
    def test_a_start_that_does_not_wait_says_where_to_look(self):
        answer = self.call("start_decision", {"pipeline": "api/pause", "input": {"pause": "1s"}}, 202)
        self.assertEqual(answer.headers["Location"], answer["href"])
        done = self.call("get_decision", path={"id": answer["id"]}, query={"wait": "30s"})
        self.assertEqual(done["status"], "completed")
        self.assertGreaterEqual(done["duration_ms"], 1000)

    def test_the_wait_may_stand_in_three_places(self):
        body = {"pipeline": "api/pause", "input": {"pause": "0.05s"}}
        for named in ({"query": {"wait": "20s"}}, {"headers": {"Prefer": "wait=20"}}):
            answer = self.call("start_decision", body, 202, **named)
            self.assertEqual(answer["status"], "waiting", "a start answers as soon as it waits for a timer")
        self.assertEqual(self.call("start_decision", dict(body, wait=False), 202)["pipeline"], "api/pause")

    def test_a_waiting_reader_gets_the_answer_when_a_person_gives_it(self):
        decision, review = self.ask()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            reader = pool.submit(self.call, "get_decision", path={"id": decision}, query={"wait": "30s"})
            self.call("claim_review", {}, path={"id": review}, key="ann")
            self.call("answer_review", {"answer": {"fine": False}}, path={"id": review}, key="ann")
            self.assertEqual(reader.result()["output"], {"fine": False, "by": "ann"})

    def test_a_failing_service_is_asked_again_with_the_same_key(self):
        with Service(failures=2) as service:
            done = self.start("api/call", {"url": service.url})
            self.assertEqual(done["output"], {"status": 200, "ok": True})
            self.assertEqual(len(service.keys), 3)
            self.assertEqual(len(set(service.keys)), 1)
            record = self.call("get_decision_record", path={"id": done["id"]})
            self.assertEqual((record["steps"][0]["attempts"], len(record["steps"][0]["errors"])), (3, 2))
            self.assertTrue(self.call("replay_decision", {}, path={"id": done["id"]})["identical"])
            self.assertEqual(len(service.keys), 3, "a replay called the service")

    def test_blocks_run_and_a_child_is_a_decision_of_its_own(self):
        done = self.start("api/flow", {"items": [2, 3, 4, 5]})
        self.assertEqual(done["output"], {"results": [4, 8], "failed": 2, "sum": 12, "fraud": True})
        at = {"id": done["id"]}
        record = self.call("get_decision_record", path=at)
        steps = {step["name"]: step for step in record["steps"]}
        self.assertEqual(steps["doubled[0].twice"]["gave"], {"n": 4})
        self.assertEqual(steps["doubled[1].odd"]["status"], "failed")
        child = self.call("get_decision_record", path={"id": steps["scored"]["child"]})
        self.assertEqual(child["parent"], done["id"])
        self.assertTrue(self.call("replay_decision", {}, path=at)["identical"])

    def test_what_was_done_is_undone_when_the_decision_fails(self):
        failed = self.saga(True)
        self.assertEqual((failed["status"], failed["error"]["code"]), ("failed", "api.full"))
        at = {"id": failed["id"]}
        steps = {step["name"]: step for step in self.call("get_decision_record", path=at)["steps"]}
        self.assertEqual(steps["booked.compensate.booked_undo"]["gave"], {"given_back": 12})
        self.assertEqual(steps["finally.told"]["status"], "completed")
        self.assertTrue(self.call("replay_decision", {}, path=at)["identical"])
        self.assertEqual(self.saga(False)["output"], {"seat": 12})

    def saga(self, fails):
        """Its `finally` waits for a moment."""
        started = self.start("api/saga", {"fails": fails}, 202)
        return self.call("get_decision", path={"id": started["id"]}, query={"wait": "20s"})

    def test_a_paused_decision_stands_still(self):
        held = {"id": self.start("api/pause", {"pause": "1s"}, 202)["id"]}
        self.assertEqual(self.call("pause_decision", {"why": "look"}, path=held)["status"], "paused")
        self.problem("run.paused", "pause_decision", {"why": "again"}, path=held, status=409)
        self.assertEqual(self.call("get_decision", path=held, query={"wait": "1500ms"})["status"], "paused")
        self.call("resume_decision", {"why": "go on"}, path=held)
        waiting = {"id": self.start("api/pause", {"pause": "3600s"}, 202)["id"]}
        self.problem("run.not_paused", "resume_decision", {"why": "it runs"}, path=waiting, status=409)
        self.assertEqual(self.call("get_decision", path=held, query={"wait": "10s"})["status"], "completed")
        self.assertTrue(self.call("replay_decision", {}, path=held)["identical"])

    def test_a_restart_keeps_what_was_recorded_before(self):
        done = self.start("api/score", {"card": "r", "amount": 700, "country": "AT"})
        at = {"id": done["id"]}
        again = self.call("restart_decision", {"from": "verdict", "why": "look again", "wait": "10s"}, path=at)
        events = self.call("get_decision_history", path={"id": again["id"]})["events"]
        self.assertEqual([event["type"] for event in events[:3]], ["run_started", "run_restarted", "step_completed"])
        self.assertEqual(events[1]["of"], done["id"])
        self.assertTrue(self.call("replay_decision", {}, path={"id": again["id"]})["identical"])
        self.problem("run.unknown_step", "restart_decision", {"from": "nothing"}, path=at, status=422)
        waiting = {"id": self.start("api/pause", {"pause": "3600s"}, 202)["id"]}
        self.problem("run.not_ended", "restart_decision", {"from": "pause"}, path=waiting, status=409)

    def test_a_signal_is_taken_once_and_refused_with_the_member_that_is_wrong(self):
        at = {"id": self.start("api/papers", {"name": "signals"}, 202)["id"]}
        self.assertEqual(self.call("query_decision", path={**at, "name": "stage"})["value"], "asked")
        bad = self.problem("signal.bad_payload", "signal_decision", {"name": "documents", "payload": {"files": "two"}}, path=at, status=422)
        self.assertEqual(bad["field"], "payload/files")
        unknown = self.problem("signal.unknown", "signal_decision", {"name": "paper"}, path=at, status=422)
        self.assertIn("documents", unknown["detail"])
        self.problem("request.missing", "signal_decision", {"payload": {}}, path=at, status=400)
        self.problem("run.unknown", "signal_decision", {"name": "documents"}, path={"id": "01a20983-7850-7200-b9f4-ebb4d2f1d798"}, status=404)
        once = {"headers": {"Idempotency-Key": "upload-1"}, "path": at}
        signal = {"name": "documents", "payload": {"files": 3}, "why": "by mail"}
        self.call("signal_decision", signal, **once)
        again = self.call("signal_decision", signal, **once)
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.problem("signal.idempotency_mismatch", "signal_decision", {"name": "documents", "payload": {"files": 4}}, status=422, **once)
        types = [event["type"] for event in self.call("get_decision_history", path=at)["events"]]
        self.assertEqual(types, ["run_started", "step_completed", "step_waiting", "signal_received", "step_completed", "step_waiting"])
        record = self.call("get_decision_record", path=at)
        self.assertEqual((record["signals"][0]["who"], record["signals"][0]["why"], record["signals"][0]["payload"]), ("developer", "by mail", {"files": 3}))
        self.call("cancel_decision", {"why": "over"}, path=at)
        self.call("signal_decision", signal, **once)
        self.problem("run.ended", "signal_decision", signal, path=at, status=409)

    def test_queries_are_answered_under_way_and_afterwards(self):
        at = {"id": self.start("api/papers", {"name": "queries"}, 202)["id"]}
        whole = self.call("query_decision_all", path=at)
        self.assertEqual(whole["queries"], {"stage": "asked"})
        self.assertIn("share", whole["errors"])
        self.problem("query.failed", "query_decision", path={**at, "name": "share"}, status=422)
        self.assertIn("stage", self.problem("query.unknown", "query_decision", path={**at, "name": "step"}, status=404)["detail"])
        self.call("signal_decision", {"name": "documents", "payload": {"files": 5}}, path=at)
        before = len(self.call("get_decision_history", path=at)["events"])
        self.call("cancel_decision", {"why": "over"}, path=at)
        self.assertEqual(self.call("query_decision_all", path=at)["queries"], {"stage": "there", "share": 2})
        self.assertEqual(self.call("query_decision", path={**at, "name": "share"})["value"], 2)
        self.assertIn("stage", self.problem("query.unknown", "query_decision", path={**at, "name": "step"}, status=404)["detail"])
        self.assertEqual(len(self.call("get_decision_history", path=at)["events"]), before + 1)

    def test_decisions_that_wait_go_to_another_version_where_the_types_allow(self):
        first = (harness.PIPELINES / "papers.pipeline.yaml").read_text().replace("api/papers@", "api/moving@")
        later = (first.replace("@1.0.0", "@2.0.0").replace("steps:\n", "steps:\n  more: { set: { v: 7 } }\n")
                 .replace("label: label.text", "label: label.text, more: more.v").replace("wait: 1h", "wait: 10ms"))
        other = first.replace("@1.0.0", "@3.0.0").replace("label: { set: { text:", "label: { set: { long: 1, text:")
        def deploy(text):
            self.assertTrue(self.call("deploy", {"files": [{"path": "moving.pipeline.yaml", "content": text}], "message": "x"})["deployed"])
        deploy(first)
        at = {"id": self.start("api/moving", {"name": "m"}, 202)["id"]}
        deploy(later)
        deploy(other)
        request = {"pipeline": "api/moving", "from": "1.0.0", "why": "a test"}

        def run(**more):
            answer = self.call("start_migration", {**request, **more}, 202)
            while answer["status"] == "running":
                answer = self.call("get_migration", path={"id": answer["id"]})
            return answer

        refused = run(to="3.0.0")
        self.assertEqual((refused["matched"], refused["stays"]), (1, 1))
        self.assertEqual(refused["decisions"][0]["reasons"],
                         ["step `label` gave {text: string}, version 3.0.0 expects {long: int, text: string}"])
        counted = run(to="2.0.0", dry_run=True, filter={"key": "m"})
        self.assertEqual((counted["matched"], counted["migrated"]), (1, 1))
        self.assertEqual(self.call("get_decision", path=at)["version"], "1.0.0")
        self.assertEqual(run(to="2.0.0")["migrated"], 1)
        self.assertEqual(run(to="2.0.0")["matched"], 0)
        self.assertEqual(self.call("get_decision", path=at)["version"], "2.0.0")
        self.call("signal_decision", {"name": "documents", "payload": {"files": 1}}, path=at)
        done = self.call("get_decision", path=at, query={"wait": "10s"})
        # The one that waits under the new version ends as that says.
        self.assertEqual(done["output"], {"files": 1, "from": "developer", "label": "papers of m", "more": 7})
        self.assertTrue(self.call("replay_decision", {}, path=at)["identical"])
        record = self.call("get_decision_record", path=at)
        self.assertEqual([(each["from_version"], each["version"], each["who"]) for each in record["migrations"]], [("1.0.0", "2.0.0", "developer")])
        self.assertEqual({step["name"]: step.get("version") for step in record["steps"]},
                         {"more": None, "label": "1.0.0", "papers": None, "pause": None})
        self.assertIn("run_migrated", [event["type"] for event in self.call("get_decision_history", path=at)["events"]])
        self.problem("replay.not_available", "replay_decision", {"with": ["model=light@1.0.0"]}, path=at, status=422)
        self.problem("pipeline.unknown", "start_migration", {**request, "to": "9.9.9"}, status=404)
        self.problem("request.bad_type", "start_migration", {**request, "to": "2.0.0", "from": 1}, status=400)
        self.problem("migration.unknown", "get_migration", path={"id": "01a20983-7850-7200-b9f4-ebb4d2f1d798"}, status=404)

    def test_many_are_cancelled_at_once_after_they_were_counted(self):
        for _ in range(3):
            self.start("api/pause", {"pause": "3600s"}, 202)
        request = {"action": "cancel", "filter": {"pipeline": "api/pause", "status": "waiting"}, "why": "all of them"}

        def run(**more):
            answer = self.call("start_bulk_operation", {**request, **more}, 202)
            while answer["status"] == "running":
                answer = self.call("get_bulk_operation", path={"id": answer["id"]})
            return answer

        counted = run(dry_run=True)
        self.assertGreaterEqual(counted["matched"], 3)
        self.assertEqual(counted["changed"], 0)
        self.assertEqual(run()["changed"], counted["matched"])
        self.assertEqual(run()["matched"], 0)
        self.problem("bulk.unknown_action", "start_bulk_operation", {"action": "delete", "filter": {"pipeline": "x"}}, status=400)
        self.problem("request.missing", "start_bulk_operation", {"action": "cancel", "filter": {}}, status=400)
    def test_an_answer_that_does_not_fit_the_response_schema_fails_the_attempt_and_names_the_field(self):
        with Service(body=b'{"ok": "perhaps"}') as service:
            failed = self.start("api/call", {"url": service.url})
            self.assertEqual(failed["status"], "failed")
            self.assertIn("does not fit the step's `response`", failed["error"]["message"])
            errors = self.call("get_decision_record", path={"id": failed["id"]})["steps"][0]["errors"]
            self.assertEqual((errors[0]["error"]["code"], errors[0]["error"]["field"]), ("http.unexpected_body", "body/ok"))
            calls = len(service.keys)
            self.assertTrue(self.call("replay_decision", {}, path={"id": failed["id"]})["identical"])
            self.assertEqual(len(service.keys), calls, "a replay called the service")

    def test_a_link_local_address_is_not_called(self):
        failed = self.start("api/call", {"url": "http://169.254.169.254/latest/meta-data"})
        self.assertEqual(failed["status"], "failed")
        self.assertIn("--http-allow", failed["error"]["message"])

    def test_a_cancelled_decision_cannot_be_cancelled_again(self):
        at = {"id": self.start("api/pause", {"pause": "3600s"}, 202)["id"]}
        answer = self.call("cancel_decision", {"why": "not needed"}, path=at)
        self.assertIn("not needed", answer["error"]["message"])
        self.problem("run.ended", "cancel_decision", {}, path=at, status=409)


class Lists(Case):
    def test_pages_hold_every_decision_once_newest_first(self):
        started = [self.score("paged", amount)["id"] for amount in range(7)]
        seen, cursor = [], None
        while True:
            page = self.call("list_decisions", query=dict({"key": "paged", "limit": 3}, **({"cursor": cursor} if cursor else {})))
            self.assertLessEqual(len(page["decisions"]), 3)
            seen += [item["id"] for item in page["decisions"]]
            cursor = page.body.get("next_cursor")
            if cursor is None:
                break
        self.assertEqual(sorted(seen), sorted(started))
        # An id knows its time to the millisecond; within one, partitions go their own way.
        times = [self.call("get_decision", path={"id": each})["started_at"][:23] for each in seen]
        self.assertEqual(times, sorted(times, reverse=True))

    def ids(self, **query):
        return {item["id"] for item in self.call("list_decisions", query={name.replace("__", "."): value for name, value in query.items()})["decisions"]}

    def test_each_filter_holds(self):
        cheap = self.score("filtered", 12.5, "DE")["id"]
        dear = self.score("filtered", 700, "CH")["id"]
        other = self.start("api/pause", {"pause": "3600s"}, 202)["id"]
        mine = {"key": "filtered"}
        self.assertEqual(self.ids(**mine), {cheap, dear})
        self.assertEqual(self.ids(**mine, search__country="CH"), {dear})
        self.assertEqual(self.ids(**mine, search__amount="700"), {dear})
        self.assertEqual(self.ids(**mine, search__amount="12.5", search__country="DE"), {cheap})
        self.assertEqual(self.ids(**mine, search__amount="12.5", search__country="CH"), set())
        self.assertEqual(self.ids(**mine, status="completed"), {cheap, dear})
        self.assertEqual(self.ids(**mine, status="failed"), set())
        self.assertEqual(self.ids(**mine, pipeline="api/pause"), set())
        self.assertEqual(self.ids(**mine, version="1.0.0"), {cheap, dear})
        self.assertEqual(self.ids(**mine, version="7.0.0"), set())
        self.assertEqual(self.ids(**mine, since="1h"), {cheap, dear})
        self.assertEqual(self.ids(**mine, until="2020-01-01T00:00:00Z"), set())
        self.assertIn(other, self.ids(status="waiting", pipeline="api/pause"))
        self.assertNotIn(other, self.ids(status="completed"))


class Reviews(Case):
    def test_of_two_reviewers_one_gets_the_claim(self):
        for _ in range(10):
            _, review = self.ask()
            target = f"/api/v1/reviews/{review}/claim"
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                answers = dict(zip(("ann", "ben"), pool.map(lambda who: send(self.server, "POST", target, {}, key=who), ("ann", "ben"))))
            self.assertEqual(sorted(answer.status for answer in answers.values()), [200, 409])
            winner = next(who for who, answer in answers.items() if answer.status == 200)
            loser = next(answer for answer in answers.values() if answer.status == 409)
            self.assertEqual(loser["code"], "review.claimed")
            self.assertIn(winner, loser["detail"], "the loser is not told who has it")

    def test_only_the_claimant_answers_and_only_once(self):
        decision, review = self.ask()
        at = {"path": {"id": review}}
        good = {"answer": {"fine": True}}
        self.problem("review.not_claimed", "answer_review", good, key="ann", status=409, **at)
        self.call("claim_review", {}, key="ann", **at)
        self.problem("review.claimed", "answer_review", good, key="ben", status=409, **at)
        self.problem("review.claimed", "release_review", {}, key="ben", status=403, **at)
        self.problem("review.not_yourself", "answer_review", dict(good, reviewer="ann"), key="ben", status=403, **at)
        wrong = self.problem("review.bad_answer", "answer_review", {"answer": {"fine": "yes"}}, key="ann", status=422, **at)
        self.assertIn("fine", wrong["detail"])
        self.call("answer_review", good, key="ann", **at)
        self.problem("review.ended", "answer_review", good, key="ann", status=409, **at)
        done = self.call("get_decision", path={"id": decision}, query={"wait": "20s"})
        self.assertEqual(done["output"], {"fine": True, "by": "ann"})

    def test_lists_follow_queue_claim_and_assignment(self):
        _, review = self.ask()
        at = {"id": review}

        def listed(**query):
            return review in [item["id"] for item in self.call("list_reviews", query=dict(query, limit=500))["reviews"]]

        self.assertTrue(listed(queue="desk"))
        self.assertFalse(listed(queue="elsewhere"))
        self.call("claim_review", {}, path=at, key="ben")
        self.assertFalse(listed(unclaimed="true"))
        self.call("release_review", {}, path=at, key="olaf", status=403)
        self.call("release_review", {}, path=at)
        self.call("escalate_review", {"queue": "leads"}, path=at, key="olaf")
        self.assertFalse(listed(queue="desk"))
        self.assertTrue(listed(queue="leads"))
        self.call("reassign_review", {"to": "ann"}, path=at, key="olaf")
        self.assertTrue(listed(assigned_to="ann"))
        self.problem("review.assigned", "claim_review", {}, path=at, key="ben", status=403)
        self.call("claim_review", {}, path=at, key="ann")
        self.problem("review.bad_lease", "claim_review", {"lease_seconds": 0}, path=at, key="ann", status=400)

    def test_a_lapsed_claim_is_open_again(self):
        _, review = self.ask()
        self.call("claim_review", {"lease_seconds": 1}, path={"id": review}, key="ann")
        harness.until(lambda: self.call("get_review", path={"id": review})["status"] == "open", "the claim does not lapse")
        self.assertEqual(self.call("claim_review", {}, path={"id": review}, key="ben")["claimed_by"], "ben")

    def test_cancelling_the_decision_closes_its_review(self):
        decision, review = self.ask()
        self.call("cancel_decision", {"why": "moot"}, path={"id": decision})
        self.assertEqual(self.call("get_review", path={"id": review})["status"], "closed")
        self.problem("review.ended", "claim_review", {}, path={"id": review}, key="ann", status=409)


PIPELINE = "pipeline: {name}@{version}\nsteps:\n  answer: {{ set: {{ value: {value} }} }}\noutput: {{ value: answer.value }}\n"


class Governance(Case):
    def deployment(self, name, version, value, status=200, **more):
        text = PIPELINE.format(name=name, version=version, value=value)
        return self.call("deploy", dict({"files": [{"path": "p.pipeline.yaml", "content": text}]}, **more), status)

    def value_of(self, name):
        return self.start(name, {})["output"]["value"]

    def test_a_dry_run_shows_the_difference_and_changes_nothing(self):
        self.deployment("gov/dry", "1.0.0", 1)
        before = self.call("get_status")["governance_offset"]
        change = self.deployment("gov/dry", "1.1.0", 2, dry_run=True)["changes"][0]
        self.assertEqual((change["change"], change["replaces"]), ("added", "1.0.0"))
        self.assertIn("-  answer: { set: { value: 1 } }", change["diff"])
        self.assertIn("+  answer: { set: { value: 2 } }", change["diff"])
        self.assertEqual(self.call("get_status")["governance_offset"], before)
        self.assertEqual(self.value_of("gov/dry"), 1)

    def test_versions_are_immutable(self):
        first = self.deployment("gov/fixed", "1.0.0", 1)
        again = self.deployment("gov/fixed", "1.0.0", 1)
        self.assertEqual(again["changes"][0]["change"], "unchanged")
        self.assertEqual(again["governance_offset"], first["governance_offset"])
        refused = self.deployment("gov/fixed", "1.0.0", 2, 422)
        self.assertEqual(refused["code"], "deployment.mistakes")
        self.assertEqual(self.value_of("gov/fixed"), 1)

    def test_all_mistakes_are_told_at_once_and_nothing_is_deployed(self):
        good = PIPELINE.format(name="gov/good", version="1.0.0", value=1)
        bad = "pipeline: gov/bad@1.0.0\nsteps:\n  a: { set: { x: inptu.y } }\n  b: { set: { x: 1 + 'a' } }\noutput: c.x\n"
        refused = self.call("deploy", {"files": [{"path": "good.pipeline.yaml", "content": good}, {"path": "bad.pipeline.yaml", "content": bad}]}, 422)
        errors = [each for each in refused["errors"] if each["severity"] == "error"]
        self.assertGreaterEqual(len(errors), 3, refused.text)
        self.assertEqual({each["file"] for each in errors}, {"bad.pipeline.yaml"})
        self.assertTrue({3, 4, 5} <= {each["line"] for each in errors}, refused.text)
        self.problem("pipeline.unknown", "start_decision", {"pipeline": "gov/good", "input": {}}, status=404)

    def test_an_earlier_version_can_be_active_again(self):
        self.deployment("gov/back", "1.0.0", 1)
        self.deployment("gov/back", "2.0.0", 2)
        self.assertEqual(self.value_of("gov/back"), 2)
        self.call("activate", {"kind": "pipeline", "name": "gov/back", "version": "1.0.0", "why": "2.0.0 is wrong"})
        self.assertEqual(self.value_of("gov/back"), 1)
        self.assertEqual(self.value_of("gov/back@2.0.0"), 2)
        active = {item["version"]: item["active"] for item in self.call("list_artefacts", query={"name": "gov/back"})["artefacts"]}
        self.assertEqual(active, {"1.0.0": True, "2.0.0": False})

    def test_a_switch_acts_on_the_next_start(self):
        self.deployment("gov/switched", "1.0.0", 1)
        key = {"kind": "pipeline", "name": "gov/switched"}
        for _ in range(5):
            self.call("throw_switch", dict(key, action="kill", why="wrong answers"), key="olaf")
            refused = self.start("gov/switched", {}, 503)
            self.assertEqual(refused["code"], "governance.killed")
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
            self.assertIn("wrong answers", refused["detail"])
            self.call("throw_switch", dict(key, action="revive", why="mended"), key="olaf")
            self.assertEqual(self.value_of("gov/switched"), 1)
        self.problem("governance.not_killed", "throw_switch", dict(key, action="revive", why="x"), status=409)
        self.problem("governance.no_reason", "throw_switch", dict(key, action="kill", why=""), status=400)
        self.problem("request.bad_action", "throw_switch", dict(key, action="stop", why="x"), status=400)

    def test_the_history_names_who_and_why(self):
        self.deployment("gov/told", "1.0.0", 1, message="first")
        newest = self.call("get_governance_history", query={"limit": 1})["events"][0]
        self.assertEqual((newest["type"], newest["name"], newest["version"], newest["who"], newest["why"]),
                         ("deployed", "gov/told", "1.0.0", "developer", "first"))


class Replays(Case):
    def test_another_rule_table_shows_what_would_have_been(self):
        dear, cheap = (self.start("api/ruled", {"amount": amount})["id"] for amount in (150, 20))
        table = (harness.PIPELINES / "limits.rules.yaml").read_text().replace("@1.0.0", "@2.0.0-rc.1").replace(">= 100", ">= 1000")
        self.call("deploy", {"files": [{"path": "limits.rules.yaml", "content": table}]})
        change = {"with": ["rules=api-limits@2.0.0-rc.1"]}
        other = self.call("replay_decision", change, path={"id": dear})
        self.assertEqual((other["mode"], other["identical"]), ("counterfactual", False))
        self.assertEqual(other["output_before"], {"outcome": "check", "rule": "large"})
        self.assertEqual(other["output_after"], {"outcome": "fine", "rule": "other"})
        self.assertEqual([step["step"] for step in other["changed_steps"]], ["limits"])
        self.assertTrue(self.call("replay_decision", change, path={"id": cheap})["identical"])
        many = self.call("replay_decisions", dict(change, pipeline="api/ruled", since="1h"))
        self.assertEqual((many["different"], many["failed"]), (1, 0))
        self.assertEqual([each["decision"] for each in many["examples"]], [dear])
        # Nothing of it is kept, and the exact replay still agrees.
        self.assertEqual(self.call("get_decision", path={"id": dear})["output"], other["output_before"])
        self.assertTrue(self.call("replay_decision", {}, path={"id": dear})["identical"])
        self.problem("replay.unknown_version", "replay_decision", {"with": ["rules=api-limits@9.0.0"]}, path={"id": dear}, status=404)

    def test_a_decision_that_waits_then_as_now_has_the_same_outcome(self):
        text = """
pipeline: api/ruled-wait@1.0.0
steps:
  limits: { rules: api-limits, facts: { amount: 5.0 } }
  opinion: { after: limits, review: { queue: desk, form: { type: object, properties: { fine: { type: boolean } } }, show: [limits], due: 1h } }
output: { outcome: limits.outcome }
"""
        self.call("deploy", {"files": [{"path": "p.pipeline.yaml", "content": text}]})
        waiting = {"id": self.start("api/ruled-wait", {}, 202)["id"]}
        self.assertTrue(self.call("replay_decision", {}, path=waiting)["identical"])
        same = self.call("replay_decision", {"with": ["rules=api-limits@1.0.0"]}, path=waiting)
        self.assertTrue(same["identical"], same.text)

    def test_a_decision_stays_pinned_to_the_table_it_began_with(self):
        done = self.start("api/ruled", {"amount": 5})
        pins = self.call("get_decision_record", path={"id": done["id"]})["pins"]
        self.assertEqual([(pin["kind"], pin["name"]) for pin in pins], [("rules", "api-limits")])

    def test_every_kind_of_decision_replays_byte_for_byte(self):
        decision, review = self.ask("replayed?")
        at = {"path": {"id": review}}
        self.call("claim_review", {}, key="ann", **at)
        self.call("comment_review", {"text": "hm"}, key="ann", **at)
        self.call("release_review", {}, key="ann", **at)
        self.call("escalate_review", {"queue": "leads"}, key="olaf", **at)
        self.call("claim_review", {}, key="ben", **at)
        self.call("answer_review", {"answer": {"fine": True}}, key="ben", **at)
        cancelled = self.start("api/pause", {"pause": "3600s"}, 202)["id"]
        self.call("cancel_decision", {"why": "x"}, path={"id": cancelled})
        failed = self.start("api/call", {"url": "http://127.0.0.1:1/"})
        self.assertEqual(failed["status"], "failed")
        paused = self.start("api/pause", {"pause": "0.1s"}, 202)["id"]
        self.call("get_decision", path={"id": paused}, query={"wait": "20s"})
        for each in (decision, cancelled, failed["id"], paused):
            report = self.call("replay_decision", {}, path={"id": each})
            self.assertTrue(report["identical"], report.text)
            self.assertEqual(report["status_before"], report["status_after"])


class Restart(Case):
    def test_everything_answered_is_there_after_a_restart(self):
        done = self.score("kept", 33)
        _, review = self.ask("kept?")
        code = self.server.stop()
        self.server.start()
        self.assertEqual(code, 0)
        self.assertEqual(self.call("get_decision", path={"id": done["id"]}).body, done.body)
        self.assertEqual(self.call("get_review", path={"id": review})["status"], "open")
        self.assertTrue(self.call("replay_decision", {}, path={"id": done["id"]})["identical"])


if __name__ == "__main__":
    harness.main()
