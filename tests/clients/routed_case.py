"""What the tests of routes and of models on other machines share: two servers that misbehave as they are told, and a gateway
before them."""
import pathlib
import sys
import time
import unittest

import openai

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from upstream import Upstream  # noqa: E402


class RoutedCase(unittest.TestCase):
    """Each test has models and a route of its own, on two servers that all share."""

    upstreams = {"one": Upstream, "two": Upstream}

    @classmethod
    def setUpClass(cls):
        cls.servers = {name: make(name) for name, make in cls.upstreams.items()}
        cls.server = harness.Server()
        cls.deploy({f"{name}.backend.yaml": f"backend: {name}@1.0.0\nprotocol: openai\nurl: {server.url}\nvendor: acme\n"
                    for name, server in cls.servers.items()})

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()
        for server in cls.servers.values():
            server.stop()

    @classmethod
    def deploy(cls, documents, status=200):
        return harness.deploy(cls.server, documents, status)

    def setUp(self):
        for server in self.servers.values():
            server.forget()
        self.name = self.id().rsplit(".", 1)[1].replace("test_", "").replace("_", "-")[:40]

    def route(self, text, one="", two="", version="1.0.0"):
        """Two models, a on the first server and b on the second, and a route over them."""
        documents = {f"{which}.model.yaml": f"model: {self.name}-{which}@1.0.0\nbackend: {server}\nkind: chat\n" + more
                     for which, server, more in (("a", "one", one), ("b", "two", two))}
        documents["r.route.yaml"] = f"route: {self.name}@{version}\n" + text.format(a=f"{self.name}-a@1.0.0", b=f"{self.name}-b@1.0.0")
        self.deploy(documents)

    @property
    def client(self):
        return openai.OpenAI(base_url=self.server.url + "/v1", api_key=self.server.keys["dora"], max_retries=0)

    def ask(self, text="say hello", **more):
        return self.client.chat.completions.create(model=self.name, messages=[{"role": "user", "content": text}], **more)

    def counts(self):
        return {name: len(server.asked) for name, server in self.servers.items()}

    def get(self, path):
        answer = harness.send(self.server, "GET", path)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.body

    def standing(self):
        return next(route for route in self.get("/api/v1/routes")["routes"] if route["name"] == self.name)

    def eventually(self, holds, seconds=20):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, "never came")
            time.sleep(0.1)

    def routing(self, decision):
        record = self.get(f"/api/v1/decisions/{decision}/record")
        return record["steps"][0]["by"]["routing"], record

    def of(self, completion):
        return self.routing(completion.id.removeprefix("chatcmpl-"))
