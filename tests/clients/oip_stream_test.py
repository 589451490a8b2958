"""Streams of the Open Inference Protocol (ModelStreamInfer) through Triton's own client, unchanged, against a real server.

  oip_stream_test.py --binary build/release/bin/switchyard [Class.test]

Needs tritonclient[grpc] and numpy.
"""
import asyncio
import http.server
import json
import pathlib
import queue
import sys
import tempfile
import threading
import unittest

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
import oip_grpc_test  # noqa: E402
from harness import send  # noqa: E402
from oip_grpc_test import mixed_inputs, tensor  # noqa: E402

AT_ONCE = 64  # messages of one stream that are worked on at once
HELD = {
    "held.backend.yaml": "backend: held@1.0.0\nprotocol: oip\nurl: {url}\nclass: in_house\n",
    "held.model.yaml": "model: held@1.0.0\nbackend: held\ninput: {{ tensors: {{ x: {{ fields: [x], type: double }} }} }}\noutput: {{ y: \"y[0]\" }}\n",
    "routed.route.yaml": "route: routed@1.0.0\ncandidates:\n  main: mixed@2.0.0\n",
}


class Holder:
    """A server of the protocol that gives a number back tenfold, the negative ones not before they are let go."""

    def __init__(self):
        holder = self
        self.asked, self.let_go, self.left = [], threading.Event(), 0
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                x = np.array(body["inputs"][0]["data"], dtype=float).flatten()
                with holder.lock:
                    holder.asked.append(x[0])
                if x[0] < 0:
                    self.connection.settimeout(0.05)
                    while not holder.let_go.is_set():
                        try:
                            if not self.connection.recv(1):
                                with holder.lock:
                                    holder.left += 1
                                self.close_connection = True
                                return
                        except TimeoutError:
                            continue
                    self.connection.settimeout(30)
                text = json.dumps({"model_name": "held", "outputs": [
                    {"name": "y", "datatype": "FP64", "shape": [len(x), 1], "data": (10 * x).tolist()}]}).encode()
                harness.answer_json(self, text)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hold(self):
        self.let_go.clear()
        self.asked, self.left = [], 0

    def stop(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


def number(value):
    return [tensor("x", np.array([[value]], np.float64), "FP64")]


def request_of(model, values, request_id=""):
    """A request as the protocol has it, for what the client's own functions do not show."""
    values = np.atleast_2d(values)
    request = service_pb2.ModelInferRequest(model_name=model, id=request_id)
    request.inputs.add(name="x", datatype={"float32": "FP32", "float64": "FP64"}[str(values.dtype)], shape=values.shape)
    request.raw_input_contents.append(values.tobytes())
    return request


def parameter(response, name):
    found = response.parameters[name]
    return getattr(found, found.WhichOneof("parameter_choice"))


class Streams(oip_grpc_test.Clients):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="switchyard-streams-")
        cls.addClassCleanup(folder.cleanup)
        door = pathlib.Path(folder.name, "gateway.yaml")
        door.write_text("admission: { target_delay_ms: 60000 }\n")  # the machine of a test may be slow
        cls.options = ("--gateway", str(door))
        super().setUpClass()
        cls.holder = Holder()
        cls.addClassCleanup(cls.holder.stop)
        harness.deploy(cls.server, {path: text.format(url=cls.holder.url) for path, text in HELD.items()})

    def setUp(self):
        self.holder.hold()
        self.addCleanup(self.holder.let_go.set)

    def open(self, client=None, **named):
        """A stream of the client, and the queue that its answers come to: (result, error)."""
        client, answers = client or self.grpc, queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)), **{"headers": self.key, **named})
        self.addCleanup(client.stop_stream, True)
        return answers

    def all_of(self, answers):
        self.grpc.stop_stream()
        return list(answers.queue)

    def stub(self):
        channel = grpc.insecure_channel(f"{self.server.host}:{self.server.port}")
        self.addCleanup(channel.close)
        return service_pb2_grpc.GRPCInferenceServiceStub(channel)

    def talk(self, requests, **headers):
        return self.stub().ModelStreamInfer(iter(requests), metadata=list({**self.key, **headers}.items()), timeout=120)

    def decisions(self, pipeline):
        return send(self.server, "GET", f"/api/v1/decisions?pipeline={pipeline}&limit=500").body["decisions"]

    def completed(self):
        return sum(each["status"] == "completed" for each in self.decisions("calls/held"))

    def key_with(self, **limits):
        made = send(self.server, "POST", "/api/v1/keys", {"name": self.id().rsplit(".", 1)[1], "roles": ["developer"], **limits})
        self.assertEqual(made.status, 201, made.text)
        return {"authorization": "Bearer " + made["key"]}

    def metric(self, name):
        metrics = send(self.server, "GET", "/metrics").text
        return float(next(line for line in metrics.splitlines() if line.startswith(name + " ")).split()[-1])


class Answers(Streams):
    def test_come_in_the_order_of_the_messages_and_each_is_a_decision(self):
        answers = self.open()
        count = 300
        for i in range(count):
            self.grpc.async_stream_infer("mixed", mixed_inputs(1 + i % 5), request_id=str(i), parameters={"tag": i})
        found = self.all_of(answers)
        self.assertEqual([str(error) for _, error in found if error], [])
        responses = [result.get_response() for result, _ in found]
        self.assertEqual([each.id for each in responses], [str(i) for i in range(count)])
        for i, (result, _) in enumerate(found):
            rows = 1 + i % 5
            np.testing.assert_array_equal(result.as_numpy("doubled"), 2 * np.arange(rows).reshape(rows, 1))
            self.assertEqual(parameter(result.get_response(), "tag"), i)
            self.assertTrue(parameter(result.get_response(), "triton_final_response"))
        made = [parameter(each, "switchyard_decision") for each in responses]
        self.assertEqual(len(set(made)), count)
        for decision in (made[0], made[-1]):
            record = send(self.server, "GET", f"/api/v1/decisions/{decision}/record")
            self.assertEqual(record["pipeline"], "calls/mixed")
            self.assertTrue(send(self.server, "POST", f"/api/v1/decisions/{decision}/replay", {})["identical"])

    def test_wait_for_those_before_them_though_the_work_does_not(self):
        before = self.completed()
        answers = self.open()
        self.grpc.async_stream_infer("held", number(-1), request_id="slow")
        self.grpc.async_stream_infer("held", number(2), request_id="quick")
        harness.until(lambda: self.completed() > before, "the second was not worked on")
        self.assertTrue(answers.empty())
        self.holder.let_go.set()
        self.assertEqual([result.get_response().id for result, _ in self.all_of(answers)], ["slow", "quick"])

    def test_are_final_and_need_no_empty_one_behind_them(self):
        answers = self.open()
        self.grpc.async_stream_infer("held", number(1), enable_empty_final_response=True)
        (result, error), = self.all_of(answers)
        self.assertIsNone(error, str(error))
        self.assertEqual(result.as_numpy("y").tolist(), [[10]])
        self.assertTrue(parameter(result.get_response(), "triton_final_response"))
        self.assertNotIn("triton_enable_empty_final_response", result.get_response().parameters)

    def test_of_routes_and_of_versions_are_those_of_single_calls(self):
        answers = self.open()
        self.grpc.async_stream_infer("routed", mixed_inputs(1))
        self.grpc.async_stream_infer("mixed", mixed_inputs(1), model_version="1.0.0")
        routed, exact = (result.get_response() for result, _ in self.all_of(answers))
        self.assertEqual((routed.model_name, routed.model_version), ("routed", ""))
        self.assertEqual((exact.model_name, exact.model_version), ("mixed", "1.0.0"))
        record = lambda response: send(self.server, "GET", f"/api/v1/decisions/{parameter(response, 'switchyard_decision')}/record")
        self.assertEqual(record(routed).body["steps"][0]["by"]["routing"]["model"], "mixed@2.0.0")
        self.assertEqual(record(exact)["pipeline"], "calls/mixed/exactly")

    def test_are_compressed_where_the_messages_are(self):
        answers = self.open(compression_algorithm="gzip")
        rows = 500
        for _ in range(3):
            self.grpc.async_stream_infer("mixed", mixed_inputs(rows))
        for result, error in self.all_of(answers):
            self.assertIsNone(error, str(error))
            np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))

    def test_may_be_larger_than_what_piles_up_of_an_answer(self):
        rows = 8_000
        inputs = mixed_inputs(rows)
        inputs[3] = tensor("text", np.array([b"t" * 600] * rows, dtype=np.object_).reshape(rows, 1), "BYTES")
        answers = self.open()
        self.grpc.async_stream_infer("mixed", inputs)
        (result, error), = self.all_of(answers)
        self.assertIsNone(error, str(error))
        np.testing.assert_array_equal(result.as_numpy("same"), np.arange(rows * 4).reshape(rows, 2, 2))

    def test_of_two_streams_and_of_single_calls_do_not_mix(self):
        other = triton.InferenceServerClient(f"{self.server.host}:{self.server.port}")
        self.addCleanup(other.close)
        answers = [self.open(), self.open(other)]
        for i in range(100):
            for name, client in (("one", self.grpc), ("two", other)):
                client.async_stream_infer("held", number(i), request_id=f"{name} {i}")
        self.assertEqual(self.grpc.infer("held", number(7), headers=self.key).as_numpy("y").tolist(), [[70]])
        other.stop_stream()
        self.grpc.stop_stream()
        for name, found in zip(("one", "two"), answers):
            found = list(found.queue)
            self.assertEqual([str(error) for _, error in found if error], [])
            self.assertEqual([result.get_response().id for result, _ in found], [f"{name} {i}" for i in range(100)])
            self.assertEqual([result.as_numpy("y")[0][0] for result, _ in found], [10 * i for i in range(100)])

    def test_come_to_the_asynchronous_client_as_well(self):
        async def ask():
            async def messages():
                for i in range(20):
                    yield {"model_name": "held", "inputs": number(i), "request_id": str(i)}
            async with triton_aio.InferenceServerClient(f"{self.server.host}:{self.server.port}") as client:
                return [(result.get_response().id, error) async for result, error in client.stream_infer(messages(), headers=self.key)]
        self.assertEqual(asyncio.run(ask()), [(str(i), None) for i in range(20)])


class Refusals(Streams):
    def test_are_said_in_the_place_of_the_answer_and_the_stream_goes_on(self):
        z = tensor("z", np.ones((1, 1)), "FP64")
        answers = self.open()
        asked = [("held", number(1)), ("nothing", number(2)), ("maths/logarithm", [z]), ("held", number(4))]
        for i, (model, inputs) in enumerate(asked):
            self.grpc.async_stream_infer(model, inputs, request_id=str(i))
        found = self.all_of(answers)
        self.assertEqual([error is None for _, error in found], [True, False, False, True])
        self.assertIn("no model 'nothing'", str(found[1][1]))
        self.assertIn("'x' is missing", str(found[2][1]))
        self.assertEqual(found[3][0].get_response().id, "3")

    def test_name_the_message(self):
        responses = list(self.talk([request_of("nothing", 1.0, request_id="mine"), service_pb2.ModelInferRequest(id="bare")]))
        self.assertEqual([each.infer_response.id for each in responses], ["mine", "bare"])
        self.assertIn("inference.unknown_model", responses[0].error_message)
        self.assertTrue(responses[1].error_message)
        self.assertTrue(parameter(responses[0].infer_response, "triton_final_response"))

    def test_of_a_limit_say_when_to_come_back(self):
        headers = self.key_with(requests_per_minute=60)
        responses = list(self.talk([request_of("held", float(i), request_id=str(i)) for i in range(150)], **headers))
        refused = [each for each in responses if each.error_message]
        self.assertEqual(len(responses), 150)
        self.assertTrue(0 < len(refused) <= 90, len(refused))
        self.assertIn("gateway.rate_limited", refused[0].error_message)
        wait = parameter(refused[0].infer_response, "switchyard_retry_after_ms")
        self.assertTrue(0 < wait <= 1000, wait)

    def test_of_the_caller_are_the_calls_own(self):
        for headers, status in (({}, "UNAUTHENTICATED"), ({"authorization": "Bearer " + self.server.keys["vera"]}, "PERMISSION_DENIED")):
            answers = self.open(headers=headers)
            _, error = answers.get(timeout=60)
            self.assertIn(status, str(error.status()))
            self.grpc.stop_stream()

    def ended(self, responses):
        """What came before the end, and the end."""
        before = []
        with self.assertRaises(grpc.RpcError) as caught:
            for each in responses:
                before.append(each)
        return before, caught.exception

    def test_of_a_message_that_is_too_large_end_the_stream_behind_the_answers(self):
        large = request_of("held", np.zeros((3_000_000, 1)))
        before, end = self.ended(self.talk([request_of("held", 1.0), large, request_of("held", 3.0)]))
        self.assertEqual(len(before), 1)
        self.assertEqual(end.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertIn("grpc.message_too_large", end.details())

    def test_an_idempotency_key_is_no_streams(self):
        before, end = self.ended(self.talk([], **{"idempotency-key": "one"}))
        self.assertEqual((before, end.code()), ([], grpc.StatusCode.INVALID_ARGUMENT))

    def test_a_key_that_is_revoked_is_refused_in_the_middle(self):
        made = send(self.server, "POST", "/api/v1/keys", {"name": "short-lived", "roles": ["developer"]})
        asked = queue.Queue()
        responses = self.stub().ModelStreamInfer(iter(asked.get, None), timeout=120,
                                                 metadata=[("authorization", "Bearer " + made["key"])])
        asked.put(request_of("held", 1.0))
        self.assertEqual(next(responses).error_message, "")
        send(self.server, "POST", f"/api/v1/keys/{made['id']}/revoke", {})
        asked.put(request_of("held", 2.0))
        self.assertIn("gateway.", next(responses).error_message)
        asked.put(None)
        self.assertEqual(list(responses), [])


class Ends(Streams):
    def test_a_stream_without_messages_ends_well(self):
        self.assertEqual(list(self.talk([])), [])

    def test_a_cancelled_stream_gives_up_the_calls_of_models(self):
        answers = self.open()
        for i in range(5):
            self.grpc.async_stream_infer("held", number(-1 - i))
        harness.until(lambda: len(self.holder.asked) == 5, "the model was not asked")
        self.grpc.stop_stream(cancel_requests=True)
        result, error = answers.get(timeout=60)
        self.assertIsNone(result)
        self.assertIn("CANCELLED", str(error.status()))
        harness.until(lambda: self.holder.left == 5, "calls went on that nobody waits for")
        harness.until(lambda: self.metric("switchyard_gateway_in_flight_requests") == 0, "messages stay in flight")

    def test_a_deadline_ends_a_stream_with_nothing_to_do(self):
        responses = self.stub().ModelStreamInfer(iter(queue.Queue().get, None), timeout=120,
                                                 metadata=[*self.key.items(), ("x-request-deadline-ms", "300")])
        with self.assertRaises(grpc.RpcError) as caught:
            next(responses)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertIn("gateway.deadline_passed", caught.exception.details())

    def test_a_deadline_is_that_of_the_messages_as_well(self):
        responses = self.stub().ModelStreamInfer(iter([request_of("held", -1.0, request_id="late")]), timeout=120,
                                                 metadata=[*self.key.items(), ("x-request-deadline-ms", "500")])
        answer = next(responses)
        self.assertEqual(answer.infer_response.id, "late")
        self.assertIn(" ms", answer.error_message)


class Load(Streams):
    def test_of_one_stream_is_bounded_and_what_is_over_waits(self):
        before = len(self.decisions("calls/held"))
        answers = self.open()
        count = 3 * AT_ONCE
        for i in range(count):
            self.grpc.async_stream_infer("held", number(-1 - i), request_id=str(i))
        harness.until(lambda: len(self.holder.asked) >= AT_ONCE, "fewer messages are worked on at once")
        self.assertEqual(len(self.decisions("calls/held")) - before, AT_ONCE)
        self.holder.let_go.set()
        found = self.all_of(answers)
        self.assertEqual([result.get_response().id for result, error in found if not error], [str(i) for i in range(count)])

    def test_a_client_that_does_not_read_yet_loses_nothing(self):
        rows = 8_000
        responses = self.talk([request_of("held", np.full((rows, 1), float(i)), str(i)) for i in range(200)])
        harness.until(lambda: len(self.holder.asked) >= AT_ONCE, "fewer messages are worked on at once", 120)
        for i, each in enumerate(responses):
            self.assertEqual((each.infer_response.id, each.error_message), (str(i), ""))
            y = np.frombuffer(each.infer_response.raw_output_contents[0], np.float64)
            self.assertEqual((len(y), y[0]), (rows, 10 * i))

    def test_a_caller_that_may_have_little_at_once_is_not_refused(self):
        headers = self.key_with(concurrent=2)
        before = self.metric('switchyard_gateway_refused_requests_total{reason="limit"}')
        responses = self.talk([request_of("held", -1.0 - i) for i in range(5)], **headers)
        harness.until(lambda: len(self.holder.asked) >= 2, "the model was not asked")
        self.assertEqual(self.metric('switchyard_gateway_refused_requests_total{reason="limit"}'), before)
        self.assertEqual(len(self.holder.asked), 2)
        self.holder.let_go.set()
        self.assertEqual([each.error_message for each in responses], [""] * 5)


class Stops(Streams):
    def test_a_server_that_stops_answers_what_has_come_and_says_so(self):
        asked = queue.Queue()
        responses = self.stub().ModelStreamInfer(iter(asked.get, None), metadata=list(self.key.items()), timeout=120)
        asked.put(request_of("held", 1.0, request_id="before"))
        self.assertEqual(next(responses).infer_response.id, "before")
        asked.put(request_of("held", -2.0, request_id="within"))
        harness.until(lambda: -2 in self.holder.asked, "the model was not asked")
        self.server.process.terminate()
        ready = lambda: send(self.server, "GET", "/readyz", key=None).status
        harness.until(lambda: gone(ready), "the server goes on")
        self.holder.let_go.set()
        self.assertEqual(next(responses).infer_response.id, "within")
        with self.assertRaises(grpc.RpcError) as caught:
            next(responses)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertIn("gateway.stopping", caught.exception.details())
        asked.put(None)
        self.assertEqual(self.server.stop(), 0)


def gone(ask):
    try:
        return ask() == 503
    except OSError:
        return True


class Retries(Streams):
    """What gRPC's clients do by themselves when a refusal says how long to wait (gRFC A6)."""

    def test_a_refused_call_is_tried_again_when_the_limit_allows(self):
        headers = list(self.key_with(requests_per_minute=60).items())
        policy = {"methodConfig": [{"name": [{}], "retryPolicy": {
            "maxAttempts": 2, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
            "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]}
        target = f"{self.server.host}:{self.server.port}"
        request = request_of("held", 1.0)
        ask = lambda stub: stub.ModelInfer(request, metadata=headers, timeout=60)
        with grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)]) as plain, \
                grpc.insecure_channel(target, options=[("grpc.service_config", json.dumps(policy))]) as patient:
            stub, patient = (service_pb2_grpc.GRPCInferenceServiceStub(each) for each in (plain, patient))
            while True:
                try:
                    ask(stub)
                except grpc.RpcError as error:
                    self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                    told = dict(error.trailing_metadata())
                    break
            self.assertTrue(0 < int(told["grpc-retry-pushback-ms"]) <= 1000, told)
            # Its own policy would try again within a millisecond, and once.
            for _ in range(3):
                ask(patient)

    def test_a_call_that_is_of_no_use_again_is_not_repeated(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.stub().ModelInfer(request_of("nothing", 1.0), metadata=list(self.key.items()), timeout=60)
        self.assertNotIn("grpc-retry-pushback-ms", dict(caught.exception.trailing_metadata()))


if __name__ == "__main__":
    harness.main()
