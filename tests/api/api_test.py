"""The API through a real server: every operation, its errors, and what it promises.

  api_test.py --binary build/release/bin/switchyard [Class.test]
"""
import base64
import pathlib
import re
import sys

import harness

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
import upstream  # noqa: E402
import openapi_check
from harness import Case, send

NO_SUCH = "01a20983-7850-7200-b9f4-ebb4d2f1d798"


class TheDescription(Case):
    def test_names_every_route_of_the_server_and_no_other(self):
        routes = openapi_check.routes_in_sources(harness.SOURCE / "src/gateway/surfaces")
        self.assertGreater(len(routes), 20, "the pattern no longer finds the surfaces' routes")
        described = {name: (each["method"], each["path"], each["x-permission"]) for name, each in self.description.operations.items()}
        self.assertEqual(described, routes)

    def test_is_what_the_server_serves(self):
        served = send(self.server, "GET", "/openapi.json", key=None)
        self.assertEqual(served.body, self.description.document)

    def test_refers_only_to_what_is_there_and_uses_all_of_it(self):
        references = self.description.every_reference()
        for reference in references:
            self.description.at(reference)
        for group in ("schemas", "responses"):
            unused = {name for name in self.description.document["components"][group]
                      if f"#/components/{group}/{name}" not in references}
            self.assertEqual(unused, set(), group)

    def test_says_of_every_operation_who_may_and_how_it_fails(self):
        for name, operation in self.description.operations.items():
            parameters = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            self.assertEqual(parameters, set(re.findall(r"{(\w+)}", operation["path"])), name)
            if operation["x-permission"]:
                self.assertIn("401", operation["responses"], name)
                self.assertIn("403", operation["responses"], name)
            else:
                self.assertEqual(operation["security"], [], name)


class EveryOperation(Case):
    def test_answers_as_it_is_described(self):
        called = set()

        def call(operation, *arguments, **named):
            called.add(operation)
            return self.call(operation, *arguments, **named)

        done = call("start_decision", {"pipeline": "api/score@1.0.0", "input": {"card": "x", "amount": 700, "country": "AT"}, "wait": True})
        self.assertEqual(done["output"], {"fraud": True, "large": True, "reason": "automatic"})
        at = {"id": done["id"]}
        self.assertEqual(call("get_decision", path=at)["output"], done["output"])
        self.assertTrue(call("list_decisions")["decisions"])
        self.assertEqual([event["type"] for event in call("get_decision_history", path=at)["events"]],
                         ["run_started", "step_completed", "step_completed", "run_completed"])
        record = call("get_decision_record", path=at)
        self.assertEqual([(step["name"], step["status"]) for step in record["steps"]], [("facts", "completed"), ("verdict", "completed")])
        self.assertEqual(record["output"], done["output"])
        self.assertTrue(call("replay_decision", {}, path=at)["identical"])
        self.assertEqual(call("replay_decisions", {"pipeline": "api/score"})["different"], 0)
        waiting = self.start("api/pause", {"pause": "3600s"}, 202)
        self.assertEqual(call("cancel_decision", {"why": "enough"}, path={"id": waiting["id"]})["status"], "cancelled")

        held = {"id": self.start("api/pause", {"pause": "3600s"}, 202)["id"]}
        self.assertEqual(call("pause_decision", {"why": "wait"}, path=held)["status"], "paused")
        self.assertEqual(call("resume_decision", {"why": "go on"}, path=held)["status"], "waiting")
        again = call("restart_decision", {"from": "verdict", "why": "once more", "wait": "10s"}, path={"id": done["id"]})
        self.assertEqual(again["output"], done["output"])
        self.assertNotEqual(again["id"], done["id"])
        bulk = call("start_bulk_operation", {"action": "cancel", "filter": {"pipeline": "api/pause"}, "dry_run": True}, 202)
        while bulk["status"] == "running":
            bulk = call("get_bulk_operation", path={"id": bulk["id"]})
        call("get_bulk_operation", path={"id": bulk["id"]})
        listed = call("list_bulk_operations")["operations"][0]
        self.assertEqual(listed, {name: value for name, value in bulk.body.items() if name != "failures"})
        self.assertGreaterEqual(bulk["matched"], 1)
        self.assertEqual(bulk["changed"], 0)

        asked = {"id": self.start("api/papers", {"name": "ops"}, 202)["id"]}
        self.assertEqual(call("query_decision", path={**asked, "name": "stage"})["value"], "asked")
        self.assertEqual(call("signal_decision", {"name": "documents", "payload": {"files": 2}, "why": "mail"}, path=asked)["status"], "waiting")
        self.assertEqual(call("query_decision_all", path=asked)["queries"], {"stage": "there", "share": 5})
        moved = call("start_migration", {"pipeline": "api/papers", "from": "all", "to": "1.0.0", "why": "none"}, 202)
        while moved["status"] == "running":
            moved = call("get_migration", path={"id": moved["id"]})
        call("get_migration", path={"id": moved["id"]})
        self.assertEqual(moved["matched"], 0)
        listed = call("list_migrations")["operations"][0]
        self.assertEqual(listed, {name: value for name, value in moved.body.items() if name != "decisions"})

        for number in ("1", "2"):
            event = {"specversion": "1.0", "id": number, "source": "/api-test", "type": "api.counted", "data": {"card": "c", "n": 2}}
            call("publish_events", event, 202, headers={"Content-Type": "application/cloudevents+json"})
        letters = self.eventually(lambda: call("list_dead_letters")["dead_letters"], lambda found: len(found) == 2)
        first = call("list_dead_letters", query={"limit": 1, "since": "1h", "code": letters[0]["code"]})
        second = call("list_dead_letters", query={"limit": 1, "cursor": first["next_cursor"]})
        self.assertEqual(first["dead_letters"] + second["dead_letters"], letters)
        self.assertNotIn("next_cursor", second.body)
        call("replay_dead_letter", {}, path={"id": letters[0]["id"]})
        call("discard_dead_letter", {}, path={"id": letters[1]["id"]})
        self.assertIn("api/counter", call("list_agents").text)
        self.eventually(lambda: call("get_agent_state", query={"agent": "api/counter", "key": "c"}).text, lambda found: "4" in found)
        self.assertIn("api.counted", call("get_event_graph").text)

        _, review = self.ask()
        at = {"id": review}
        self.assertIn(review, [item["id"] for item in call("list_reviews")["reviews"]])
        self.assertEqual(call("get_review", path=at)["show"], {"input": {"text": "really?"}})
        self.assertEqual(call("claim_review", {"lease_seconds": 60}, path=at)["status"], "claimed")
        self.assertEqual(call("comment_review", {"text": "hm"}, path=at)["comments"], 1)
        self.assertEqual(call("release_review", {}, path=at)["status"], "open")
        self.assertEqual(call("escalate_review", {"queue": "leads", "why": "hard"}, path=at)["queue"], "leads")
        self.assertEqual(call("reassign_review", {"to": "admin-somebody"}, path=at)["assigned_to"], "admin-somebody")
        call("reassign_review", {}, path=at)
        call("claim_review", {}, path=at)
        self.assertEqual(call("answer_review", {"answer": {"fine": True}}, path=at)["status"], "answered")

        self.assertFalse(call("deploy", {"files": self.files_of(harness.PIPELINES), "dry_run": True})["deployed"])
        self.assertGreaterEqual(len(call("list_artefacts", query={"kind": "pipeline"})["artefacts"]), 4)
        self.assertIn("pipeline: api/score", call("get_artefact", path={"kind": "pipeline", "name": "api/score"})["source"])
        call("activate", {"kind": "pipeline", "name": "api/score", "version": "1.0.0", "why": "the same"})
        self.assertEqual(call("throw_switch", {"action": "kill", "kind": "pipeline", "name": "api/call", "why": "test"})["killed"][0]["name"], "api/call")
        self.assertEqual(call("list_switches")["killed"][0]["why"], "test")
        self.assertEqual(call("throw_switch", {"action": "revive", "kind": "pipeline", "name": "api/call", "why": "over"})["killed"], [])
        self.assertEqual(call("get_governance_history", query={"limit": "2"})["events"][0]["type"], "revived")
        self.assertEqual(call("list_models")["models"], [])
        self.work(call)

        self.assertEqual(call("set_hold", {"name": "api", "why": "a test", "pipeline": "api/none*", "search": {"n": "1"}})["who"], "developer")
        self.assertEqual([hold["name"] for hold in call("list_holds")["holds"]], ["api"])
        self.assertEqual(call("release_hold", {"why": "over"}, path={"name": "api"})["released"], "api")
        self.assertEqual(len(call("get_retention")["partitions"]), 4)
        self.assertTrue(call("apply_retention", {"dry_run": True})["dry_run"])

        made = call("create_key", {"name": "made", "roles": ["viewer"], "requests_per_minute": 60, "budget_per_day": "2.50"}, 201)
        key = {"id": made["id"]}
        self.assertIn(made["id"], [each["id"] for each in call("list_keys")["keys"]])
        self.assertEqual(call("edit_key", {"routes": ["chat/*"], "expires_in": "1d"}, path=key)["routes"], ["chat/*"])
        self.assertEqual(call("get_key", path=key)["budget_per_day"], "2.5")
        rotated = call("rotate_key", {"grace": "1h"}, path=key)
        for text in (made["key"], rotated["key"]):
            self.assertEqual(send(self.server, "GET", "/api/v1/decisions", key=text).status, 200)
        self.assertEqual(call("revoke_key", path=key)["state"], "revoked")

        self.assertEqual(call("get_health", key=None).text, "ok\n")
        self.assertEqual(call("get_readiness", key=None).text, "ready\n")
        call("get_metrics")
        call("get_openapi", key=None)
        self.assertTrue(call("get_status")["ready"])
        self.ask_a_model(call)
        self.ask_a_route(call)
        self.assertEqual(called, set(self.description.operations), "an operation was not called")

    def ask_a_model(self, call):
        manifest = ("model: logarithm@1.0.0\nbackend: onnx\nfile: logarithm.onnx\n"
                    "input: { tensors: { x: { fields: [x] } } }\noutput: { y: \"y[0]\" }\n")
        weights = base64.b64encode((harness.SOURCE / "src/models/tests/data/logarithm.onnx").read_bytes()).decode()
        call("deploy", {"files": [{"path": "logarithm.model.yaml", "content": manifest},
                                  {"path": "logarithm.onnx", "content_base64": weights}], "message": "a model"})
        self.assertEqual(call("get_inference_server")["name"], "switchyard")
        self.assertTrue(call("get_inference_live")["live"])
        self.assertTrue(call("get_inference_ready")["ready"])
        model, version = {"name": "logarithm"}, {"name": "logarithm", "version": "1.0.0"}
        x = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}
        for operation, path in (("get_inference_model", model), ("get_inference_model_version", version)):
            self.assertEqual(call(operation, path=path)["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}])
        self.assertTrue(call("get_inference_model_ready", path=model)["ready"])
        self.assertTrue(call("get_inference_model_version_ready", path=version)["ready"])
        for operation, path in (("infer", model), ("infer_version", version), ("infer_by_path", {"name": "logarithm/versions/1.0.0/infer"})):
            self.assertEqual(call(operation, x, path=path)["outputs"], [{"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [0]}])
        self.assertIn({"name": "logarithm", "version": "1.0.0", "state": "READY", "reason": ""}, call("get_inference_index", {}).body)

    def ask_a_route(self, call):
        there = upstream.Upstream()
        self.addCleanup(there.stop)
        documents = {"there.backend.yaml": f"backend: there@1.0.0\nprotocol: openai\nurl: {there.url}\n",
                     "one.model.yaml": "model: one@1.0.0\nbackend: there\nkind: chat\ncost: { per_call: 0.5, currency: EUR }\n",
                     "two.model.yaml": "model: two@1.0.0\nbackend: there\nkind: embeddings\n",
                     "talk.route.yaml": "route: talk@1.0.0\ncandidates:\n  main: one@1.0.0\n  same: { model: one@1.0.0, weight: 0 }\n"
                                        "budget: { currency: EUR, route: { day: 100 } }\n"}
        call("deploy", {"files": [{"path": path, "content": text} for path, text in documents.items()], "message": "a route"})
        said = call("create_chat_completion", {"model": "talk", "messages": [{"role": "user", "content": "say hi"}]})
        self.assertEqual(said["choices"][0]["message"]["content"], "hi")
        self.assertEqual(len(call("create_embedding", {"model": "two", "input": "hi"})["data"]), 1)
        self.assertLessEqual({"talk", "one", "two"}, {model["id"] for model in call("list_openai_models")["data"]})
        self.assertEqual(call("get_openai_model", path={"model": "talk"})["owned_by"], "route")
        standing = next(route for route in call("list_routes")["routes"] if route["name"] == "talk")
        self.assertEqual([candidate["calls"] for candidate in standing["candidates"]], [1, 0])
        self.assertEqual([account["spent"] for account in call("list_spend")["accounts"] if "day" in account], ["0.5"])
        call("give_route_feedback", {"candidate": "main", "reward": 1}, path={"name": "talk"})
        before = call("reroute", {"route": "talk", "from": "main", "to": "same", "why": "a test"})["governance_offset"]
        self.assertEqual(call("reroute", {"route": "talk", "from": "main", "why": "over"})["governance_offset"], before + 1)

    def work(self, call):
        """One task that is given back, fails, and is done at last."""
        start = {"pipeline": "api/work", "input": {"text": "hi"}}
        run = call("start_decision", start, 202)["id"]

        def take():
            tasks = call("poll_tasks", {"worker": "w1", "version": "1.0", "types": ["shout"], "wait": "20s", "held": []},
                         path={"queue": "api-work"}, key="wanda")["tasks"]
            self.assertEqual([(task["input"], task["decision"], task["effect"]) for task in tasks], [({"text": "hi"}, run, "idempotent")])
            return tasks[0]["lease"]

        def tell(what, body, lease):
            return call(what, body, path={"lease": lease}, key="wanda")

        self.assertFalse(tell("release_task", None, take())["repeated"])
        self.assertFalse(tell("fail_task", {"code": "voice.lost", "message": "cough", "retry_after": "20ms"}, take())["repeated"])
        lease = take()
        self.assertFalse(tell("heartbeat_task", {"progress": {"half": True}}, lease)["cancelled"])
        self.assertFalse(tell("complete_task", {"result": "HI"}, lease)["repeated"])
        self.assertTrue(tell("complete_task", {"result": "HI"}, lease)["repeated"])
        self.assertEqual(call("get_decision", path={"id": run}, query={"wait": "20s"})["output"], {"said": "HI"})
        listed = call("list_workers")
        self.assertEqual([(each["worker"], each["queue"], each["version"], each["completed"]) for each in listed["workers"]],
                         [("w1", "api-work", "1.0", 1)])
        self.assertEqual(listed["queues"][0]["completed"], 1)


class TheDoor(Case):
    def test_lets_nobody_in_without_a_key(self):
        for name, operation in self.description.operations.items():
            if not operation["x-permission"]:
                continue
            with self.subTest(name):
                path = {each["name"]: "x" for each in operation.get("parameters", []) if each["in"] == "path"}
                answer = self.problem("gateway.no_key", name, path=path, key=None, status=401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])

    def test_refuses_unknown_keys_in_one_way(self):
        known = self.server.keys["vera"]
        for key in ("nonsense", "sy_aaaaaaaaaa_" + "b" * 43, known[:-1] + ("a" if known[-1] != "a" else "b")):
            self.problem("gateway.bad_key", "list_decisions", key=key, status=401)

    def test_takes_a_key_in_either_header(self):
        self.call("list_decisions", key=None, headers={"X-API-Key": self.server.keys["vera"]})
        self.call("list_decisions", key=None, headers={"Authorization": "bearer " + self.server.keys["vera"]})

    def test_gives_each_role_what_it_is_for_and_no_more(self):
        start = {"pipeline": "api/score", "input": {"card": "a", "amount": 1, "country": "DE"}}
        self.problem("gateway.permission_denied", "start_decision", start, key="vera", status=403)
        self.problem("gateway.permission_denied", "list_decisions", key="ann", status=403)
        self.problem("gateway.permission_denied", "start_decision", start, key="olaf", status=403)
        self.problem("gateway.permission_denied", "throw_switch", {}, key="dora", status=403)
        self.problem("gateway.permission_denied", "deploy", {"files": []}, key="axel", status=403)
        self.problem("gateway.permission_denied", "claim_review", {}, key="dora", status=403, path={"id": NO_SUCH})
        self.problem("gateway.permission_denied", "start_decision", start, key="wanda", status=403)
        self.problem("gateway.permission_denied", "poll_tasks", {"worker": "w"}, key="dora", status=403, path={"queue": "q"})
        self.call("list_reviews", key="ann")
        self.call("list_decisions", key="axel")
        self.call("poll_tasks", {"worker": "w"}, key="wanda", path={"queue": "q"})

    def test_refuses_a_revoked_key(self):
        made = harness.run("keys", "create", "--data", self.server.data, "--name", "gone", "--role", "viewer").stdout.strip()
        harness.until(lambda: send(self.server, "GET", "/api/v1/decisions", key=made).status == 200, "a new key is not known")
        self.assertEqual(harness.run("keys", "revoke", "--data", self.server.data, made.split("_")[1]).returncode, 0)
        harness.until(lambda: send(self.server, "GET", "/api/v1/decisions", key=made).status == 401, "a revoked key is let in")
        self.problem("gateway.key_revoked", "list_decisions", key=made, status=401)


class Problems(Case):
    def raw(self, status, code, *arguments, **named):
        answer = send(self.server, *arguments, **named)
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        schema = {"$ref": "#/components/schemas/Problem"}
        self.assertEqual(self.description.problems(answer.body, schema), [], answer.text)
        self.assertEqual((answer["status"], answer["code"]), (status, code), answer.text)
        return answer

    def test_unknown_places_and_methods(self):
        self.raw(404, "http.no_such_path", "GET", "/api/v1/nothing")
        self.assertEqual(self.raw(405, "http.method_not_allowed", "DELETE", "/api/v1/decisions").headers["Allow"], "GET, HEAD, POST")

    def test_unknown_things(self):
        for operation in ("get_decision", "get_decision_history", "get_decision_record"):
            self.problem("run.unknown", operation, path={"id": NO_SUCH}, status=404)
        self.problem("run.unknown", "cancel_decision", {}, path={"id": NO_SUCH}, status=404)
        self.problem("run.unknown", "replay_decision", {}, path={"id": NO_SUCH}, status=404)
        self.problem("review.unknown", "get_review", path={"id": NO_SUCH}, status=404)
        self.problem("review.unknown", "claim_review", {}, path={"id": NO_SUCH}, status=404)
        self.problem("pipeline.unknown", "start_decision", {"pipeline": "no/such", "input": {}}, status=404)
        self.problem("pipeline.unknown", "start_decision", {"pipeline": "api/score@9.9.9", "input": {}}, status=404)
        self.problem("governance.unknown_version", "get_artefact", path={"kind": "pipeline", "name": "no/such"}, status=404)
        self.problem("governance.unknown_version", "activate", {"kind": "pipeline", "name": "api/score", "version": "9.9.9", "why": "x"}, status=404)

    def test_bad_requests_of_workers(self):
        at, lease = {"queue": "q"}, {"lease": "nothing"}
        self.problem("request.missing", "poll_tasks", {}, path=at, status=400)
        self.problem("workers.bad_name", "poll_tasks", {"worker": "a b"}, path=at, status=400)
        self.assertEqual(self.problem("workers.bad_poll", "poll_tasks", {"worker": "w", "wait": "2m"}, path=at, status=400)["field"], "wait")
        self.problem("workers.bad_poll", "poll_tasks", {"worker": "w", "max_tasks": 0}, path=at, status=400)
        self.problem("request.bad_type", "poll_tasks", {"worker": "w", "types": "all"}, path=at, status=400)
        self.problem("request.unknown_member", "poll_tasks", {"worker": "w", "type": []}, path=at, status=400)
        self.problem("workers.unknown_lease", "complete_task", {"result": 1}, path=lease, status=404)
        self.problem("workers.unknown_lease", "heartbeat_task", {}, path=lease, status=404)
        self.problem("workers.unknown_lease", "release_task", path=lease, status=404)
        self.problem("workers.bad_code", "fail_task", {"message": "m", "code": "A B"}, path=lease, status=400)
        self.problem("request.missing", "fail_task", {}, path=lease, status=400)

    def test_malformed_requests(self):
        bad = "/api/v1/decisions"
        self.raw(400, "gateway.not_json", "POST", "/api/v1/reviews/" + NO_SUCH + "/claim", "{", {"Content-Type": "application/json"})
        self.assertEqual(self.raw(400, "request.missing", "POST", bad, {"input": {}})["field"], "pipeline")
        self.assertEqual(self.raw(400, "request.missing", "POST", bad, {"pipeline": "api/score"})["field"], "input")
        self.assertEqual(self.raw(400, "request.bad_type", "POST", bad, {"pipeline": 7, "input": {}})["field"], "pipeline")
        self.raw(400, "request.unknown_member", "POST", bad, {"pipeline": "api/score", "input": {}, "inptu": 1})
        self.raw(400, "request.bad_wait", "POST", bad, {"pipeline": "api/pause", "input": {"pause": "1s"}, "wait": "soon"})
        self.raw(400, "request.not_an_object", "POST", bad, "[]", {"Content-Type": "application/json"})
        self.raw(400, "request.unknown_parameter", "GET", bad + "?colour=red")
        self.raw(400, "request.bad_parameter", "GET", bad + "?limit=0")
        self.raw(400, "request.bad_parameter", "GET", bad + "?since=yesterday")
        self.raw(400, "request.bad_cursor", "GET", bad + "?cursor=x")
        self.assertEqual(self.raw(400, "types.bad_id", "GET", bad + "/no-id")["field"], "id")
        self.raw(400, "gateway.wrong_media_type", "POST", "/api/v1/reviews/" + NO_SUCH + "/claim", "<a/>", {"Content-Type": "text/xml"})
        self.raw(400, "replay.bad_change", "POST", "/api/v1/replays", {"pipeline": "api/score", "with": ["light"]})

    def test_bodies_that_are_no_json_at_all(self):
        json_type = {"Content-Type": "application/json"}
        for body in ("", "{", "nonsense", b"\xff\xfe", '{"a": 1, "a": 2}', "[" * 100):
            for place in ("decisions", "deployments", "replays", "switches"):
                if body == "" and place in ("replays", "switches"):
                    continue  # there an empty body is an empty object
                with self.subTest(place=place, body=body):
                    self.raw(400, "gateway.not_json", "POST", "/api/v1/" + place, body, json_type)

    def test_input_that_contradicts_the_schema_is_named(self):
        answer = self.start("api/score", {"card": "a", "amount": -1, "country": "DE"}, 422)
        self.assertEqual((answer["code"], answer["field"]), ("run.bad_input", "/input/amount"))
        self.assertIn("amount", answer["detail"])

    def test_too_much_is_refused_before_it_is_taken(self):
        text = "x" * (1 << 20)
        self.raw(413, "request.too_large", "POST", "/api/v1/decisions", {"pipeline": "api/opinion", "input": {"text": text}})
        self.raw(413, "run.key_too_large", "POST", "/api/v1/decisions", {"pipeline": "api/score", "input": {"card": text[:1000], "amount": 1, "country": "DE"}})


class Health(Case):
    def test_metrics_are_in_prometheus_format(self):
        self.score()
        kinds, helped, samples = {}, set(), {}
        for line in self.call("get_metrics").text.splitlines():
            if line.startswith("# HELP "):
                helped.add(line.split(" ", 3)[2])
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, kinds, "a type is given twice")
                kinds[name] = kind
            else:
                found = re.fullmatch(r'([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)
                self.assertIsNotNone(found, line)
                float(found[3].replace("+Inf", "inf"))
                self.assertNotIn((found[1], found[2]), samples, "a sample is given twice")
                samples[found[1], found[2]] = found[3]
        for name, _ in samples:
            family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
            self.assertIn(family, kinds, f"{name} has no type")
            self.assertIn(family, helped, f"{name} has no help")
            if kinds[family] == "counter":
                self.assertTrue(name.endswith("_total"), name)
        self.assertGreaterEqual(float(samples["switchyard_runs_completed_total", None]), 1)

    def test_every_metric_is_in_the_guide_for_operators(self):
        lines = (harness.SOURCE / "docs/operations.md").read_text().splitlines()
        told = set()
        for line in lines:
            names = re.findall(r"`(switchyard_[a-z_]+|_[a-z_]+)`", line.split("|")[1]) if line.startswith("| `switchyard_") else []
            for name in names:
                # "`switchyard_runs_started_total`, `_completed_total`" is short for a name with the same beginning.
                words = names[0].split("_")
                told.update({name} if not name.startswith("_") else {"_".join(words[:n]) + name for n in range(2, len(words))})
        shown = set(re.findall(r"^# TYPE (switchyard_\w+) ", self.call("get_metrics").text, re.M))
        self.assertGreater(len(shown), 30)
        self.assertEqual(shown - told, set(), "docs/operations.md does not name these")

    def test_answers_carry_the_request_id_and_safe_headers(self):
        answer = self.call("get_status", headers={"X-Request-Id": "mine-1"})
        self.assertEqual(answer.headers["X-Request-Id"], "mine-1")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertRegex(self.call("get_status", headers={"X-Request-Id": "bad id"}).headers["X-Request-Id"], "^[0-9a-f]{16}$")


if __name__ == "__main__":
    harness.main()
