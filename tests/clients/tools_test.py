"""Prompts with tools: the guide's own example, and what becomes of calls that are not as they should be. The model and the tools'
service are servers of the test's own."""
import http.server
import json
import pathlib
import re
import sys
import threading
import unittest
import urllib.parse

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from upstream import Upstream  # noqa: E402

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "prompts.md"
ORDERS = {"A-1": {"order": "A-1", "at": "sea"}}
MAIL = "erika.mustermann@example.org"


def snippet(kind):
    return re.search(rf"```yaml {kind}\n(.*?)```", GUIDE.read_text(), re.S)[1]


class Shop(http.server.BaseHTTPRequestHandler):
    """What the tools look into."""
    asked = []

    def do_GET(self):
        where = urllib.parse.urlparse(self.path)
        self.asked.append(self.path)
        found = ORDERS.get(where.path.removeprefix("/orders/"))
        if where.path == "/help":
            found = {"pages": [urllib.parse.parse_qs(where.query)["q"][0] + " is allowed"]}
        text = json.dumps(found or {"error": "no such order"}).encode()
        harness.answer_json(self, text, 200 if found else 404)

    def log_message(self, *_):
        pass


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = Upstream()
        cls.shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=cls.shop.serve_forever, daemon=True).start()
        cls.server = harness.Server("--http-allow", "127.0.0.1")
        backend = f"backend: {{name}}@1.0.0\nprotocol: openai\nurl: {cls.model.url}\nclass: {{rest}}\n"
        pipeline = snippet("pipeline").replace("https://shop.example.org", f"http://127.0.0.1:{cls.shop.server_port}")
        harness.deploy(cls.server, {
            "there.backend.yaml": backend.format(name="there", rest="in_house"),
            "vendor.backend.yaml": backend.format(name="vendor", rest="vendor\nvendor: acme\nprivacy: house"),
            "house.privacy.yaml": "privacy: house@1.0.0\nfields: { born: drop }\n",
            "assistant.model.yaml": "model: assistant@1.0.0\nbackend: there\nkind: chat\n"
                                    "cost: { per_million_input_tokens: 1000000, per_million_output_tokens: 1000000, currency: EUR }\n",
            "outside.model.yaml": "model: outside@1.0.0\nbackend: vendor\nkind: chat\n",
            "agent.prompt.yaml": snippet("tools"), "answer.pipeline.yaml": pipeline})

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()
        cls.model.stop()
        cls.shop.shutdown()
        cls.shop.server_close()

    def setUp(self):
        self.model.forget()
        Shop.asked.clear()

    def decide(self, pipeline, value):
        answer = harness.send(self.server, "POST", "/api/v1/decisions", {"pipeline": pipeline, "input": value, "wait": "30s"})
        self.assertEqual(answer.status, 200, answer.text)
        return answer.body, harness.send(self.server, "GET", f"/api/v1/decisions/{answer['id']}/record").body

    def pipeline(self, asked, output, prompt=""):
        """One step that asks with a prompt of its own."""
        name = self.id().rsplit(".", 1)[1].replace("test_", "").replace("_", "-")[:40].strip("-")
        text = snippet("tools").replace("desk/agent", "desk/" + name) + prompt
        harness.deploy(self.server, {
            "p.prompt.yaml": text,
            "p.pipeline.yaml": f"pipeline: desk/{name}@1.0.0\ninput: {{ schema: {{ type: object, properties: {{ h: {{ type: array, default: [] }} }} }} }}\n"
                               f"steps:\n  ask: {{ {asked}, prompt: desk/{name}, input: {{ question: \"'Where is A-1?'\", history: input.h }} }}\n"
                               f"output: {output}\n"})
        return "desk/" + name

    def test_the_guides_loop_asks_runs_the_tools_and_asks_again(self):
        self.model.say_next += [
            Upstream.calls(("c1", "order_status", {"order": "A-1"}), ("c2", "search_help", {"words": "returning"})),
            Upstream.calls(("c3", "order_status", {"order": "B-2"}), content="One more."),
            "It is at sea."]
        decision, record = self.decide("desk/answer", {"question": "Where is A-1?"})
        self.assertEqual(decision["output"], {"text": "It is at sea.", "rounds": 3})
        self.assertEqual(sorted(Shop.asked), ["/help?q=returning", "/orders/A-1", "/orders/B-2"])
        first, second, third = self.model.asked
        self.assertEqual([tool["function"]["name"] for tool in first["tools"]], ["order_status", "search_help"])
        self.assertEqual(first["parallel_tool_calls"], True)
        told = third["messages"][2:]
        self.assertEqual([message["role"] for message in told], ["assistant", "tool", "tool", "assistant", "tool"])
        self.assertEqual(second["messages"], third["messages"][:5])
        self.assertEqual([(message["tool_call_id"], json.loads(message["content"])) for message in told if message["role"] == "tool"],
                         [("c1", ORDERS["A-1"]), ("c2", {"pages": ["returning is allowed"]}), ("c3", {"error": "no such order"})])
        self.assertEqual(json.loads(told[0]["tool_calls"][1]["function"]["arguments"]), {"words": "returning", "limit": 3})
        rounds = [step for step in record["steps"] if step["kind"] == "model"]
        self.assertEqual([[call["name"] for call in step["gave"]["tool_calls"]] for step in rounds],
                         [["order_status", "search_help"], ["order_status"], []])
        self.assertEqual(len({step["by"]["prompt"]["rendered_sha256"] for step in rounds}), 3)
        for step in rounds:
            self.assertIn("cost", step["by"])
        self.assertAlmostEqual(record["cost"], sum(step["by"]["cost"] for step in rounds))

    def test_a_model_that_never_stops_calling_is_stopped(self):
        self.model.say_next += [Upstream.calls((f"c{i}", "order_status", {"order": "A-1"})) for i in range(6)]
        decision, _ = self.decide("desk/answer", {"question": "Where is A-1?"})
        self.assertEqual(decision["error"]["code"], "workflow.repeat_exhausted")
        self.assertEqual(len(self.model.asked), 5)

    def test_a_call_that_does_not_fit_is_asked_for_again_and_told_why(self):
        pipeline = self.pipeline("model: assistant", "{ calls: ask.tool_calls }")
        self.model.say_next += [Upstream.calls(("c1", "order_status", '{"order": ')),
                                Upstream.calls(("c2", "order_status", {"order": "A-1"}))]
        decision, record = self.decide(pipeline, {})
        self.assertEqual(decision["output"], {"calls": [{"id": "c2", "name": "order_status", "arguments": {"order": "A-1"}}]})
        again = self.model.asked[1]["messages"][-2:]
        self.assertEqual((again[0]["tool_calls"][0]["id"], again[1]["tool_call_id"]), ("c1", "c1"))
        self.assertIn("it is no JSON", again[1]["content"])
        self.assertEqual(record["steps"][0]["by"]["prompt"]["attempts"][0]["fault"], "the arguments of order_status: it is no JSON")

    def test_a_call_that_never_fits_fails_the_step(self):
        pipeline = self.pipeline("model: assistant", "{ calls: ask.tool_calls }")
        self.model.say_next += [Upstream.calls(("c1", "order_status", {"order": "a b"})), Upstream.calls(("c2", "delete_all", {}))]
        decision, record = self.decide(pipeline, {})
        self.assertEqual((decision["status"], decision["error"]["code"]), ("failed", "prompt.bad_tool_call"))
        self.assertNotIn("gave", record["steps"][0])
        self.assertEqual(len(self.model.asked), 2)

    def test_an_answer_in_words_has_the_value_of_the_output(self):
        pipeline = self.pipeline("model: assistant", "{ text: \"has(ask.value) ? ask.value.text : 'it calls'\" }",
                                 "output: { type: object, required: [text], properties: { text: { type: string } } }\n")
        self.model.say_next += ['{"text": "at sea"}', Upstream.calls(("c1", "order_status", {"order": "A-1"}))]
        self.assertEqual(self.decide(pipeline, {})[0]["output"], {"text": "at sea"})
        self.assertEqual(self.decide(pipeline, {})[0]["output"], {"text": "it calls"})

    def test_a_history_that_no_server_would_take_is_not_sent(self):
        pipeline = self.pipeline("model: assistant", "{ text: ask.text }")
        decision, _ = self.decide(pipeline, {"h": [{"role": "tool", "tool_call_id": "x", "content": 1}]})
        self.assertEqual(decision["error"]["code"], "prompt.bad_history")
        self.assertEqual(self.model.asked, [])

    def test_a_vendor_sees_no_personal_data_of_calls_and_results_and_its_calls_get_it_back(self):
        pipeline = self.pipeline("model: outside", "{ calls: ask.tool_calls }")
        history = [{"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "search_help", "arguments": {"words": MAIL}}]},
                   {"role": "tool", "tool_call_id": "c1", "content": {"mail": MAIL, "born": "1970-01-01", "card": 4111111111111111}}]
        self.model.say_next += [Upstream.calls(("c2", "search_help", {"words": "about <EMAIL_1>"}))]
        decision, record = self.decide(pipeline, {"h": history})
        self.assertEqual(decision["output"]["calls"][0]["arguments"]["words"], f"about {MAIL}")
        sent = self.model.asked[0]["messages"][-2:]
        self.assertEqual(json.loads(sent[0]["tool_calls"][0]["function"]["arguments"]), {"words": "<EMAIL_1>"})
        self.assertEqual(json.loads(sent[1]["content"]), {"mail": "<EMAIL_1>", "card": "<CARD_1>"})
        removed = {(each["what"], each["count"]) for each in record["steps"][0]["by"]["privacy"]["removed"]}
        self.assertEqual(removed, {("email", 2), ("card", 1), ("field born", 1)})


if __name__ == "__main__":
    harness.main()
