"""What reviews say of routed answers, through the real binary: it counts for the canary, each answer once, whatever crashes."""
import pathlib
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from routed_case import RoutedCase  # noqa: E402

CANDIDATES = "candidates:\n  main: {a}\n  next: {{ model: {b}, weight: 0 }}\n"
MODEL = "answer: {{ model: {route}, input: {{ messages: \"[{{'role': 'user', 'content': 'say well'}}]\" }} }}"


class ReviewedRoutes(RoutedCase):
    def guarded(self, increase, overruled="by: opinion, when: '!answer.ok'", more=""):
        self.route(CANDIDATES + "canary: {{ candidate: next, against: main, steps: [50%, 100%], hold: 1h, guards: {{ override_rate: "
                   + increase + " }} }}\noverruled: {{ " + overruled + " }}\n" + more)

    def pipeline(self, step=MODEL, review="due: 1h"):
        self.deploy({"p.pipeline.yaml": f"""
pipeline: test/{self.name}@1.0.0
input: {{ schema: {{ type: object, required: [person], properties: {{ person: {{ type: string }} }} }}, key: input.person }}
steps:
  {step.format(route=self.name)}
  opinion:
    review:
      queue: desk
      form: {{ type: object, required: [ok], properties: {{ ok: {{ type: boolean }} }} }}
      show: [answer]
      {review}
output: {{ ok: opinion.ok }}
"""})

    def begin(self, person):
        """A decision that waits for its review; both ids."""
        started = harness.send(self.server, "POST", "/api/v1/decisions",
                               {"pipeline": f"test/{self.name}", "input": {"person": person}, "wait": "20s"})
        events = self.get(f"/api/v1/decisions/{started['id']}/history")["events"]
        return started["id"], next(event["review"] for event in events if event["type"] == "review_requested")

    def answer(self, review, ok):
        for verb, body in (("claim", {}), ("answer", {"answer": {"ok": ok}})):
            done = harness.send(self.server, "POST", f"/api/v1/reviews/{review}/{verb}", body, key="admin")
            self.assertEqual(done.status, 200, done.text)

    def judged(self):
        """How many answers of candidate and incumbent were judged, and which share of the candidate's was overruled."""
        guard = self.standing()["canary"]["evidence"]["override_rate"]
        return guard.get("candidate_calls", 0) + guard.get("incumbent_calls", 0), guard["candidate"]

    def counts_exactly(self, judged):
        self.eventually(lambda: self.judged()[0] == judged)
        time.sleep(2)  # what counts twice, or late, comes
        self.assertEqual(self.judged()[0], judged)

    def test_what_people_overrule_counts_for_the_canary(self):
        self.guarded("1%")
        self.pipeline()
        people = 0
        while self.standing()["canary"]["phase"] == "running" and people < 100:
            decision, review = self.begin(f"person-{people}")
            self.answer(review, self.routing(decision)[0]["candidate"] == "main")
            people += 1
        self.assertEqual(self.standing()["canary"]["phase"], "rolled_back")
        evidence = self.standing()["canary"]["evidence"]["override_rate"]
        self.assertEqual((evidence["candidate"], evidence["incumbent"]), (1.0, 0.0))
        self.assertLessEqual(evidence["candidate_calls"] + evidence["incumbent_calls"], people)

    def test_what_was_said_just_before_a_crash_counts_once(self):
        self.guarded("50%")
        self.pipeline()
        answered = 0
        for crashes in range(3):
            waiting = [self.begin(f"person-{crashes}-{number}")[1] for number in range(12)]
            for review in waiting:
                self.answer(review, True)
            answered += len(waiting)
            self.server.crash()
            self.counts_exactly(answered)
        # Kept, and nothing to read again.
        time.sleep(4)
        self.server.crash()
        self.counts_exactly(answered)

    def test_each_member_of_an_ensemble_is_judged_by_its_own_answer(self):
        self.guarded("50%", overruled="by: opinion, when: answer.ok != (output.text == 'well')")
        self.pipeline("""answer:
    ensemble:
      members:
        - {{ name: one, model: {route}, input: {{ messages: "[{{'role': 'user', 'content': 'say well'}}]" }} }}
        - {{ name: two, model: {route}, input: {{ messages: "[{{'role': 'user', 'content': 'say ill'}}]" }} }}
        - {{ name: three, model: {route}-b, input: {{ messages: "[{{'role': 'user', 'content': 'say well'}}]" }} }}
      combine: vote
      of: text""")
        for person in range(8):
            self.answer(self.begin(f"person-{person}")[1], True)
        self.counts_exactly(16)
        self.assertEqual(self.judged()[1], 0.5, "one of the two answers was overruled")

    def test_an_answer_that_a_cache_gives_again_is_judged_once(self):
        self.guarded("50%", more="sticky: none\ncache: {{ ttl: 1h }}\n")
        self.pipeline()
        for person in range(10):
            self.answer(self.begin(f"person-{person}")[1], False)
        asked = self.counts()
        self.assertLessEqual(sum(asked.values()), 2, "one answer of each candidate")
        self.counts_exactly(sum(asked.values()))
        self.server.crash()
        self.counts_exactly(sum(asked.values()))

    def test_the_answer_of_on_breach_counts_where_the_route_says_so(self):
        self.guarded("50%", overruled="by: opinion, on_breach: true, when: '!answer.ok'")
        self.pipeline(review="due: 1s\n      on_breach: { answer: { ok: false } }")
        for person in range(4):
            self.begin(f"person-{person}")
        self.counts_exactly(4)


if __name__ == "__main__":
    harness.main()
