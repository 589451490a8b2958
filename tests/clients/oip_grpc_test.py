"""The Open Inference Protocol over gRPC through Triton's own client, unchanged, against a real server.

  oip_grpc_test.py --binary build/release/bin/switchyard [Class.test]

Needs tritonclient[grpc] and numpy.
"""
import pathlib
import sys
import unittest

import grpc
import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
import harness  # noqa: E402
import oip_test  # noqa: E402
from harness import send  # noqa: E402


def tensor(name, array, datatype):
    wanted = triton.InferInput(name, list(array.shape), datatype)
    wanted.set_data_from_numpy(array)
    return wanted


def mixed_inputs(rows):
    count = np.arange(rows)
    return [
        tensor("numbers", np.stack([count, count * 0 + 1, count * 0 + 2], 1).astype(np.float32), "FP32"),
        tensor("count", count.reshape(rows, 1).astype(np.int64), "INT64"),
        tensor("flag", count % 2 == 1, "BOOL"),
        tensor("text", np.array([f"row {i} ü".encode() for i in range(rows)], dtype=np.object_).reshape(rows, 1), "BYTES"),
        tensor("grid", np.arange(rows * 4).reshape(rows, 2, 2).astype(np.float64), "FP64"),
        tensor("small", -count.astype(np.int32), "INT32"),
    ]


class Clients(oip_test.Clients):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.grpc = triton.InferenceServerClient(f"{cls.server.host}:{cls.server.port}")
        cls.addClassCleanup(cls.grpc.close)
        cls.key = {"authorization": "Bearer " + cls.server.keys["dora"]}

    def refused(self, status, text, *arguments, **named):
        with self.assertRaises(InferenceServerException) as caught:
            self.grpc.infer(*arguments, **{"headers": self.key, **named})
        self.assertIn(status, str(caught.exception.status()), str(caught.exception))
        self.assertIn(text, str(caught.exception))


class TheService(Clients):
    def test_says_what_it_is(self):
        self.assertTrue(self.grpc.is_server_live())
        self.assertTrue(self.grpc.is_server_ready())
        self.assertEqual(self.grpc.get_server_metadata().name, "switchyard")

    def test_describes_its_models(self):
        about = self.grpc.get_model_metadata("mixed", headers=self.key)
        self.assertEqual(list(about.versions), ["1.0.0", "2.0.0"])
        self.assertIn(("grid", "FP64", [-1, 2, 2]), [(each.name, each.datatype, list(each.shape)) for each in about.inputs])
        self.assertTrue(self.grpc.is_model_ready("maths/logarithm", "1.0.0", headers=self.key))
        self.assertFalse(self.grpc.is_model_ready("nothing", headers=self.key))
        index = {(each.name, each.version): each.state for each in self.grpc.get_model_repository_index(headers=self.key).models}
        self.assertEqual(index[("mixed", "2.0.0")], "READY")

    def test_takes_and_gives_every_datatype(self):
        for rows in (1, 3, 100):
            result = self.grpc.infer("mixed", mixed_inputs(rows), headers=self.key, request_id=f"call {rows}")
            self.assertEqual(result.get_response().id, f"call {rows}")
            np.testing.assert_array_equal(result.as_numpy("total"), np.arange(rows, dtype=np.float32) + 3)
            np.testing.assert_array_equal(result.as_numpy("doubled"), 2 * np.arange(rows).reshape(rows, 1))
            np.testing.assert_array_equal(result.as_numpy("negated"), np.arange(rows) % 2 == 0)
            self.assertEqual([each.decode() for each in result.as_numpy("echo").flatten()], [f"row {i} ü" for i in range(rows)])
            np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))
            np.testing.assert_array_equal(result.as_numpy("small_out"), -np.arange(rows))

    def test_takes_typed_contents_as_well(self):
        with grpc.insecure_channel(f"{self.server.host}:{self.server.port}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            request = service_pb2.ModelInferRequest(model_name="maths/logarithm")
            x = request.inputs.add(name="x", datatype="FP32", shape=[2, 1])
            x.contents.fp32_contents.extend([1, 1])
            response = stub.ModelInfer(request, metadata=list(self.key.items()), timeout=30)
            self.assertEqual(np.frombuffer(response.raw_output_contents[0], np.float32).tolist(), [0, 0])
            x.contents.fp32_contents.append(1)
            with self.assertRaises(grpc.RpcError) as caught:
                stub.ModelInfer(request, metadata=list(self.key.items()), timeout=30)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_large_tensors_pass(self):
        rows = 8_000
        result = self.grpc.infer("mixed", mixed_inputs(rows), headers=self.key)
        np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))

    def test_messages_may_be_compressed(self):
        rows = 500
        for algorithm in ("gzip", None):
            result = self.grpc.infer("mixed", mixed_inputs(rows), headers=self.key, compression_algorithm=algorithm)
            np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))
        self.refused("UNIMPLEMENTED", "send gzip", "mixed", mixed_inputs(rows), compression_algorithm="deflate")
        self.refused("NOT_FOUND", "no model 'nothing'", "nothing", mixed_inputs(rows), compression_algorithm="gzip")

    def test_calls_of_many_clients_share_a_connection(self):
        done = []
        for i in range(200):
            self.grpc.async_infer("mixed", mixed_inputs(1 + i % 5), callback=lambda result, error: done.append(error), headers=self.key)
        harness.until(lambda: len(done) == 200, "not all calls were answered")
        self.assertEqual([error for error in done if error is not None], [])

    def test_refusals_have_grpcs_statuses_and_the_reason(self):
        x = tensor("x", np.ones((1, 1), np.float32), "FP32")
        self.refused("NOT_FOUND", "no model 'nothing'", "nothing", [x])
        self.refused("INVALID_ARGUMENT", "must be float[N, 1]", "maths/logarithm", [tensor("x", np.ones((1, 2), np.float32), "FP32")])
        self.refused("INVALID_ARGUMENT", "no output tensor", "maths/logarithm", [x], outputs=[triton.InferRequestedOutput("ü")])
        self.refused("UNAUTHENTICATED", "", "maths/logarithm", [x], headers={})
        self.refused("PERMISSION_DENIED", "", "maths/logarithm", [x], headers={"authorization": "Bearer " + self.server.keys["vera"]})

    def test_what_is_not_served_says_so(self):
        with self.assertRaises(InferenceServerException) as caught:
            self.grpc.get_model_config("mixed", headers=self.key)
        self.assertIn("UNIMPLEMENTED", str(caught.exception.status()))

    def test_a_call_is_a_decision(self):
        self.grpc.infer("mixed", mixed_inputs(2), headers=self.key)
        found = send(self.server, "GET", "/api/v1/decisions?pipeline=calls/mixed&limit=1").body["decisions"]
        self.assertEqual(found[0]["status"], "completed")
        self.assertEqual(found[0]["cost"], 1.0)


if __name__ == "__main__":
    harness.main()
