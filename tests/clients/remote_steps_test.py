"""Steps of a pipeline that ask models on other machines: a prompt, an ensemble, a cascade. The servers are the test's own."""
import json
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from routed_case import RoutedCase  # noqa: E402

PROMPT = """
prompt: {name}@1.0.0
input:
  type: object
  required: [text]
  properties: {{ text: {{ type: string }}, urgent: {{ type: boolean, default: false }} }}
messages:
  - role: system
    content: "Sort this.{{% if input.urgent %}} Be quick.{{% endif %}}"
  - role: user
    content: "<message>{{{{ input.text | escape }}}}</message>"
parameters: {{ temperature: 0, seed: deterministic }}
output:
  type: object
  required: [topic, confidence]
  properties: {{ topic: {{ enum: [billing, delivery] }}, confidence: {{ type: number, minimum: 0, maximum: 1 }} }}
repair: {{ attempts: 1 }}
"""
ASK = """
pipeline: test/{name}@1.0.0
input: {{ schema: {{ type: object, required: [text], properties: {{ text: {{ type: string }} }} }} }}
steps:
  answer:
    prompt: {name}
    input: {{ text: input.text, urgent: "true" }}
    {asked}
output: {output}
"""
MEMBERS = "[ {{ name: a, model: {a} }}, {{ name: b, model: {b} }} ]"
SURE, UNSURE = ({"topic": topic, "confidence": confidence} for topic, confidence in (("billing", 0.9), ("delivery", 0.4)))


class RemoteSteps(RoutedCase):
    def pipeline(self, asked, output):
        """A pipeline that asks model a, on the first server, or b, on the second, with a prompt."""
        self.route("candidates:\n  main: {a}\n")
        self.deploy({"p.prompt.yaml": PROMPT.format(name=self.name + "-prompt")})
        self.deploy({"p.pipeline.yaml": ASK.format(name=self.name + "-prompt", output=output,
                                                   asked=asked.format(a=f"{self.name}-a@1.0.0", b=f"{self.name}-b@1.0.0"))})

    def say(self, server, *answers):
        self.servers[server].say_next += [answer if isinstance(answer, str) else json.dumps(answer) for answer in answers]

    def decide(self):
        """The decision, and its step in the record."""
        answer = harness.send(self.server, "POST", "/api/v1/decisions",
                              {"pipeline": f"test/{self.name}-prompt", "input": {"text": "I was <twice> charged"}, "wait": "30s"})
        self.assertEqual(answer.status, 200, answer.text)
        return answer.body, self.get(f"/api/v1/decisions/{answer['id']}/record")["steps"][0]

    def test_a_prompt_is_asked_with_its_variables_and_gives_a_value(self):
        self.pipeline("model: {a}", "{ topic: answer.value.topic, by: answer.finish_reason }")
        self.say("one", SURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"], {"topic": "billing", "by": "stop"})
        prompt = step["by"]["prompt"]
        self.assertEqual((prompt["name"], prompt["version"], len(prompt["attempts"])), (self.name + "-prompt", "1.0.0", 1))
        asked = self.servers["one"].asked[0]
        self.assertEqual([message["content"] for message in asked["messages"]],
                         ["Sort this. Be quick.", "<message>I was &lt;twice&gt; charged</message>"])
        self.assertEqual(asked["temperature"], 0)
        self.assertIsInstance(asked["seed"], int)
        self.assertEqual(asked["response_format"]["json_schema"]["schema"]["required"], ["topic", "confidence"])

    def test_an_answer_that_does_not_fit_is_asked_for_once_more(self):
        self.pipeline("model: {a}", "{ topic: answer.value.topic, tokens: answer.usage.total_tokens }")
        self.say("one", "it is about billing", SURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"]["topic"], "billing")
        self.assertEqual(self.counts(), {"one": 2, "two": 0})
        self.assertEqual([attempt.get("fault") for attempt in step["by"]["prompt"]["attempts"]], ["it is no JSON", None])
        self.assertEqual(decision["output"]["tokens"],
                         sum(attempt["usage"]["total_tokens"] for attempt in step["by"]["prompt"]["attempts"]))
        self.assertIn("it is about billing", json.dumps(self.servers["one"].asked[1]["messages"]))

    def test_an_answer_that_never_fits_fails_and_is_not_used(self):
        self.pipeline("model: {a}", "{ topic: answer.value.topic }")
        self.say("one", {"topic": "weather", "confidence": 2}, {"topic": "billing"}, SURE)
        decision, step = self.decide()
        self.assertEqual((decision["status"], decision["error"]["code"]), ("failed", "prompt.bad_answer"))
        self.assertNotIn("gave", step)
        self.assertEqual(self.counts()["one"], 2, "one answer and one repair")

    def test_an_ensemble_asks_all_and_says_how_far_apart_they_are(self):
        self.pipeline("ensemble: {{ members: " + MEMBERS + ", combine: mean, of: value.confidence }}",
                      "{ score: answer.score, spread: answer.disagreement.spread, answered: answer.answered }")
        self.say("one", SURE)
        self.say("two", UNSURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"], {"score": 0.65, "spread": 0.5, "answered": 2})
        self.assertEqual({name: member["runtime"] for name, member in step["by"]["members"].items()},
                         {"a": "openai one@1.0.0", "b": "openai two@1.0.0"})
        self.assertEqual(self.counts(), {"one": 1, "two": 1})

    def test_an_ensemble_does_without_a_member_that_fails_while_its_quorum_answers(self):
        self.pipeline("ensemble: {{ members: " + MEMBERS + ", combine: mean, of: value.confidence, quorum: 1 }}",
                      '{ score: answer.score, missing: "answer.missing.map(m, m.member)" }')
        self.servers["one"].fail_next += [500] * 5
        self.say("two", UNSURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"], {"score": 0.4, "missing": ["a"]})
        routing = step["by"]["members"]["a"]["routing"]
        self.assertEqual([(attempt["why"], attempt["error"]) for attempt in routing["attempts"]], [("first", "models.server_error")])

    def test_a_cascade_asks_the_dear_model_only_where_the_cheap_one_is_unsure(self):
        self.pipeline("cascade: {{ tiers: [ {{ name: cheap, model: {a}, until: answer.value.confidence >= 0.8 }}, {{ name: dear, model: {b} }} ], "
                      "of: value.confidence }}",
                      "{ tier: answer.tier, topic: answer.value.topic }")
        self.say("one", SURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"], {"tier": "cheap", "topic": "billing"})
        self.assertEqual(list(step["by"]["members"]), ["cheap"])
        self.assertEqual(self.counts(), {"one": 1, "two": 0})
        self.say("one", UNSURE)
        self.say("two", SURE)
        decision, step = self.decide()
        self.assertEqual(decision["output"], {"tier": "dear", "topic": "billing"})
        self.assertEqual([(tier["tier"], tier["sure"]) for tier in step["gave"]["tiers"]], [("cheap", False), ("dear", True)])
        self.assertEqual(self.counts(), {"one": 2, "two": 1})


if __name__ == "__main__":
    harness.main()
