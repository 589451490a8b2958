"""A real MLServer behind the server, asked over REST and over gRPC: its models answer pipelines, and callers of the Open Inference Protocol.

  oip_backend_test.py --binary build/release/bin/switchyard [Class.test]

Needs mlserver, tritonclient[http] and numpy.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import numpy as np
import tritonclient.http as triton

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from harness import Server, run, send  # noqa: E402

RUNTIME = '''
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceResponse


class Scorer(MLModel):
    """Sums two amounts; names whether the sum is large; greets whom it is told."""

    async def load(self):
        return True

    async def predict(self, payload):
        inputs = {each.name: each for each in payload.inputs}
        amounts = NumpyCodec.decode_input(inputs["amounts"])
        names = StringCodec.decode_input(inputs["name"])
        if (amounts < 0).any():
            raise InferenceError("amounts are never negative")
        total = amounts.sum(axis=1)
        share = np.stack([amounts[:, 0] / total, amounts[:, 1] / total], 1).astype(np.float32)
        outputs = [NumpyCodec.encode_output("total", total.reshape(-1, 1)), NumpyCodec.encode_output("share", share),
                   NumpyCodec.encode_output("large", total > 100),
                   StringCodec.encode_output("greeting", ["hello " + name for name in names])]
        return InferenceResponse(id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs)
'''
DOCUMENTS = {
    "mlserver.backend.yaml": "backend: mlserver@1.0.0\nprotocol: {protocol}\nurl: {url}\nclass: in_house\n",
    "scorer.model.yaml": """
model: scorer@1.0.0
backend: mlserver
remote: {{ model: scorer-remote }}
input:
  tensors:
    amounts: {{ fields: [first, more.second], type: double }}
    name: {{ field: name, type: string }}
output:
  total: total[0]
  share: share[1]
  large: "type(large) == list ? large[0] : large"
  greeting: "type(greeting) == list ? greeting[0] : greeting"
cost: {{ per_call: 0.25, currency: EUR }}
timeout_ms: 20000
""",
    "score.pipeline.yaml": """
pipeline: test/score@1.0.0
input: {{ schema: {{ type: object, properties: {{ a: {{ type: number }}, b: {{ type: number }} }}, required: [a, b] }} }}
steps:
  scored: {{ model: scorer, input: {{ first: input.a, more: "{{'second': input.b}}", name: "'Ülf'" }} }}
output: {{ total: scored.total, share: scored.share, large: scored.large, greeting: scored.greeting }}
""",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MlServer:
    """One real server with one model of the test's own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="switchyard-mlserver-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.grpc_url = f"grpc://127.0.0.1:{free_port()}"
        (self.folder / "scorer.py").write_text(RUNTIME)
        (self.folder / "model-settings.json").write_text(json.dumps(
            {"name": "scorer-remote", "implementation": "scorer.Scorer", "parameters": {"version": "v7"}}))
        (self.folder / "settings.json").write_text(json.dumps(
            {"host": "127.0.0.1", "http_port": int(self.url.rsplit(":", 1)[1]), "grpc_port": int(self.grpc_url.rsplit(":", 1)[1]), "metrics_port": free_port(),
             "parallel_workers": 0, "environments_dir": str(self.folder / "environments"), "metrics_dir": str(self.folder / "metrics")}))
        (self.folder / "metrics").mkdir()
        self.log = open(self.folder / "log", "w+")
        self.start()

    def start(self):
        environment = dict(os.environ, PYTHONPATH=str(self.folder))
        self.process = subprocess.Popen([pathlib.Path(sys.executable).with_name("mlserver"), "start", self.folder],
                                        stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder, env=environment)
        end = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(self.url + "/v2/models/scorer-remote/ready", timeout=5)
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.log.seek(0)
                    raise AssertionError("MLServer did not start:\n" + self.log.read()[-4000:])
                time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def remove(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Backend(unittest.TestCase):
    protocol = "oip"

    @classmethod
    def backend_url(cls):
        return cls.mlserver.url

    @classmethod
    def setUpClass(cls):
        cls.mlserver = MlServer()
        cls.addClassCleanup(cls.mlserver.remove)
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        folder = tempfile.mkdtemp(prefix="switchyard-oip-")
        cls.addClassCleanup(shutil.rmtree, folder, True)
        for name, text in DOCUMENTS.items():
            pathlib.Path(folder, name).write_text(text.format(url=cls.backend_url(), protocol=cls.protocol))
        done = run("deploy", folder, environment={"SWITCHYARD_SERVER": cls.server.url, "SWITCHYARD_API_KEY": cls.server.keys["admin"]})
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, a, b):
        return send(self.server, "POST", "/api/v1/decisions", {"pipeline": "test/score", "input": {"a": a, "b": b}, "wait": "30s"})

    def test_answers_a_pipeline(self):
        decision = self.start(30, 90)
        self.assertEqual(decision.status, 200, decision.text)
        self.assertEqual(decision["output"], {"total": 120.0, "share": 0.75, "large": True, "greeting": "hello Ülf"}, decision.text)
        self.assertEqual(decision["cost"], 0.25)
        record = send(self.server, "GET", f"/api/v1/decisions/{decision['id']}/record").text
        self.assertIn("scorer-remote@v7", record)
        self.assertTrue(send(self.server, "POST", f"/api/v1/decisions/{decision['id']}/replay", {})["identical"])

    def test_a_refusal_of_the_server_is_the_decisions_error(self):
        decision = self.start(-1, 5)
        self.assertEqual(decision["status"], "failed", decision.text)
        self.assertIn("never negative", decision["error"]["message"])

    def test_passes_on_tensors_of_many_rows(self):
        client = triton.InferenceServerClient(f"{self.server.host}:{self.server.port}")
        amounts = triton.InferInput("amounts", [3, 2], "FP64")
        amounts.set_data_from_numpy(np.array([[1, 3], [50, 50], [200, 50]], np.float64))
        name = triton.InferInput("name", [3, 1], "BYTES")
        name.set_data_from_numpy(np.array([[b"a"], [b"b"], [b"c"]], dtype=np.object_))
        result = client.infer("scorer", [amounts, name], headers={"Authorization": "Bearer " + self.server.keys["dora"]})
        np.testing.assert_array_equal(result.as_numpy("total").flatten(), [4, 100, 250])
        np.testing.assert_array_equal(result.as_numpy("large").flatten(), [False, False, True])
        self.assertEqual([each.decode() for each in result.as_numpy("greeting").flatten()], ["hello a", "hello b", "hello c"])
        client.close()

    def test_a_server_that_is_gone_is_told_and_comes_back(self):
        self.mlserver.stop()
        try:
            decision = self.start(1, 2)
            self.assertEqual(decision["status"], "failed", decision.text)
            self.assertIn(self.backend_url().split("//")[1], decision["error"]["message"])
        finally:
            self.mlserver.start()
        harness.until(lambda: self.start(1, 2)["status"] == "completed", "the server is back, and its model does not answer")


class GrpcBackend(Backend):
    protocol = "oip-grpc"

    @classmethod
    def backend_url(cls):
        return cls.mlserver.grpc_url

    def test_many_calls_share_few_connections(self):
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            decisions = list(pool.map(lambda i: self.start(i, 100), range(200)))
        self.assertEqual([each["output"]["total"] for each in decisions], [100.0 + i for i in range(200)])


if __name__ == "__main__":
    harness.main()
