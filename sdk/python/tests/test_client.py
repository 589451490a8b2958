import asyncio
import datetime
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "src"))

from fake_server import FakeServer, decision, problem  # noqa: E402
import switchyard  # noqa: E402
from switchyard._transport import Cancel, Retry, Transport, seconds_of  # noqa: E402

QUICK = Retry(attempts=4, first_pause=0.001, longest_pause=0.002)


def client_of(server, retry=QUICK):
    return switchyard.Client(server.url, "sy_key", retry=retry)


class Client(unittest.TestCase):
    def test_starts_a_decision_and_reads_it(self):
        with FakeServer((200, decision(output={"refund": True}, ended_at="2026-11-23T17:50:31Z"))) as server, client_of(server) as client:
            found = client.start("shop/refund", {"amount": 20}, wait="5s")
        self.assertEqual(found.result(), {"refund": True})
        self.assertEqual(found.started_at, datetime.datetime(2026, 11, 23, 17, 50, 30, 604783, datetime.timezone.utc))
        method, path, headers, body = server.asked[0]
        self.assertEqual((method, path), ("POST", "/api/v1/decisions"))
        self.assertEqual(body, {"pipeline": "shop/refund", "input": {"amount": 20}, "wait": "5s"})
        self.assertEqual(headers["Authorization"], "Bearer sy_key")
        self.assertTrue(headers["Idempotency-Key"])

    def test_sends_a_start_again_with_the_same_key_after_a_broken_connection(self):
        answers = ["cut", problem(503, "server.not_ready"), (200, decision(), {"Idempotency-Replayed": "true"})]
        with FakeServer(*answers) as server, client_of(server) as client:
            self.assertTrue(client.start("p", {}).replayed)
        keys = {headers["Idempotency-Key"] for _, _, headers, _ in server.asked}
        self.assertEqual((len(server.asked), len(keys)), (3, 1))

    def test_does_not_repeat_what_may_not_be_repeated(self):
        with FakeServer("cut") as server, client_of(server) as client:
            with self.assertRaises(switchyard.TransportError):
                client.cancel("1", "enough")
            self.assertEqual(len(server.asked), 1)
        with FakeServer(problem(503, "x")) as server, client_of(server) as client:
            with self.assertRaises(switchyard.Unavailable):
                client.deploy({"a.yaml": "x"})
            self.assertEqual(len(server.asked), 1)

    def test_waits_as_long_as_the_server_asks_and_not_longer_than_it_should(self):
        pauses = []
        with FakeServer((429, {"code": "run.queue_full"}, {"Retry-After": "3"}), (200, decision())) as server:
            transport = Transport(server.url, None, retry=QUICK, sleep=pauses.append)
            transport.request("POST", "/x")
            transport.close()
        self.assertEqual(pauses, [3.0])
        with FakeServer((429, {"code": "budget"}, {"Retry-After": "3600"})) as server, client_of(server) as client:
            with self.assertRaises(switchyard.TooManyRequests) as caught:
                client.get("1")
            self.assertEqual(caught.exception.retry_after, 3600)
            self.assertEqual(len(server.asked), 1)
        with FakeServer((503, {"code": "x"}, {"x-should-retry": "false"})) as server, client_of(server) as client:
            self.assertRaises(switchyard.Unavailable, client.get, "1")
            self.assertEqual(len(server.asked), 1)

    def test_makes_problems_exceptions(self):
        for status, kind in ((400, switchyard.InvalidRequest), (401, switchyard.Unauthenticated), (403, switchyard.Forbidden),
                             (404, switchyard.NotFound), (409, switchyard.Conflict), (422, switchyard.InvalidRequest),
                             (500, switchyard.ServerError), (504, switchyard.DeadlineExceeded)):
            with self.subTest(status), FakeServer(problem(status, "a.b", field="/input/amount")) as server:
                with client_of(server, Retry(attempts=1)) as client, self.assertRaises(kind) as caught:
                    client.get("1")
                self.assertEqual((caught.exception.code, caught.exception.field), ("a.b", "/input/amount"))
                self.assertIn("what is wrong", str(caught.exception))
        with FakeServer(problem(422, "deploy.bad", errors=[{"file": "a.yaml", "line": 3, "column": 1, "detail": "no", "code": "c", "mend": "do"}])) as s:
            with client_of(s) as client, self.assertRaises(switchyard.InvalidRequest) as caught:
                client.deploy({"a.yaml": "x"})
        self.assertIn("a.yaml:3:1: no; do [c]", str(caught.exception))

    def test_a_decision_that_failed_has_no_result(self):
        with FakeServer((200, decision(status="failed", error={"code": "a.b", "message": "m", "kind": "k"}))) as server:
            with client_of(server) as client, self.assertRaises(switchyard.DecisionFailed) as caught:
                client.get("1").result()
        self.assertEqual(caught.exception.code, "a.b")

    def test_reads_page_after_page(self):
        pages = [(200, {"decisions": [decision(key="1"), decision(key="2")], "next_cursor": "c"}), (200, {"decisions": [decision(key="3")]})]
        with FakeServer(*pages) as server, client_of(server) as client:
            keys = [each.key for each in client.decisions(pipeline="p", search={"order": "A 1"}, page=2)]
        self.assertEqual(keys, ["1", "2", "3"])
        self.assertEqual(server.asked[0][1], "/api/v1/decisions?pipeline=p&limit=2&search.order=A+1")
        self.assertEqual(server.asked[1][1], "/api/v1/decisions?pipeline=p&limit=2&cursor=c&search.order=A+1")

    def test_waits_for_the_end(self):
        with FakeServer((200, decision(status="waiting")), (200, decision(status="completed"))) as server, client_of(server) as client:
            self.assertTrue(client.wait("1").is_final)
        with FakeServer((200, decision(status="waiting"))) as server, client_of(server) as client:
            self.assertRaises(TimeoutError, client.wait, "1", timeout=0)

    def test_reads_a_folder_without_what_is_hidden(self):
        with tempfile.TemporaryDirectory() as folder, FakeServer((200, {"changes": []})) as server, client_of(server) as client:
            for name in ("a.pipeline.yaml", "sub/m.onnx", ".hidden/b.yaml", "notes.txt"):
                path = pathlib.Path(folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"x")
            client.deploy_folder(folder, message="why")
        self.assertEqual(server.asked[0][3], {"files": [{"path": "a.pipeline.yaml", "content": "x"}, {"path": "sub/m.onnx", "content_base64": "eA=="}],
                                              "dry_run": False, "message": "why"})

    def test_keeps_connections_and_notices_that_one_was_closed(self):
        with FakeServer((200, decision())) as server:
            client = client_of(server, Retry(attempts=1))
            client.get("1")
            connection = client._caller.transport._idle[0]
            client.get("1")
            self.assertIs(client._caller.transport._idle[0], connection)
        connection.sock.close()
        with FakeServer((200, decision())) as other:
            client._caller.transport._port = other.server.server_address[1]
            client.get("1")
        client.close()

    def test_a_request_can_be_cut_off_from_another_thread(self):
        hold = threading.Event()
        with FakeServer(lambda *_: (hold.wait(30), (200, {}))[1]) as server:
            transport, cancel = Transport(server.url, None), Cancel()
            caught = []

            def ask():
                try:
                    transport.request("GET", "/x", cancel=cancel)
                except switchyard.TransportError as error:
                    caught.append(error)

            thread = threading.Thread(target=ask)
            thread.start()
            while not server.asked:
                pass
            cancel.cancel()
            thread.join(20)
            hold.set()
            self.assertEqual(len(caught), 1)

    def test_understands_times_to_wait(self):
        self.assertEqual([seconds_of(each) for each in ("500ms", "5s", "2m", 3, 0.5, None)], [0.5, 5.0, 120.0, 3.0, 0.5, 0.0])
        self.assertRaises(ValueError, seconds_of, "soon")
        self.assertRaises(ValueError, switchyard.Client, "localhost:7070")


class AsyncClient(unittest.IsolatedAsyncioTestCase):
    async def test_does_what_the_other_does(self):
        with FakeServer((200, decision(output=1))) as server:
            async with switchyard.AsyncClient(server.url, "k", retry=QUICK) as client:
                results = await asyncio.gather(*(client.start("p", {"n": n}) for n in range(10)))
        self.assertEqual([each.result() for each in results], [1] * 10)
        self.assertEqual(sorted(body["input"]["n"] for *_, body in server.asked), list(range(10)))

    async def test_reads_page_after_page(self):
        pages = [(200, {"decisions": [decision(key="1")], "next_cursor": "c"}), (200, {"decisions": [decision(key="2")]})]
        with FakeServer(*pages) as server:
            async with switchyard.AsyncClient(server.url, "k") as client:
                self.assertEqual([each.key async for each in client.decisions()], ["1", "2"])

    async def test_a_cancelled_call_leaves_no_thread_waiting(self):
        hold = threading.Event()
        with FakeServer(lambda *_: (hold.wait(30), (200, decision()))[1]) as server:
            async with switchyard.AsyncClient(server.url, "k") as client:
                task = asyncio.ensure_future(client.get("1"))
                while not server.asked:
                    await asyncio.sleep(0.001)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                # The only thread that asked is free again although the server has not answered.
                pool = client._caller._pool
                await asyncio.wait_for(asyncio.wrap_future(pool.submit(lambda: None)), 30)
                self.assertEqual(pool._work_queue.qsize(), 0)
                self.assertEqual(client._caller.transport._idle, [])
            hold.set()


class Made(unittest.TestCase):
    def test_is_up_to_date(self):
        tool = pathlib.Path(__file__).resolve().parent.parent / "tools" / "generate.py"
        done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
