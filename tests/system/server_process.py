"""A server of the real binary, for tests."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, binary, folder):
        self.binary, self.data, self.port = binary, os.path.join(folder, "data"), free_port()
        self.log = open(os.path.join(folder, "server.log"), "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.binary, "dev", "--data", self.data, "--partitions", "4", "--port", str(self.port), "--log-level", "warn"],
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}; see {self.log.name}:\n" + open(self.log.name).read()[-4000:])
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("the server did not become ready")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert code == 0, f"an orderly stop gave {code}"

    def key(self):
        with open(os.path.join(self.data, "development-key")) as f:
            return f.read().strip()

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {"Content-Type": "application/json", **(headers or {})}
            if os.path.exists(os.path.join(self.data, "development-key")):
                sent["Authorization"] = f"Bearer {self.key()}"
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else {}
        finally:
            connection.close()
