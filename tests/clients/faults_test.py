"""What becomes of a call when its server resets, breaks off, lies, stalls, or will not be asked: each fault meets the guard that
is for it, and the decision's record says which one acted. The servers are the test's own."""
import pathlib
import sys
import time

import openai

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from routed_case import RoutedCase  # noqa: E402

ROUTE = ("candidates:\n  main: {a}\n  spare: {{ model: {b}, weight: 0 }}\nfallbacks: [spare]\n"
         "retry: {{ attempts: 2, backoff: 1ms..2ms }}\n")
#: Of the first server's model; the second has the time it wants.
HASTY = "timeout_ms: 700\n"


class Faults(RoutedCase):
    def attempts(self, routing):
        """Who was asked, why, and what came of it."""
        return [(attempt["candidate"], attempt["why"], attempt.get("error", attempt["outcome"])) for attempt in routing["attempts"]]

    def answered_despite(self, *faults, **more):
        """The attempts of a call that is answered although the first server does this."""
        self.route(ROUTE, one=HASTY)
        self.servers["one"].fail_next += faults
        completion = self.ask(**more)
        self.assertEqual(completion.choices[0].message.content, "hello")
        routing, record = self.of(completion)
        self.assertEqual(record["status"], "completed")
        return self.attempts(routing)

    def test_a_connection_that_is_reset_in_mid_body_is_tried_again(self):
        self.assertEqual(self.answered_despite("reset"),
                         [("main", "first", "http.truncated"), ("main", "retry", "answered")])

    def test_a_server_that_goes_on_resetting_is_left_for_the_fallback(self):
        self.assertEqual(self.answered_despite("reset", "reset"),
                         [("main", "first", "http.truncated"), ("main", "retry", "http.truncated"), ("spare", "fallback", "answered")])

    def test_half_an_answer_is_no_answer(self):
        self.assertEqual(self.answered_despite("half"),
                         [("main", "first", "models.bad_answer"), ("spare", "fallback", "answered")])

    def test_a_server_that_never_answers_costs_its_time_out_and_no_more(self):
        began = time.monotonic()
        self.assertEqual(self.answered_despite("stall"),
                         [("main", "first", "http.timeout"), ("spare", "fallback", "answered")])
        self.assertGreater(time.monotonic() - began, 0.7)
        self.assertTrue(self.servers["one"].cut_off.wait(10), "the connection was kept")

    def test_out_of_credit_turns_to_the_fallback_and_leaves_the_server_alone(self):
        self.assertEqual(self.answered_despite(402),
                         [("main", "first", "models.out_of_credit"), ("spare", "fallback", "answered")])
        routing, _ = self.of(self.ask())
        self.assertEqual(self.attempts(routing), [("spare", "fallback", "answered")])
        self.assertEqual(routing["skipped"], [{"candidate": "main", "reason": "cooling"}])

    def test_retry_after_is_waited_for(self):
        self.assertEqual(self.answered_despite((429, {"Retry-After": "2"})),
                         [("main", "first", "models.rate_limited"), ("spare", "fallback", "answered")])
        routing, _ = self.of(self.ask())
        self.assertEqual(routing["skipped"], [{"candidate": "main", "reason": "cooling"}])
        time.sleep(2.1)
        self.assertEqual(self.attempts(self.of(self.ask())[0]), [("main", "first", "answered")])

    def test_a_stream_that_stalls_before_its_first_part_is_taken_over(self):
        self.route(ROUTE, one=HASTY)
        self.servers["one"].fail_next.append("stall")
        chunks = [chunk for chunk in self.ask(stream=True) if chunk.choices]
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip(), "hello")
        self.assertEqual(self.attempts(self.of(chunks[0])[0]),
                         [("main", "first", "http.timeout"), ("spare", "fallback", "answered")])

    def test_a_stream_that_stalls_in_the_middle_is_an_error_and_nobody_else_goes_on_with_it(self):
        self.route(ROUTE, one=HASTY)
        self.servers["one"].fail_next.append("falter")
        seen = []
        with self.assertRaises(openai.APIError):
            for chunk in self.ask(stream=True):
                seen.append(chunk.choices[0].delta.content)
        self.assertEqual("".join(seen).strip(), "one")
        self.assertEqual(self.counts(), {"one": 1, "two": 0})
        decision = self.get(f"/api/v1/decisions?limit=1&pipeline=calls/{self.name}")["decisions"][0]
        record = self.get(f"/api/v1/decisions/{decision['id']}/record")
        self.assertEqual((record["status"], record["error"]["code"]), ("failed", "http.timeout"))


if __name__ == "__main__":
    harness.main()
