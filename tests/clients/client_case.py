"""What the tests of OpenAI's clients share: a server whose models are on a server of the test's own."""
import pathlib
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from upstream import Upstream  # noqa: E402

DOCUMENTS = {
    "there.backend.yaml": """
backend: there@1.0.0
protocol: openai
url: {url}
class: in_house
""",
    "helper.model.yaml": """
model: helper@1.0.0
backend: there
kind: chat
remote: {{ model: tiny-7b }}
timeout_ms: 2000
cost: {{ per_million_input_tokens: 1000000, per_million_output_tokens: 2000000, currency: EUR }}
""",
    "embedder.model.yaml": """
model: embedder@1.0.0
backend: there
kind: embeddings
""",
    "ask.pipeline.yaml": """
pipeline: test/ask@1.0.0
input: {{ schema: {{ type: object, required: [question], properties: {{ question: {{ type: string }} }} }} }}
steps:
  answer:
    model: helper
    input: {{ messages: "[{{'role': 'user', 'content': input.question}}]" }}
output: {{ text: answer.text, tokens: answer.usage.total_tokens }}
""",
}


class ClientCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = Upstream()
        cls.server = harness.Server()
        cls.deploy(DOCUMENTS)

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()
        cls.upstream.stop()

    @classmethod
    def deploy(cls, documents, status=200, url=None):
        texts = {path: text.format(url=url or cls.upstream.url) for path, text in documents.items()}
        return harness.deploy(cls.server, texts, status)

    def setUp(self):
        self.upstream.forget()

    def record(self, decision):
        answer = harness.send(self.server, "GET", f"/api/v1/decisions/{decision}/record")
        self.assertEqual(answer.status, 200, answer.text)
        return answer.body
