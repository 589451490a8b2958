"""Traces and metrics through the real binary, into an OpenTelemetry Collector, and from there into a receiver of this file, which
reads them with OpenTelemetry's own messages (opentelemetry-proto). The same tests send to the receiver itself as well.

The collector is the one of tests/collector: tools/setup_collector names it in SWITCHYARD_OTEL_COLLECTOR. Without it the tests that
need it are skipped, and say so."""
import gzip
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import openai
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from upstream import Upstream  # noqa: E402

COLLECTOR = os.environ.get("SWITCHYARD_OTEL_COLLECTOR", "")
SERVER, CLIENT, INTERNAL = 2, 3, 1
VARIABLES = {"OTEL_SERVICE_NAME": "desk", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
             "OTEL_EXPORTER_OTLP_HEADERS": "x-scope=tests%2C1", "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BSP_MAX_QUEUE_SIZE": "200",
             "OTEL_METRIC_EXPORT_INTERVAL": "200", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "none"}
#: What docs/operations.md sends its readers to.
DEPLOYED = harness.SOURCE / "deploy/opentelemetry/collector.yaml"
DOCUMENTS = {
    "there.backend.yaml": "backend: there@1.0.0\nprotocol: openai\nurl: {url}\n",
    "helper.model.yaml": "model: helper@1.0.0\nbackend: there\nkind: chat\nremote: {{ model: tiny-7b }}\n",
    "assistant.route.yaml": "route: assistant@1.0.0\ncandidates:\n  main: helper@1.0.0\nretry: {{ attempts: 2, backoff: 1ms..2ms }}\n",
    "ask.pipeline.yaml": """
pipeline: desk/ask@1.0.0
input: {{ schema: {{ type: object, required: [question], properties: {{ question: {{ type: string }} }} }} }}
steps:
  doubled: {{ set: {{ n: 2 * 21 }} }}
  answer: {{ model: assistant, input: {{ messages: "[{{'role': 'user', 'content': input.question}}]" }} }}
output: {{ n: doubled.n, text: answer.text }}
""",
    "agent.pipeline.yaml": """
pipeline: desk/agent@1.0.0
on: {{ event: letter.came, input: {{ question: event.data.question }} }}
input: {{ schema: {{ type: object, required: [question], properties: {{ question: {{ type: string }} }} }} }}
steps: {{ asked: {{ pipeline: desk/ask, input: {{ question: input.question }} }} }}
output: {{ text: asked.text }}
""",
}


def plain(attributes):
    def value(any_value):
        kind = any_value.WhichOneof("value")
        return [value(each) for each in any_value.array_value.values] if kind == "array_value" else getattr(any_value, kind)
    return {each.key: value(each.value) for each in attributes}


class Receiver:
    """Keeps what it is sent: spans as dictionaries, each metric as it stood last."""
    MESSAGES = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}

    def __init__(self):
        receiver = self
        self.lock, self.spans, self.metrics, self.headers, self.mistakes = threading.Lock(), [], {}, [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.headers.append(dict(self.headers, path=self.path))
                    try:
                        if "Content-Encoding" in self.headers:
                            assert self.headers["Content-Encoding"] == "gzip"
                            body = gzip.decompress(body)
                        assert self.headers["Content-Type"] == "application/x-protobuf"
                        receiver.take(receiver.MESSAGES[self.path].FromString(body))
                    except Exception as mistake:  # noqa: BLE001: told by the test
                        receiver.mistakes.append(repr(mistake))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def take(self, request):
        for part in getattr(request, "resource_spans", []):
            resource = plain(part.resource.attributes)
            for scope in part.scope_spans:
                for span in scope.spans:
                    assert len(UnknownFieldSet(span)) == 0, span
                    self.spans.append({"name": span.name, "kind": span.kind, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                                       "parent": span.parent_span_id.hex(), "failed": span.status.code == 2, "resource": resource,
                                       "start": span.start_time_unix_nano, "end": span.end_time_unix_nano, **plain(span.attributes)})
        for part in getattr(request, "resource_metrics", []):
            for scope in part.scope_metrics:
                for metric in scope.metrics:
                    assert len(UnknownFieldSet(metric)) == 0, metric
                    self.metrics[metric.name] = metric

    def of(self, trace):
        with self.lock:
            return [span for span in self.spans if span["trace"] == trace]


class Traces:
    """The tests, wherever the server sends to."""
    number = 0

    @classmethod
    def setUpClass(cls):
        cls.receiver, cls.upstream = Receiver(), Upstream("tiny-7b")
        cls.addClassCleanup(cls.upstream.stop)
        cls.folder = tempfile.TemporaryDirectory(prefix="switchyard-otlp-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.receiver.stop)
        cls.addClassCleanup(cls.stop_collector)
        os.environ.update(VARIABLES)
        cls.server = harness.Server("--otlp-endpoint", cls.start_collector())
        cls.addClassCleanup(cls.server.remove)
        files = [{"path": path, "content": text.format(url=cls.upstream.url)} for path, text in DOCUMENTS.items()]
        answer = harness.send(cls.server, "POST", "/api/v1/deployments", {"files": files, "message": "test"})
        assert answer.status == 200, answer.text

    def setUp(self):
        self.upstream.headers.clear()
        self.upstream.fail_next.clear()
        Traces.number += 1
        self.trace = f"{Traces.number:032x}"
        self.caller = f"00-{self.trace}-00f067aa0ba902b7-01"

    def decide(self, question="say hello", traceparent=None):
        answer = harness.send(self.server, "POST", "/api/v1/decisions", {"pipeline": "desk/ask", "input": {"question": question}, "wait": "20s"},
                              {} if traceparent is None else {"traceparent": traceparent})
        return answer.body

    def spans(self, trace, names):
        """The trace's spans by name, once all of these have come."""
        harness.until(lambda: set(names) <= {span["name"] for span in self.receiver.of(trace)}, f"not all of {names} came")
        return {span["name"]: span for span in self.receiver.of(trace)}

    def metric(self, name, of_kind):
        harness.until(lambda: name in self.receiver.metrics, f"{name} never came")
        metric = self.receiver.metrics[name]
        self.assertEqual(metric.WhichOneof("data"), of_kind)
        return metric.unit, [(plain(point.attributes), point) for point in getattr(metric, of_kind).data_points]

    def test_a_decision_is_one_trace_under_the_callers(self):
        run = self.decide(traceparent=self.caller)
        self.assertEqual(run["status"], "completed", run)
        spans = self.spans(self.trace, ["POST /api/v1/decisions", "decide desk/ask", "step doubled", "step answer", "chat tiny-7b"])
        self.assertEqual(len(self.receiver.of(self.trace)), 5)
        request, decision, step, chat = (spans[name] for name in ("POST /api/v1/decisions", "decide desk/ask", "step answer", "chat tiny-7b"))
        self.assertEqual([request["parent"], decision["parent"], step["parent"], spans["step doubled"]["parent"], chat["parent"]],
                         ["00f067aa0ba902b7", request["id"], decision["id"], decision["id"], step["id"]])
        self.assertEqual([span["kind"] for span in (request, decision, step, chat)], [SERVER, INTERNAL, INTERNAL, CLIENT])
        # The model's server is told its caller's span.
        self.assertEqual([sent.get("traceparent") for sent in self.upstream.headers], [f"00-{self.trace}-{chat['id']}-01"])
        for outer, inner in ((decision, step), (step, chat)):
            self.assertLessEqual(outer["start"] - 2_000_000, inner["start"])  # two clocks' readings
            self.assertLessEqual(inner["start"], inner["end"])
        self.assertFalse(any(span["failed"] for span in spans.values()))
        self.assertEqual(request["resource"]["service.name"], "desk")
        self.assertEqual(request["resource"]["deployment.environment.name"], "test")

    def test_spans_have_the_attributes_of_the_conventions(self):
        run = self.decide(traceparent=self.caller)
        spans = self.spans(self.trace, ["POST /api/v1/decisions", "decide desk/ask", "step answer", "chat tiny-7b"])
        request, decision, step, chat = (spans[name] for name in ("POST /api/v1/decisions", "decide desk/ask", "step answer", "chat tiny-7b"))
        for name, value in {"http.request.method": "POST", "url.scheme": "http", "url.path": "/api/v1/decisions", "client.address": "127.0.0.1",
                            "http.route": "/api/v1/decisions", "http.response.status_code": 200, "switchyard.operation": "start_decision"}.items():
            self.assertEqual(request[name], value, name)
        self.assertEqual((decision["switchyard.decision"], decision["switchyard.pipeline.version"], decision["switchyard.outcome"]),
                         (run["id"], "1.0.0", "completed"))
        self.assertEqual((step["switchyard.step"], step["switchyard.step.kind"], step["switchyard.step.attempt"]), ("answer", "model", 1))
        port = int(self.upstream.url.split(":")[2].split("/")[0])
        for name, value in {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "tiny-7b",
                            "gen_ai.response.model": "tiny-7b", "server.address": "127.0.0.1", "server.port": port,
                            "gen_ai.response.finish_reasons": ["stop"], "switchyard.model": "helper@1.0.0"}.items():
            self.assertEqual(chat[name], value, name)
        self.assertGreater(chat["gen_ai.usage.input_tokens"], 0)
        self.assertGreater(chat["gen_ai.usage.output_tokens"], 0)
        # Nothing of what was asked or answered is in a span.
        self.assertNotIn("hello", json.dumps([{k: v for k, v in span.items() if k != "resource"} for span in spans.values()]))

    def test_each_attempt_that_failed_is_told_with_its_error(self):
        self.upstream.fail_next += [503, 503]
        self.assertEqual(self.decide(traceparent=self.caller)["status"], "failed")
        self.spans(self.trace, ["POST /api/v1/decisions", "decide desk/ask", "step answer", "chat tiny-7b"])
        harness.until(lambda: len(self.receiver.of(self.trace)) == 6, "two attempts")
        failed = [span for span in self.receiver.of(self.trace) if span["failed"]]
        self.assertEqual(sorted(span["name"] for span in failed), ["chat tiny-7b", "chat tiny-7b", "decide desk/ask", "step answer"])
        port = int(self.upstream.url.split(":")[2].split("/")[0])
        for span in failed:
            if span["name"] == "chat tiny-7b":
                self.assertEqual((span["error.type"], span["server.address"], span["server.port"]), ("503", "127.0.0.1", port))
            else:
                self.assertIn(".", span["error.type"])  # a code of the server's own

    def test_a_call_without_an_answer_is_told_with_what_went_wrong_and_where(self):
        self.upstream.fail_next += ["reset", "reset"]
        self.decide(traceparent=self.caller)
        span = self.spans(self.trace, ["chat tiny-7b", "decide desk/ask"])["chat tiny-7b"]
        self.assertEqual((span["error.type"], span["server.address"]), ("http.truncated", "127.0.0.1"))

    def test_the_callers_decision_not_to_sample_stands(self):
        self.decide(traceparent=self.caller[:-2] + "00")
        self.assertEqual([sent["traceparent"][:36] + sent["traceparent"][-3:] for sent in self.upstream.headers], [self.caller[:36] + "-00"])
        later = "f" + self.trace[1:]
        self.decide(traceparent="00-" + later + self.caller[35:])
        self.spans(later, ["POST /api/v1/decisions", "decide desk/ask", "chat tiny-7b"])
        self.assertEqual(self.receiver.of(self.trace), [])

    def test_a_streamed_chat_is_a_trace_that_lasts_to_its_end(self):
        client = openai.OpenAI(base_url=self.server.url + "/v1", api_key=self.server.keys["dora"], max_retries=0)
        stream = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "slow one two three"}], stream=True,
                                                extra_headers={"traceparent": self.caller})
        self.assertIn("three", "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))
        spans = self.spans(self.trace, ["POST /v1/chat/completions", "step answer", "chat tiny-7b"])
        self.assertGreaterEqual(spans["POST /v1/chat/completions"]["end"], spans["chat tiny-7b"]["end"] - 2_000_000)

    def test_what_nobody_asked_for_has_a_trace_of_its_own_with_its_children(self):
        event = {"specversion": "1.0", "id": self.trace, "source": "/post", "type": "letter.came", "data": {"question": "say hello"}}
        answer = harness.send(self.server, "POST", "/api/v1/events", json.dumps(event), {"Content-Type": "application/cloudevents+json"})
        self.assertIn(answer.status, (200, 202), answer.text)

        def agents():
            with self.receiver.lock:
                return [span for span in self.receiver.spans if span["name"] == "decide desk/agent"]
        harness.until(agents, "the agent's span never came")
        agent = agents()[0]
        self.assertEqual(agent["trace"], agent["switchyard.decision"].replace("-", ""))
        self.assertEqual(agent["parent"], "")
        spans = self.spans(agent["trace"], ["decide desk/agent", "step asked", "decide desk/ask", "step answer", "chat tiny-7b"])
        self.assertEqual(spans["decide desk/ask"]["parent"], agent["id"])
        self.assertEqual(spans["chat tiny-7b"]["parent"], spans["step answer"]["id"])

    def test_metrics_have_opentelemetrys_names_and_those_of_the_server(self):
        self.decide(traceparent=self.caller)
        self.spans(self.trace, ["chat tiny-7b"])
        harness.until(lambda: {"gen_ai.client.token.usage", "switchyard_runs_completed_total"} <= set(self.receiver.metrics), "metrics")
        unit, points = self.metric("http.server.request.duration", "histogram")
        self.assertEqual(unit, "s")
        about, point = next(p for p in points if p[0].get("http.route") == "/api/v1/decisions")
        self.assertEqual((about["http.request.method"], about["url.scheme"], about["http.response.status_code"]), ("POST", "http", 200))
        self.assertEqual(sum(point.bucket_counts), point.count)
        self.assertEqual(len(point.bucket_counts), len(point.explicit_bounds) + 1)
        unit, points = self.metric("gen_ai.client.operation.duration", "histogram")
        self.assertTrue(any(about["gen_ai.request.model"] == "tiny-7b" and "error.type" not in about for about, _ in points), points)
        unit, points = self.metric("gen_ai.client.token.usage", "histogram")
        self.assertEqual({about["gen_ai.token.type"] for about, _ in points}, {"input", "output"})
        _, points = self.metric("switchyard_runs_completed_total", "sum")
        self.assertTrue(self.receiver.metrics["switchyard_runs_completed_total"].sum.is_monotonic)
        self.assertGreaterEqual(points[0][1].as_double, 1)
        self.metric("switchyard_gateway_in_flight_requests", "gauge")
        # Told of under OpenTelemetry's name already.
        self.assertNotIn("switchyard_gateway_request_seconds", self.receiver.metrics)

    def test_histograms_of_durations_have_exemplars_that_name_a_sampled_span(self):
        self.decide(traceparent=self.caller)
        spans = self.spans(self.trace, ["POST /api/v1/decisions", "chat tiny-7b"])
        for name, span in {"http.server.request.duration": "POST /api/v1/decisions", "gen_ai.client.operation.duration": "chat tiny-7b"}.items():
            def exemplars():
                with self.receiver.lock:
                    metric = self.receiver.metrics.get(name)
                    return [each for point in metric.histogram.data_points for each in point.exemplars] if metric is not None else []
            harness.until(lambda: any(each.trace_id.hex() == self.trace for each in exemplars()), f"{name} has no exemplar of the trace")
            mine = next(each for each in exemplars() if each.trace_id.hex() == self.trace)
            self.assertEqual(mine.span_id.hex(), spans[span]["id"])
            self.assertEqual(mine.time_unix_nano, spans[span]["end"])
            self.assertAlmostEqual(mine.as_double, (spans[span]["end"] - spans[span]["start"]) / 1e9, places=6)

    def test_what_is_not_sampled_is_no_exemplar(self):
        self.decide(traceparent=self.caller[:-2] + "00")
        later = "e" + self.trace[1:]
        self.decide(traceparent="00-" + later + self.caller[35:])
        self.spans(later, ["chat tiny-7b"])

        def seen():
            with self.receiver.lock:
                return {each.trace_id.hex() for metric in self.receiver.metrics.values() if metric.WhichOneof("data") == "histogram"
                        for point in metric.histogram.data_points for each in point.exemplars}
        harness.until(lambda: later in seen(), "the sampled one never came")
        self.assertNotIn(self.trace, seen())

    def test_nothing_was_sent_that_otlp_does_not_have(self):
        self.decide(traceparent=self.caller)
        self.spans(self.trace, ["chat tiny-7b"])
        self.assertEqual(self.receiver.mistakes, [])

    def test_zz_nobody_waits_for_a_collector_that_is_gone(self):
        self.stop_collector()
        for _ in range(100):
            self.assertEqual(self.decide(traceparent=self.caller)["status"], "completed")

        def dropped():
            text = harness.send(self.server, "GET", "/metrics").text
            return float(next(line for line in text.splitlines() if line.startswith("switchyard_otlp_dropped_spans_total ")).split()[1])
        # Of 500 spans the queue and a batch that is tried again hold 400 at most.
        harness.until(lambda: dropped() > 0, "what was dropped is counted")


class ToTheReceiver(Traces, unittest.TestCase):
    @classmethod
    def start_collector(cls):
        return cls.receiver.url

    @classmethod
    def stop_collector(cls):
        cls.receiver.stop()

    def test_requests_have_the_headers_of_the_variables(self):
        self.decide(traceparent=self.caller)
        self.spans(self.trace, ["chat tiny-7b"])
        self.assertEqual({headers.get("x-scope") for headers in self.receiver.headers}, {"tests,1"})

    def test_each_signal_is_compressed_as_its_variable_says(self):
        self.decide(traceparent=self.caller)
        self.spans(self.trace, ["chat tiny-7b"])
        harness.until(lambda: self.receiver.metrics, "metrics never came")
        with self.receiver.lock:
            coded = {(headers["path"], headers.get("Content-Encoding")) for headers in self.receiver.headers}
        self.assertEqual(coded, {("/v1/traces", "gzip"), ("/v1/metrics", None)})


@unittest.skipUnless(COLLECTOR, "there is no collector: tools/setup_collector could not build it")
class ThroughTheCollector(Traces, unittest.TestCase):
    collector = None

    @classmethod
    def start_collector(cls):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % free.getsockname()[1]
        # As it is deployed, with the addresses of this test, and without its patience.
        exporter = {"endpoint": cls.receiver.url, "sending_queue": {"batch": {"flush_timeout": "10ms", "min_size": 1}}}
        changes = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": address}}}},
                   "exporters": {"otlp_http/traces": exporter, "otlp_http/metrics": exporter},
                   "service": {"telemetry": {"metrics": {"level": "none"}}}}
        path = pathlib.Path(cls.folder.name, "changes.yaml")
        path.write_text(json.dumps(changes))
        log = pathlib.Path(cls.folder.name, "collector.log")
        with log.open("wb") as output:
            cls.collector = subprocess.Popen([COLLECTOR, "--config", str(DEPLOYED), "--config", str(path)], stdout=output, stderr=output)

        def listens():
            assert cls.collector.poll() is None, log.read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", int(address.split(":")[1]))) == 0
        harness.until(listens, "the collector does not listen")
        return "http://" + address

    @classmethod
    def stop_collector(cls):
        if cls.collector is not None:
            cls.collector.terminate()
            cls.collector.wait(timeout=60)
        cls.collector = None

    def test_the_deployed_configuration_is_valid_as_it_stands(self):
        done = subprocess.run([COLLECTOR, "validate", "--config", str(DEPLOYED)], capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
