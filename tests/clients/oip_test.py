"""The Open Inference Protocol through Triton's own client, unchanged, against a real server.

  oip_test.py --binary build/release/bin/switchyard [Class.test]

Needs tritonclient[http] and numpy.
"""
import csv
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))
import harness  # noqa: E402
from harness import SOURCE, Server, run, send  # noqa: E402

MIXED = """
model: mixed@{version}
backend: onnx
file: mixed.onnx
input:
  tensors:
    numbers: {{ fields: [a, b, c] }}
    count: {{ field: n, type: int64 }}
    flag: {{ field: f, type: bool }}
    text: {{ field: t, type: string }}
    grid: {{ field: g, type: double }}
    small: {{ field: s, type: int32 }}
output: {{ total: total, echo: "echo[0]" }}
batch: {{ max: 8 }}
cost: {{ per_call: 0.5, currency: EUR }}
"""
LOGARITHM = """
model: maths/logarithm@1.0.0
backend: onnx
file: logarithm.onnx
input: { tensors: { x: { fields: [x] } } }
output: { y: "y[0]" }
"""


def tensor(name, array, datatype, binary=True):
    wanted = triton.InferInput(name, list(array.shape), datatype)
    wanted.set_data_from_numpy(array, binary_data=binary)
    return wanted


def mixed_inputs(rows, binary=True):
    count = np.arange(rows)
    return [
        tensor("numbers", np.stack([count, count * 0 + 1, count * 0 + 2], 1).astype(np.float32), "FP32", binary),
        tensor("count", count.reshape(rows, 1).astype(np.int64), "INT64", binary),
        tensor("flag", count % 2 == 1, "BOOL", binary),
        tensor("text", np.array([f"row {i} ü".encode() for i in range(rows)], dtype=np.object_).reshape(rows, 1), "BYTES", binary),
        tensor("grid", np.arange(rows * 4).reshape(rows, 2, 2).astype(np.float64), "FP64", binary),
        tensor("small", -count.astype(np.int32), "INT32", binary),
    ]


class Clients(unittest.TestCase):
    options = ()  # of the server

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options)
        cls.addClassCleanup(cls.server.remove)
        cls.bearer = {"Authorization": "Bearer " + cls.server.keys["dora"]}
        data = SOURCE / "src/models/tests/data"
        for number in ("1.0.0", "2.0.0"):
            cls.deploy({"mixed.model.yaml": MIXED.format(version=number)}, data / "mixed.onnx")
        cls.deploy({"logarithm.model.yaml": LOGARITHM}, data / "logarithm.onnx")
        models = SOURCE / "examples/card-fraud/models"
        cls.deploy({"fraud-light.model.yaml": (models / "fraud-light.model.yaml").read_text()}, models / "fraud-light.onnx")
        cls.client = triton.InferenceServerClient(f"{cls.server.host}:{cls.server.port}")
        cls.addClassCleanup(cls.client.close)

    @classmethod
    def deploy(cls, files, weights):
        folder = tempfile.mkdtemp(prefix="switchyard-oip-")
        try:
            for name, text in files.items():
                pathlib.Path(folder, name).write_text(text)
            shutil.copy(weights, folder)
            done = run("deploy", folder, environment={"SWITCHYARD_SERVER": cls.server.url,
                                                      "SWITCHYARD_API_KEY": cls.server.keys["admin"]})
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            shutil.rmtree(folder)

    def infer(self, *arguments, **named):
        # A copy: the client writes the length of one request's JSON into the headers it is given.
        return self.client.infer(*arguments, headers=dict(self.bearer), **named)

    def refused(self, text, *arguments, **named):
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(*arguments, **named)
        self.assertIn(text, str(caught.exception))
        return caught.exception


class TheServer(Clients):
    def test_says_what_it_is(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        about = self.client.get_server_metadata()
        self.assertEqual(about["name"], "switchyard")
        self.assertIn("binary_tensor_data", about["extensions"])

    def test_describes_its_models(self):
        about = self.client.get_model_metadata("mixed", headers=self.bearer)
        self.assertEqual(about["versions"], ["1.0.0", "2.0.0"])
        self.assertIn({"name": "grid", "datatype": "FP64", "shape": [-1, 2, 2]}, about["inputs"])
        self.assertIn({"name": "echo", "datatype": "BYTES", "shape": [-1, 1]}, about["outputs"])
        self.client.get_model_metadata("mixed", "1.0.0", headers=self.bearer)
        self.assertEqual(self.client.get_model_metadata("maths/logarithm", headers=self.bearer)["name"], "maths/logarithm")
        with self.assertRaises(InferenceServerException) as caught:
            self.client.get_model_metadata("nothing", headers=self.bearer)
        self.assertEqual(caught.exception.status(), "404")

    def test_says_which_models_are_ready(self):
        self.assertTrue(self.client.is_model_ready("mixed", headers=self.bearer))
        self.assertTrue(self.client.is_model_ready("mixed", "1.0.0", headers=self.bearer))
        self.assertTrue(self.client.is_model_ready("maths/logarithm", "1.0.0", headers=self.bearer))
        self.assertFalse(self.client.is_model_ready("mixed", "9.0.0", headers=self.bearer))
        index = {(each["name"], each["version"]): each["state"] for each in self.client.get_model_repository_index(headers=self.bearer)}
        self.assertEqual(index[("mixed", "1.0.0")], "READY")
        self.assertEqual(index[("maths/logarithm", "1.0.0")], "READY")

    def test_tells_no_one_without_a_key_about_models(self):
        self.assertFalse(self.client.is_model_ready("mixed"))
        self.assertEqual(send(self.server, "POST", "/v2/models/mixed/infer", {}, key=None).status, 401)
        self.assertEqual(send(self.server, "POST", "/v2/models/mixed/infer", {}, key="vera").status, 403)


class Inference(Clients):
    def check(self, result, rows):
        np.testing.assert_array_equal(result.as_numpy("total"), np.arange(rows, dtype=np.float32) + 3)
        np.testing.assert_array_equal(result.as_numpy("doubled"), 2 * np.arange(rows).reshape(rows, 1))
        np.testing.assert_array_equal(result.as_numpy("negated"), np.arange(rows) % 2 == 0)
        echo = [each.decode() if isinstance(each, bytes) else each for each in result.as_numpy("echo").flatten()]
        self.assertEqual(echo, [f"row {i} ü" for i in range(rows)])
        np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))
        np.testing.assert_array_equal(result.as_numpy("grid/flat:0"), np.arange(rows * 4).reshape(rows, 4))
        np.testing.assert_array_equal(result.as_numpy("small_out"), -np.arange(rows))

    def test_takes_and_gives_every_datatype_in_binary_form(self):
        for rows in (1, 3, 8):
            self.check(self.infer("mixed", mixed_inputs(rows)), rows)

    def test_takes_and_gives_every_datatype_as_json(self):
        outputs = [triton.InferRequestedOutput(name, binary_data=False)
                   for name in ("total", "doubled", "negated", "echo", "same", "grid/flat:0", "small_out")]
        self.check(self.infer("mixed", mixed_inputs(3, binary=False), outputs=outputs), 3)

    def test_takes_more_rows_than_one_run(self):
        self.check(self.infer("mixed", mixed_inputs(100)), 100)

    def test_gives_the_outputs_that_are_asked_for_each_in_its_form(self):
        outputs = [triton.InferRequestedOutput("total", binary_data=False), triton.InferRequestedOutput("echo", binary_data=True)]
        result = self.infer("mixed", mixed_inputs(2), outputs=outputs, request_id="call 7")
        answer = result.get_response()
        self.assertEqual(answer["id"], "call 7")
        self.assertEqual([each["name"] for each in answer["outputs"]], ["total", "echo"])
        self.assertEqual(answer["outputs"][0]["data"], [3, 4])
        self.assertEqual((answer["model_name"], answer["model_version"]), ("mixed", "2.0.0"))
        self.assertEqual(result.as_numpy("echo").flatten()[1].decode(), "row 1 ü")

    def test_asks_the_version_that_is_named(self):
        self.assertEqual(self.infer("mixed", mixed_inputs(1), model_version="1.0.0").get_response()["model_version"], "1.0.0")
        self.assertEqual(self.refused("no model", "mixed", mixed_inputs(1), model_version="3.0.0").status(), "404")

    def test_the_version_that_is_named_is_the_same_as_the_openai_api_asks(self):
        raw = json.dumps({"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [[1]]}]})
        answer = send(self.server, "POST", "/v2/models/maths/logarithm/versions/1.0.0/infer", raw, key="dora")
        record = send(self.server, "GET", f"/api/v1/decisions/{answer.headers['x-switchyard-decision']}/record")
        self.assertEqual((record["pipeline"], record["version"]), ("calls/maths/logarithm/exactly", "1.0.0"))

    def test_finds_models_whose_names_have_slashes(self):
        result = self.infer("maths/logarithm", [tensor("x", np.array([[1.0]], np.float32), "FP32")], model_version="1.0.0")
        np.testing.assert_array_equal(result.as_numpy("y"), [[0.0]])

    def test_gives_back_the_callers_parameters(self):
        result = self.infer("mixed", mixed_inputs(1), parameters={"tag": "a", "number": 3}, timeout=5_000_000, priority=1)
        self.assertEqual(result.get_response()["parameters"], {"tag": "a", "number": 3})

    def test_agrees_with_a_pipelines_answer_for_the_example_model(self):
        with open(SOURCE / "examples/card-fraud/data/transactions.csv", newline="") as file:
            rows = [next(reader) for reader in [csv.DictReader(file)] for _ in range(4)]
        features = np.array([[float(row[f"V{i}"]) for i in range(1, 29)] + [float(row["Amount"])] for row in rows], np.float32)
        result = self.infer("fraud-light", [tensor("features", features, "FP32")])
        # Scored by the training script's own runtime.
        self.assertAlmostEqual(float(result.as_numpy("probabilities")[0][1]), 0.3559349, delta=1e-5)
        self.assertEqual(result.as_numpy("label").shape, (4,))

    def test_is_a_decision_that_can_be_looked_at(self):
        raw = json.dumps({"inputs": [{"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [[1], [1]]}]})
        answer = send(self.server, "POST", "/v2/models/maths/logarithm/infer", raw, key="dora")
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.body["outputs"], [{"name": "y", "datatype": "FP32", "shape": [2, 1], "data": [0, 0]}])
        decision = answer.headers["x-switchyard-decision"]
        record = send(self.server, "GET", f"/api/v1/decisions/{decision}/record")
        self.assertEqual(record["pipeline"]["name"] if isinstance(record["pipeline"], dict) else record["pipeline"], "calls/maths/logarithm")
        self.assertIn("$tensors", record.text)
        replay = send(self.server, "POST", f"/api/v1/decisions/{decision}/replay", {})
        self.assertTrue(replay["identical"], replay.text)
        self.assertIn("maths/logarithm", run("inspect", decision, environment={
            "SWITCHYARD_SERVER": self.server.url, "SWITCHYARD_API_KEY": self.server.keys["admin"]}).stdout)


class Routed(Inference):
    """The calls above that name no version, through a route, and what is asked of routes themselves."""
    ROUTE = "route: {}@1.0.0\ncandidates:\n  main: mixed@2.0.0\n  before: {{ model: mixed@1.0.0, weight: 0 }}\nfallbacks: [before]\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        files = [{"path": f"{name}.route.yaml", "content": cls.ROUTE.format(name)} for name in ("routed", "spare")]
        answer = send(cls.server, "POST", "/api/v1/deployments", {"files": files, "message": "test"})
        assert answer.status == 200, answer.text

    def infer(self, name, *arguments, **named):
        return super().infer("routed" if name == "mixed" and "model_version" not in named else name, *arguments, **named)

    def test_gives_the_outputs_that_are_asked_for_each_in_its_form(self):
        answer = self.infer("mixed", mixed_inputs(2)).get_response()
        self.assertEqual((answer["model_name"], answer.get("model_version", "")), ("routed", ""))

    def test_is_described_as_its_models_are(self):
        about = self.client.get_model_metadata("routed", headers=self.bearer)
        self.assertEqual(about["name"], "routed")
        self.assertIn({"name": "grid", "datatype": "FP64", "shape": [-1, 2, 2]}, about["inputs"])
        self.assertTrue(self.client.is_model_ready("routed", headers=self.bearer))
        index = self.client.get_model_repository_index(headers=self.bearer)
        self.assertIn({"name": "routed", "version": "", "state": "READY", "reason": ""}, index)

    def test_has_no_versions_of_its_own(self):
        self.assertEqual(self.refused("no model", "routed", mixed_inputs(1), model_version="2.0.0").status(), "404")
        self.assertFalse(self.client.is_model_ready("routed", "1.0.0", headers=self.bearer))

    def test_the_record_says_who_answered(self):
        self.infer("mixed", mixed_inputs(1))
        decision = send(self.server, "GET", "/api/v1/decisions?pipeline=calls/routed&limit=1").body["decisions"][0]["id"]
        routing = send(self.server, "GET", f"/api/v1/decisions/{decision}/record").body["steps"][0]["by"]["routing"]
        self.assertEqual((routing["route"], routing["model"]), ("routed@1.0.0", "mixed@2.0.0"))

    def test_is_not_ready_when_it_or_all_its_models_are_switched_off(self):
        def throw(action, kind, name):
            answer = send(self.server, "POST", "/api/v1/switches", {"action": action, "kind": kind, "name": name, "why": "test"})
            self.assertEqual(answer.status, 200, answer.text)
        for switch in (("route", "spare"), ("model", "mixed")):
            throw("kill", *switch)
            try:
                self.assertFalse(self.client.is_model_ready("spare", headers=self.bearer), switch)
            finally:
                throw("revive", *switch)
        self.assertTrue(self.client.is_model_ready("spare", headers=self.bearer))


class Refusals(Clients):
    def test_name_the_tensor_and_the_mend(self):
        x = tensor("x", np.zeros((2, 1), np.float32), "FP32")
        self.refused("no input tensor 'x'", "mixed", mixed_inputs(2) + [x])
        self.refused("'numbers' is missing", "mixed", mixed_inputs(2)[1:])
        self.refused("must be float[N, 1]", "maths/logarithm", [tensor("x", np.zeros((2, 2), np.float32), "FP32")])
        self.refused("must be float[N, 1]", "maths/logarithm", [tensor("x", np.zeros((2, 1), np.float64), "FP64")])
        self.refused("'FP16'", "maths/logarithm", [tensor("x", np.zeros((2, 1), np.float16), "FP16")])
        self.assertEqual(self.refused("no output tensor 'z'", "maths/logarithm", [x], outputs=[triton.InferRequestedOutput("z")]).status(), "400")
        self.refused("classification", "maths/logarithm", [x], outputs=[triton.InferRequestedOutput("y", class_count=2)])
        self.refused("sequence", "maths/logarithm", [x], sequence_id=7, sequence_start=True)
        self.assertEqual(self.refused("no model 'nothing'", "nothing", [x]).status(), "404")

    def test_what_json_lacks_goes_in_binary_form_only(self):
        zero = [tensor("x", np.zeros((1, 1), np.float32), "FP32")]
        self.assertEqual(self.infer("maths/logarithm", zero).as_numpy("y")[0][0], -np.inf)
        self.refused("ask for it with binary_data", "maths/logarithm", zero, outputs=[triton.InferRequestedOutput("y", binary_data=False)])

    def post(self, body, headers=None, model="maths/logarithm"):
        return send(self.server, "POST", f"/v2/models/{model}/infer", body, headers, key="dora")

    def test_broken_requests_are_400_with_the_reason(self):
        good = {"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}
        for body in ("", "{", "[]", "{}", {"inputs": []}, {"inputs": [3]}, {"inputs": [dict(good, name=3)]},
                     {"inputs": [dict(good, data=None)]}, {"inputs": [dict(good, data=[1, 2])]}, {"inputs": [dict(good, data=[])]},
                     {"inputs": [dict(good, data=["1"])]}, {"inputs": [dict(good, shape=[-1, 1])]},
                     {"inputs": [dict(good, shape=[1 << 40, 1 << 40])]}, {"inputs": [dict(good, shape=[])]},
                     {"inputs": [dict(good, shape=[0, 1], data=[])]}, {"inputs": [good, good]}, {"inputs": [good], "outputs": 3},
                     {"inputs": [good], "id": 7}, {"inputs": [good], "parameters": []},
                     {"inputs": [dict(good, parameters={"binary_data_size": 4})]},
                     {"inputs": [dict(good, parameters={"shared_memory_region": "r"})]}):
            answer = self.post(body)
            self.assertEqual(answer.status, 400, f"{body}: {answer.text}")
            self.assertTrue(answer.body["error"], body)

    def test_binary_lengths_must_add_up(self):
        head = json.dumps({"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}]})
        ask = lambda tail, length: self.post(head.encode() + tail, {"Inference-Header-Content-Length": str(length)}).status
        self.assertEqual(ask(b"\0\0\x80?", len(head)), 200)
        for tail, length in ((b"\0\0\x80", len(head)), (b"\0\0\x80?!", len(head)), (b"\0\0\x80?", len(head) + 1), (b"", 10_000),
                             (b"\0\0\x80?", 0), (b"", -1)):
            self.assertEqual(ask(tail, length), 400, (tail, length))

    def test_a_model_that_is_switched_off_is_not_ready_and_does_not_answer(self):
        throw = lambda action: self.assertEqual(send(self.server, "POST", "/api/v1/switches", {
            "action": action, "kind": "model", "name": "maths/logarithm", "why": "test"}).status, 200)
        x = [tensor("x", np.ones((1, 1), np.float32), "FP32")]
        throw("kill")
        try:
            self.assertFalse(self.client.is_model_ready("maths/logarithm", headers=self.bearer))
            self.refused("switched off", "maths/logarithm", x)
        finally:
            throw("revive")
        self.assertTrue(self.client.is_model_ready("maths/logarithm", headers=self.bearer))
        self.infer("maths/logarithm", x)


if __name__ == "__main__":
    harness.main()
