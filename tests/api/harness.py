"""A real server with keys for each role, a client that checks every answer against the description, and a service to
call."""
import argparse
import http.client
import http.server
import json
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import openapi_check

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
PIPELINES = HERE / "pipelines"
OPTIONS = argparse.Namespace(binary="")
ROLES = {"vera": "viewer", "ann": "reviewer", "ben": "reviewer", "olaf": "operator", "dora": "developer", "axel": "auditor",
         "wanda": "worker"}


def run(*arguments, environment=None, text=None):
    """The binary's exit code and what it printed."""
    done = subprocess.run([OPTIONS.binary, *arguments], input=text, capture_output=True, text=True, timeout=120,
                          env=dict({"PATH": "/usr/bin:/bin"}, **(environment or {})))
    return done


class Server:
    """A development server on a port of the system's choice, with a data folder of its own."""

    def __init__(self, *options):
        self.options = options
        self.data = tempfile.mkdtemp(prefix="switchyard-api-")
        self.keys = {}
        for name, role in ROLES.items():
            made = run("keys", "create", "--data", self.data, "--name", name, "--role", role)
            assert made.returncode == 0, made.stderr
            self.keys[name] = made.stdout.strip()
        self.start()

    def start(self):
        self.process = subprocess.Popen([OPTIONS.binary, "dev", "--data", self.data, "--partitions", "4", "--port", "0", "--log-level", "error", *self.options],
                                        stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 120)
        line = self.process.stdout.readline() if ready else ""
        found = re.search(r"ready at http://([\d.]+):(\d+)", line)
        if not found:
            self.process.kill()
            raise AssertionError(f"the server did not start: {line!r}")
        self.host, self.port = found[1], int(found[2])
        self.keys["admin"] = pathlib.Path(self.data, "development-key").read_text().strip()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=120)
        self.process.stdout.close()
        return code

    def crash(self):
        """Ends it without a word, and starts it again."""
        self.process.kill()
        self.process.wait(timeout=120)
        self.process.stdout.close()
        self.start()

    def remove(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        is_json = "json" in headers.get("Content-Type", "")
        self.body = json.loads(text) if is_json and text else None

    def __getitem__(self, name):
        return self.body[name]


def send(server, method, target, body=None, headers=None, key="admin"):
    """A request as it is; `key` names one of the server's keys, None sends none."""
    sent = dict(headers or {})
    if key is not None:
        sent.setdefault("Authorization", "Bearer " + server.keys.get(key, key))
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
        sent.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
    try:
        connection.request(method, target, body=body, headers=sent)
        await_answer(server, connection.sock, f"{method} {target}")
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


def await_answer(server, sock, what, seconds=120):
    """Waits until something comes; else fails with what the server's threads are at. A second in which the machine stands still for
    minutes (out of memory, halted by its host) counts as one: it says nothing about the server."""
    for _ in range(seconds):
        if select.select([sock], [], [], 1)[0]:
            return
    threads = [f"{task.joinpath('comm').read_text().strip()}: {task.joinpath('stat').read_text().rpartition(')')[2].split()[0]} "
               f"{task.joinpath('wchan').read_text()}" for task in sorted(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir())]
    raise AssertionError(f"no answer to {what} in {seconds} s; the server's threads: {', '.join(threads)}")


def deploy(server, documents, status=200):
    """Deploys the documents, by their paths; fails where that is answered with another status."""
    files = [{"path": path, "content": text} for path, text in documents.items()]
    answer = send(server, "POST", "/api/v1/deployments", {"files": files, "message": "test"})
    assert answer.status == status, answer.text
    return answer


class Case(unittest.TestCase):
    """Tests against one server that all of a module's tests share."""
    maxDiff = None
    server = None

    @classmethod
    def setUpClass(cls):
        if Case.server is None:
            Case.server = Server()
            unittest.addModuleCleanup(Case.stop_server)
            Case.description = openapi_check.Description(json.loads((SOURCE / "docs/openapi.json").read_text()))
            Case.deploy(PIPELINES)

    @staticmethod
    def stop_server():
        Case.server.remove()
        Case.server = None

    @staticmethod
    def files_of(folder):
        return [{"path": path.name, "content": path.read_text()} for path in sorted(folder.iterdir())]

    @classmethod
    def deploy(cls, folder):
        answer = send(cls.server, "POST", "/api/v1/deployments", {"files": cls.files_of(folder), "message": "test"})
        assert answer.status == 200, answer.text

    def call(self, operation, body=None, status=200, key="admin", path=None, query=None, headers=None):
        """Calls an operation by its id and checks the answer against its description."""
        known = self.description.operations[operation]
        target = known["path"]
        for name, value in (path or {}).items():
            target = target.replace("{" + name + "}", urllib.parse.quote(value, safe="/"))
        if query:
            target += "?" + urllib.parse.urlencode(query)
        answer = send(self.server, known["method"], target, body, headers, key)
        self.assertEqual(answer.status, status, f"{operation}: {answer.text[:2000]}")
        described = self.description.response(operation, status)
        self.assertIsNotNone(described, f"{operation} does not describe status {status}")
        media = answer.headers["Content-Type"].split(";")[0]
        self.assertIn(media, described["content"], operation)
        if answer.body is not None:
            wrong = self.description.problems(answer.body, described["content"][media]["schema"])
            self.assertEqual(wrong, [], f"{operation}: {answer.text[:2000]}")
        if status >= 400 and media == "application/problem+json":
            self.assertEqual(answer["status"], status)
        return answer

    def problem(self, code, operation, *arguments, **named):
        answer = self.call(operation, *arguments, **named)
        self.assertEqual(self.code_of(answer, self.description.operations[operation]["path"]), code, answer.text)
        return answer

    @staticmethod
    def code_of(answer, path):
        """The error's code, in the form of the path's surface."""
        if path.startswith("/v1/"):
            return answer["error"]["code"]
        return re.search(r"\[([\w.]+)\]$", answer["error"])[1] if path.startswith("/v2") else answer["code"]

    def start(self, pipeline, value, status=200, **named):
        return self.call("start_decision", {"pipeline": pipeline, "input": value, "wait": "20s"}, status, **named)

    def ask(self, text="really?"):
        """A decision that waits for a person: its id and the review's."""
        decision = self.start("api/opinion", {"text": text}, 202)["id"]
        events = self.call("get_decision_history", path={"id": decision})["events"]
        return decision, next(event["review"] for event in events if event["type"] == "review_requested")

    def eventually(self, ask, holds, seconds=20):
        """Asks until the answer holds; the answer."""
        deadline = time.monotonic() + seconds
        while True:
            found = ask()
            if holds(found):
                return found
            self.assertLess(time.monotonic(), deadline, f"never came: {found}")
            time.sleep(0.05)

    def score(self, card="c", amount=10, country="DE", **named):
        return self.start("api/score", {"card": card, "amount": amount, "country": country}, **named)


def answer_json(handler, body, status=200):
    """Answers with JSON what an http.server's handler was asked."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Service:
    """Counts calls; answers 503 to the first `failures` of them, the others with `body`."""

    def __init__(self, failures=0, body=b'{"ok": true}'):
        service = self
        self.keys, self.failures = [], failures

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.keys.append(self.headers.get("Idempotency-Key"))
                answer_json(self, body, 503 if len(service.keys) <= service.failures else 200)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/ask"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def until(true, why, seconds=30):
    """Waits for something that another thread or process brings about."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(why)
        time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    given, rest = parser.parse_known_args()
    OPTIONS.binary = str(pathlib.Path(given.binary).resolve())
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
