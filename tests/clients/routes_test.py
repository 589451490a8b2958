"""Routes through the real binary: who answers, what happens when a server is slow, wrong or gone, and what it costs. The
servers are the test's own, and misbehave as they are told."""
import hashlib
import json
import pathlib
import sys
import time

import openai

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from routed_case import RoutedCase  # noqa: E402
from upstream import Upstream  # noqa: E402


class WordCounter(Upstream):
    """Its embeddings are near each other where texts share words."""

    def embeddings(self, body):
        vector = [0.0] * 512
        for word in body["input"].split():
            vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % 512] += 1
        return {"object": "list", "model": body["model"], "usage": {"prompt_tokens": 1, "total_tokens": 1},
                "data": [{"object": "embedding", "index": 0, "embedding": vector}]}


class Routes(RoutedCase):
    upstreams = {"one": Upstream, "two": WordCounter}

    def test_weights_divide_and_a_person_stays_with_one(self):
        self.route("candidates:\n  main: {{ model: {a}, weight: 3 }}\n  next: {{ model: {b}, weight: 1 }}\n")
        for person in range(60):
            self.ask(user=f"person-{person}")
        seen = self.counts()
        self.assertEqual(seen["one"] + seen["two"], 60)
        self.assertTrue(30 <= seen["one"] <= 57, seen)
        before = self.counts()
        for _ in range(5):
            self.ask(user="person-1")
        moved = {name: count - before[name] for name, count in self.counts().items()}
        self.assertIn(5, moved.values())
        routing, record = self.of(self.ask(user="person-1"))
        self.assertEqual(routing["route"], f"{self.name}@1.0.0")
        self.assertIn(routing["candidate"], ("main", "next"))
        self.assertEqual(record["pipeline"], f"calls/{self.name}")

    def test_a_fallback_answers_for_a_server_that_fails_and_the_record_says_why(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n"
                   "retry: {{ attempts: 2, backoff: 1ms..2ms }}\n")
        self.servers["one"].fail_next += [503, 503]
        routing, _ = self.of(self.ask())
        self.assertEqual(self.counts(), {"one": 2, "two": 1})
        self.assertEqual([attempt["candidate"] for attempt in routing["attempts"]], ["main", "main", "spare"])
        self.assertEqual([attempt["why"] for attempt in routing["attempts"]], ["first", "retry", "fallback"])
        self.assertEqual(routing["attempts"][0]["status"], 503)

    def test_a_call_that_nobody_answered_tells_who_was_asked_and_why(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n"
                   "retry: {{ attempts: 2, backoff: 1ms..2ms }}\n")
        self.servers["one"].fail_next += [503, 503]
        self.servers["two"].fail_next += [500, 500]
        with self.assertRaises(openai.InternalServerError):
            self.ask()
        decision = self.get(f"/api/v1/decisions?pipeline=calls/{self.name}")["decisions"][0]["id"]
        failed, = self.get(f"/api/v1/decisions/{decision}/record")["steps"][0]["errors"]
        routing = failed["meta"]["routing"]
        self.assertEqual(routing["route"], f"{self.name}@1.0.0")
        self.assertEqual([(attempt["candidate"], attempt["why"]) for attempt in routing["attempts"]][:3],
                         [("main", "first"), ("main", "retry"), ("spare", "fallback")])
        environment = {"SWITCHYARD_SERVER": self.server.url, "SWITCHYARD_API_KEY": self.server.keys["admin"]}
        told = harness.run("inspect", decision, environment=environment)
        self.assertRegex(told.stdout, rf"routed +{self.name}@1.0.0: main failed \[.*\] after .*, main \(retry\) failed .*"
                                      r", spare \(fallback\) failed")
        replayed = harness.run("replay", decision, environment=environment)
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)

    def test_a_wrong_request_is_not_tried_elsewhere(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")
        with self.assertRaises(openai.BadRequestError):
            self.ask("fail 400")
        self.assertEqual(self.counts(), {"one": 1, "two": 0})

    def test_out_of_credit_cools_the_backend(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")
        self.servers["one"].fail_next.append(402)
        for _ in range(3):
            self.ask()
        self.assertEqual(self.counts(), {"one": 1, "two": 3})

    def test_a_breaker_spares_a_server_that_is_down(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n"
                   "retry: {{ attempts: 1 }}\nbreaker: {{ min_calls: 5, failure_rate: 50%, open_for: 60s }}\n")
        self.servers["one"].fail_next += [500] * 100
        for _ in range(20):
            self.ask()
        self.assertLess(self.counts()["one"], 10)
        self.assertEqual(self.counts()["two"], 20)
        self.assertEqual(self.standing()["candidates"][0]["breaker"], "open")

    def test_a_hedge_answers_for_a_slow_server(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nhedge: {{ after: 100ms, max_extra: 100% }}\n"
                   "fallbacks: [spare]\n")
        began = time.monotonic()
        completion = self.ask("hang 3")
        self.assertTrue(completion.choices[0].message.content is not None)
        routing, _ = self.of(completion)
        self.assertIn("hedge", [attempt["why"] for attempt in routing["attempts"]])
        self.assertLess(began, time.monotonic())

    def test_a_stream_never_changes_its_model_in_the_middle(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")
        with self.assertRaises(openai.APIError):
            list(self.ask("cut 2 words", stream=True))
        self.assertEqual(self.counts(), {"one": 1, "two": 0})
        # Before its first part another may still answer.
        self.servers["one"].fail_next.append(500)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in self.ask("say yes", stream=True))
        self.assertEqual(text.strip(), "yes")
        self.assertEqual(self.counts(), {"one": 2, "two": 1})

    def test_an_equal_question_is_answered_from_the_cache_with_its_origin(self):
        self.route("candidates:\n  main: {a}\ncache: {{ ttl: 1h }}\n")
        first = self.ask("say once", temperature=0)
        second = self.ask("say once", temperature=0)
        self.assertEqual(self.counts()["one"], 1)
        self.assertEqual(second.choices[0].message.content, "once")
        self.assertGreater(first.usage.total_tokens, 0)
        self.assertEqual((second.usage.prompt_tokens, second.usage.completion_tokens, second.usage.total_tokens), (0, 0, 0))
        routing, record = self.of(second)
        self.assertTrue(routing["cache"]["hit"])
        self.assertIn(first.id.removeprefix("chatcmpl-"), json.dumps(routing["cache"]))
        self.assertEqual(record["cost"], 0)
        chunks = list(self.ask("say once", temperature=0, stream=True, stream_options={"include_usage": True}))
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), "once")
        self.assertEqual(chunks[-1].usage.total_tokens, 0)

    def test_a_question_in_other_words_is_answered_from_the_cache(self):
        self.deploy({"e.model.yaml": f"model: {self.name}-e@1.0.0\nbackend: two\nkind: embeddings\n"
                                     "cost: { per_call: 0.25, currency: EUR }\n"})
        self.route("candidates:\n  main: {a}\ncache: {{ ttl: 1h, semantic: {{ model: " + self.name + "-e@1.0.0, similarity: 90% }} }}\n",
                   one="cost: { per_call: 1, currency: EUR }\n")
        first = self.ask("say the parcel of today has arrived in Bonn already")
        second = self.ask("say the parcel of today has arrived in Bonn")
        self.assertEqual(self.counts(), {"one": 1, "two": 2})
        self.assertEqual(second.choices[0].message.content, first.choices[0].message.content)
        routing, record = self.of(second)
        cache = routing["cache"]
        self.assertEqual((cache["hit"], cache["kind"], cache["decision"]), (True, "semantic", first.id.removeprefix("chatcmpl-")))
        self.assertTrue(0.9 <= cache["similarity"] < 1, cache)
        self.assertEqual(cache["embedding"]["cost"], "0.25")
        self.assertEqual(record["cost"], 0.25)
        by = record["steps"][0]["by"]
        self.assertEqual([member for member in ("run_us", "queue_us", "endpoint", "usage") if member in by], [], by)
        inspected = harness.run("inspect", record["id"], "--server", self.server.url, "--api-key", self.server.keys["olaf"])
        self.assertIn(f"from the cache, where decision {cache['decision']} had put it", inspected.stdout)
        self.ask("say the parcel of today has arrived in Bonn", temperature=1)
        self.ask("tell me what the weather will be")
        self.assertEqual(self.counts()["one"], 3)
        self.assertEqual(self.standing()["cache"]["similar_hits"], 1)

    def test_a_budget_refuses_and_survives_a_crash(self):
        price = "cost: { per_call: 1, currency: EUR }\n"
        self.route("candidates:\n  main: {a}\nbudget: {{ currency: EUR, route: {{ day: 3 }} }}\n", one=price)
        for _ in range(3):
            self.ask()
        with self.assertRaises(openai.RateLimitError) as refused:
            self.ask()
        self.assertEqual(refused.exception.code, "router.budget")
        spent = [account for account in self.get("/api/v1/spend")["accounts"]
                 if account["id"] == self.name and "day" in account]
        self.assertEqual([(account["spent"], account["currency"]) for account in spent], [("3", "EUR")])
        self.server.crash()
        with self.assertRaises(openai.RateLimitError):
            self.ask()
        self.assertEqual(self.counts()["one"], 3)

    def test_a_budget_may_turn_to_a_cheaper_model(self):
        self.route("candidates:\n  main: {a}\n  cheap: {{ model: {b}, weight: 0 }}\n"
                   "budget: {{ currency: EUR, route: {{ day: 1 }}, at_limit: {{ use: cheap }} }}\n",
                   one="cost: { per_call: 1, currency: EUR }\n", two="cost: { per_call: 0.01, currency: EUR }\n")
        self.ask()
        routing, _ = self.of(self.ask())
        self.assertEqual(routing["candidate"], "cheap")
        self.assertEqual(self.counts(), {"one": 1, "two": 1})

    def test_switches_hold_for_models_backends_vendors_and_routes(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")

        def switch(action, kind, name):
            answer = harness.send(self.server, "POST", "/api/v1/switches",
                                  {"action": action, "kind": kind, "name": name, "why": "drill"})
            self.assertEqual(answer.status, 200, answer.text)
        for kind, name in (("model", f"{self.name}-a"), ("backend", "one")):
            switch("kill", kind, name)
            before = self.counts()["two"]
            self.ask()
            self.assertEqual(self.counts()["two"], before + 1, kind)
            switch("revive", kind, name)
        for kind, name in (("backend", "vendor/acme"), ("route", self.name)):
            switch("kill", kind, name)
            with self.assertRaises(openai.InternalServerError) as refused:
                self.ask()
            self.assertEqual(refused.exception.status_code, 503)
            self.assertIn("drill", str(refused.exception))
            switch("revive", kind, name)
        before = self.counts()["one"]
        self.ask()
        self.assertEqual(self.counts()["one"], before + 1)

    def test_operators_send_a_candidates_traffic_elsewhere(self):
        self.route("candidates:\n  main: {a}\n  other: {{ model: {b}, weight: 0 }}\n")
        done = harness.run("reroute", self.name, "main", "other", "--why", "maintenance", "--server", self.server.url,
                           "--api-key", self.server.keys["olaf"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.ask()
        self.assertEqual(self.counts(), {"one": 0, "two": 1})
        self.assertIn("rerouted", [event["type"] for event in self.get("/api/v1/governance/history")["events"]])
        wrong = harness.run("reroute", self.name, "mian", "other", "--why", "x", "--server", self.server.url,
                            "--api-key", self.server.keys["olaf"])
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("no candidate 'mian'", wrong.stderr)
        harness.run("reroute", self.name, "main", "--why", "over", "--server", self.server.url, "--api-key", self.server.keys["olaf"])
        self.ask()
        self.assertEqual(self.counts(), {"one": 1, "two": 1})

    def test_a_canary_that_fails_is_rolled_back_by_itself(self):
        self.route("candidates:\n  main: {a}\n  next: {{ model: {b}, weight: 0 }}\nsticky: none\nretry: {{ attempts: 1 }}\nbreaker: false\n"
                   "canary:\n  candidate: next\n  against: main\n  steps: [50%, 100%]\n  hold: 1h\n  min_calls: 20\n"
                   "  guards: {{ error_rate: 5% }}\n")
        self.servers["two"].fail_next += [500] * 1000
        for _ in range(400):
            try:
                self.ask()
            except openai.InternalServerError:
                pass
            if self.standing().get("canary", {}).get("phase") == "rolled_back":
                break
        self.assertEqual(self.standing()["canary"]["phase"], "rolled_back")
        self.eventually(lambda: any(event["type"] == "canary" and event["name"] == self.name and "rolled_back" in event["why"]
                                    for event in self.get("/api/v1/governance/history")["events"]))
        before = self.counts()
        for _ in range(10):
            self.ask()
        self.assertEqual(self.counts()["two"], before["two"])

    def test_a_canary_goes_on_with_its_evidence_after_a_crash(self):
        self.route("candidates:\n  main: {a}\n  next: {{ model: {b}, weight: 0 }}\n"
                   "canary: {{ candidate: next, against: main, steps: [50%, 100%], hold: 1h, min_calls: 1000 }}\n")
        for person in range(40):
            self.ask(user=f"person-{person}")
        before = self.standing()["canary"]
        self.assertEqual(before["evidence"]["calls"], self.counts()["two"])
        time.sleep(10)  # it is kept every few seconds, all of it when nothing comes
        self.server.crash()
        after = self.standing()["canary"]
        self.assertEqual(after, before)
        for person in range(20):
            self.ask(user=f"person-{person}")
        grown = self.standing()["canary"]["evidence"]
        self.assertEqual(grown["calls"], self.counts()["two"])
        self.assertEqual(grown["sample_ratio"]["keys"], 40)

    def test_a_server_that_says_when_to_come_back_is_heard_by_the_client(self):
        self.route("candidates:\n  main: {a}\nretry: {{ attempts: 1 }}\n")
        with self.assertRaises(openai.RateLimitError) as refused:
            self.ask("fail 429 7")
        headers = refused.exception.response.headers
        self.assertEqual((headers["retry-after"], headers["retry-after-ms"], headers["x-should-retry"]), ("7", "7000", "true"))
        # The route leaves the model alone until then, and says how long.
        with self.assertRaises(openai.InternalServerError) as refused:
            self.ask()
        headers = refused.exception.response.headers
        self.assertEqual(refused.exception.status_code, 503)
        self.assertTrue(1 <= int(headers["retry-after"]) <= 7, headers)
        self.assertEqual(headers["x-should-retry"], "false")

    def test_a_call_that_needs_only_be_received_says_so_in_its_record(self):
        self.route("candidates:\n  main: {a}\nack: received\n")
        received = [self.ask(f"say {number}") for number in range(20)]
        for number, completion in enumerate(received):
            self.assertEqual(completion.choices[0].message.content, str(number))
            _, record = self.of(completion)
            self.assertEqual(record["status"], "completed")
            self.assertEqual(record["origin"], {"kind": "request", "ack": "received"}, record)
        self.route("candidates:\n  main: {a}\nack: durable\n", version="1.1.0")
        self.assertNotIn("origin", self.of(self.ask())[1])

    def test_all_steps_of_a_decision_share_what_may_be_tried_again(self):
        self.route("candidates:\n  main: {a}\nretry: {{ attempts: 10, backoff: 1ms..2ms, budget: 100% }}\nbreaker: false\n")
        ask = f"{{ model: {self.name}, input: {{ messages: \"[{{'role': 'user', 'content': 'say well'}}]\" }} }}"
        self.deploy({"p.pipeline.yaml": f"""
pipeline: test/{self.name}@1.0.0
input: {{}}
steps:
  one: {ask}
  two: {{ after: one, {ask[2:]}
output: {{ text: two.text }}
"""})
        self.servers["one"].fail_next += [503] * 4 + [None] + [503] * 100
        failed = harness.send(self.server, "POST", "/api/v1/decisions", {"pipeline": f"test/{self.name}", "input": {}, "wait": "20s"})
        self.assertEqual(failed["status"], "failed", failed.text)
        self.assertEqual(self.counts()["one"], 5 + 3, "six more than the first of each")
        self.servers["one"].fail_next[:] = [503] * 100
        self.servers["one"].asked.clear()
        with self.assertRaises(openai.InternalServerError) as spent:
            self.ask()
        self.assertEqual(self.counts()["one"], 7)
        self.assertEqual(spent.exception.response.headers["x-should-retry"], "false")

    def test_what_a_decision_has_tried_again_is_known_after_a_crash(self):
        self.route("candidates:\n  main: {a}\nretry: {{ attempts: 10, backoff: 1ms..2ms, budget: 100% }}\nbreaker: false\n")
        ask = f"{{ model: {self.name}, input: {{ messages: \"[{{'role': 'user', 'content': 'say well'}}]\" }} }}"
        self.servers["one"].fail_next += [503] * 4
        decision = self.start(f"""
  one: {ask}
  pause: {{ after: one, listen: {{ signal: on }} }}
  two: {{ after: pause, {ask[2:]}
""")
        self.eventually(lambda: self.counts()["one"] == 5 and self.get(f"/api/v1/decisions/{decision}")["status"] == "waiting")
        self.server.crash()
        self.servers["one"].fail_next += [503] * 100
        signalled = harness.send(self.server, "POST", f"/api/v1/decisions/{decision}/signal", {"name": "on"})
        self.assertLess(signalled.status, 300, signalled.text)
        self.eventually(lambda: self.get(f"/api/v1/decisions/{decision}")["status"] == "failed")
        self.assertEqual(self.counts()["one"], 5 + 3, "six more than the first of each")

    def test_a_client_that_will_not_wait_is_answered_before_it_leaves(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")
        with self.assertRaises(openai.InternalServerError) as late:
            self.ask("hang 5", extra_headers={"X-Request-Deadline-Ms": "1000"})
        self.assertEqual(late.exception.status_code, 504)
        self.assertEqual(self.counts(), {"one": 1, "two": 0}, "nothing is begun that nobody waits for")

    def test_a_shadow_neither_delays_nor_fails_the_decision(self):
        self.route("candidates:\n  main: {a}\nshadow: [ {{ model: {b}, share: 100% }} ]\n")
        self.servers["two"].fail_next.append(500)
        self.assertEqual(self.ask("say fine").choices[0].message.content, "fine")
        self.ask("say fine")
        self.eventually(lambda: self.standing()["shadows"][0]["calls"] == 2)
        shadow = self.standing()["shadows"][0]
        self.assertEqual((shadow["failures"], shadow["agreed"]), (1, 1))

    def test_a_pipeline_asks_the_route_by_its_name_and_is_replayed_exactly(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n")
        self.deploy({"p.pipeline.yaml": f"""
pipeline: test/{self.name}@1.0.0
input: {{}}
steps:
  answer: {{ model: {self.name}, input: {{ messages: "[{{'role': 'user', 'content': 'say well'}}]" }} }}
output: {{ text: answer.text }}
"""})
        self.servers["one"].fail_next += [500, 500]
        answer = harness.send(self.server, "POST", "/api/v1/decisions", {"pipeline": f"test/{self.name}", "input": {}, "wait": "20s"})
        self.assertEqual(answer["output"], {"text": "well"}, answer.text)
        replayed = harness.send(self.server, "POST", f"/api/v1/decisions/{answer['id']}/replay", {})
        self.assertTrue(replayed["identical"], replayed.text)

    def start(self, steps, output="{}", **more):
        self.deploy({"p.pipeline.yaml": f"pipeline: test/{self.name}@1.0.0\ninput: {{}}\nsteps:\n{steps}output: {output}\n", **more})
        return harness.send(self.server, "POST", "/api/v1/decisions", {"pipeline": f"test/{self.name}", "input": {}})["id"]

    def test_a_decision_that_is_cancelled_gives_up_whom_it_asked(self):
        self.route("candidates:\n  main: {a}\n")
        self.servers["one"].cut_off.clear()
        decision = self.start(f"""
  text:
    cascade: {{ tiers: [{{ model: {self.name}, until: answer.finish_reason == 'stop' }}, {{ model: {self.name}-b }}] }}
    input: {{ messages: "[{{'role': 'user', 'content': 'hang 2'}}]" }}
    timeout: 60s
""")
        self.eventually(lambda: self.counts()["one"] == 1)
        self.assertEqual(harness.send(self.server, "POST", f"/api/v1/decisions/{decision}/cancel", {"why": "test"}).status, 200)
        self.assertTrue(self.servers["one"].cut_off.wait(10), "the model went on answering nobody")
        self.assertEqual(self.counts(), {"one": 1, "two": 0})

    def test_every_call_of_a_prompt_says_how_it_was_routed(self):
        self.route("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\nretry: {{ attempts: 1 }}\n")
        self.servers["one"].fail_next.append(503)
        prompt = (f"prompt: test/{self.name}@1.0.0\nmessages: [{{ role: user, content: say no }}]\nrepair: {{ attempts: 1 }}\n"
                  "output: { type: object, required: [x], properties: { x: { type: string } } }\n")
        decision = self.start(f"  text: {{ model: {self.name}, prompt: test/{self.name}, input: {{}}, on_error: skip }}\n", **{"p.prompt.yaml": prompt})
        self.eventually(lambda: self.get(f"/api/v1/decisions/{decision}")["status"] == "completed")
        meta = self.get(f"/api/v1/decisions/{decision}/record")["steps"][0]["errors"][0]["meta"]
        calls = [call["routing"]["attempts"] for call in meta["earlier_calls"]] + [meta["routing"]["attempts"]]
        self.assertEqual([[attempt["why"] for attempt in attempts] for attempts in calls], [["first", "fallback"], ["first"]])
        self.assertEqual(len(meta["prompt"]["attempts"]), 2)

    def test_wrong_routes_tell_the_mend(self):
        answer = self.deploy({"r.route.yaml": f"route: {self.name}@1.0.0\ncandidates:\n  main: nobody@1.0.0\nfalbacks: [main]\n"}, 422)
        self.assertIn("nobody@1.0.0", answer.text)
        self.assertIn("did you mean 'fallbacks'?", answer.text)


if __name__ == "__main__":
    harness.main()
