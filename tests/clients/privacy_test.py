"""What leaves for a vendor's model, and what the client gets back. The vendor is the test's own server, which keeps what it was
sent."""
import json
import pathlib
import sys
import unittest

import openai

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from upstream import Upstream  # noqa: E402

MAIL, CARD = "erika.mustermann@example.org", "4111 1111 1111 1111"


class Privacy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Upstream()
        cls.server = harness.Server()
        backend = f"backend: vendor@1.0.0\nprotocol: openai\nurl: {cls.vendor.url}\nclass: vendor\nvendor: acme\n"
        cls.backend = backend
        cls.deploy({"p.privacy.yaml": "privacy: house@1.0.0\ndetect: { email: token, card: mask }\n",
                    "b.backend.yaml": backend + "privacy: house\n",
                    "m.model.yaml": "model: outside@1.0.0\nbackend: vendor\nkind: chat\n"})
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key=cls.server.keys["dora"], max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()
        cls.vendor.stop()

    @classmethod
    def deploy(cls, documents, status=200):
        return harness.deploy(cls.server, documents, status)

    def setUp(self):
        self.vendor.asked.clear()

    def ask(self, text, **more):
        return self.client.chat.completions.create(model="outside", messages=[{"role": "user", "content": text}], **more)

    def test_the_vendor_never_sees_it_and_the_client_gets_it_back(self):
        completion = self.ask(f"say write to {MAIL} about {CARD}")
        sent = json.dumps(self.vendor.asked)
        self.assertNotIn(MAIL, sent)
        self.assertNotIn("4111 1111", sent)
        text = completion.choices[0].message.content
        self.assertIn(MAIL, text)
        self.assertNotIn("4111 1111", text)  # masked for good
        self.assertIn("1111", text)

    def test_the_record_counts_what_was_removed_and_names_nothing(self):
        completion = self.ask(f"say {MAIL} and {MAIL}")
        record = harness.send(self.server, "GET", f"/api/v1/decisions/{completion.id.removeprefix('chatcmpl-')}/record").body
        told = record["steps"][0]["by"]["privacy"]
        self.assertEqual(told["policy"], "house@1.0.0")
        self.assertEqual(told["removed"], [{"what": "email", "action": "token", "count": 2}])
        self.assertNotIn(MAIL, json.dumps(told))

    def test_a_stream_is_put_together_again_wherever_it_is_cut(self):
        for text in (f"say dear {MAIL} , goodbye", f"say {MAIL}"):
            seen = "".join(chunk.choices[0].delta.content or "" for chunk in self.ask(text, stream=True) if chunk.choices)
            self.assertEqual(seen.split(), text.split()[1:])
        self.assertNotIn(MAIL, json.dumps(self.vendor.asked))

    def test_without_its_policy_nothing_leaves(self):
        self.deploy({"c.backend.yaml": self.backend.replace("vendor@", "closed@") + "privacy: nowhere\n",
                     "n.model.yaml": "model: closed@1.0.0\nbackend: closed\nkind: chat\n"})
        with self.assertRaises(openai.InternalServerError) as refused:
            self.client.chat.completions.create(model="closed", messages=[{"role": "user", "content": "say x"}])
        self.assertEqual(refused.exception.code, "privacy.no_policy")
        self.assertEqual(self.vendor.asked, [])

    def test_a_vendor_without_a_policy_is_refused_when_it_is_deployed(self):
        answer = self.deploy({"b.backend.yaml": self.backend.replace("vendor@", "open@")}, 422)
        self.assertIn("privacy: none", answer.text)


if __name__ == "__main__":
    harness.main()
