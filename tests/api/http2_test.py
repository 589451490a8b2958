"""HTTP/2 as curl and nghttp speak it, on the port that HTTP/1.1 is on, with TLS and without.

  http2_test.py --binary build/release/bin/switchyard [Class.test]
"""
import json
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import OPTIONS, Case

CURL = shutil.which("curl")
NGHTTP = shutil.which("nghttp")


def has_http2():
    return CURL and "HTTP2" in subprocess.run([CURL, "--version"], capture_output=True, text=True).stdout


def curl(*arguments):
    """The status, the protocol's version and the body."""
    done = subprocess.run([CURL, "-s", "--max-time", "60", "-w", "\n%{http_code} %{http_version}", *arguments],
                          capture_output=True, timeout=120)
    assert done.returncode == 0, (done.returncode, done.stderr)
    body, _, facts = done.stdout.decode().rpartition("\n")
    status, version = facts.split()
    return int(status), version, body


@unittest.skipUnless(has_http2(), "needs a curl with HTTP/2")
class PriorKnowledge(Case):
    def h2(self, path, *arguments, key="admin"):
        authorization = ["-H", "Authorization: Bearer " + self.server.keys[key]] if key else []
        return curl("--http2-prior-knowledge", *authorization, *arguments, self.server.url + path)

    def test_both_protocols_are_on_one_port(self):
        self.assertEqual(self.h2("/healthz", key=None), (200, "2", "ok\n"))
        self.assertEqual(curl("--http1.1", self.server.url + "/healthz"), (200, "1.1", "ok\n"))

    def test_a_decision_is_made_and_refused_as_over_http_1(self):
        body = json.dumps({"pipeline": "api/score", "input": {"card": "x", "amount": 700, "country": "AT"}, "wait": True})
        status, version, answer = self.h2("/api/v1/decisions", "-d", body)
        self.assertEqual((status, version), (200, "2"), answer)
        self.assertEqual(json.loads(answer)["status"], "completed")
        self.assertEqual(self.h2("/api/v1/decisions", "-d", "{}")[0], 400)
        self.assertEqual(self.h2("/api/v1/decisions", "-d", body, key=None)[0], 401)
        self.assertEqual(self.h2("/no/such/path")[0], 404)

    def test_large_bodies_pass_both_ways(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b'{"pipeline": "api/score", "input": "' + b"x" * 3_000_000 + b'"}')
            file.flush()
            status, version, answer = self.h2("/api/v1/decisions", "--data-binary", "@" + file.name)
        self.assertEqual((status, version), (413, "2"), answer[:500])
        status, _, answer = self.h2("/openapi.json")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(answer), self.description.document)

    @unittest.skipUnless(NGHTTP, "needs nghttp")
    def test_many_streams_share_a_connection(self):
        done = subprocess.run([NGHTTP, "-n", "-s", "-m", "500", "-H", "Authorization: Bearer " + self.server.keys["admin"],
                               self.server.url + "/api/v1/status"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(re.findall(r"\b200\b", done.stdout)), 500, done.stdout[-2000:])

    def test_what_begins_like_http_2_and_is_not_is_closed(self):
        for text in (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64):
            with socket.create_connection((self.server.host, self.server.port), timeout=30) as connection:
                connection.sendall(text)
                while connection.recv(65536):
                    pass
        self.assertEqual(self.h2("/healthz", key=None)[0], 200)


@unittest.skipUnless(has_http2() and shutil.which("openssl"), "needs a curl with HTTP/2, and openssl")
class Tls(unittest.TestCase):
    def test_the_client_chooses_by_alpn(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="switchyard-http2-"))
        self.addCleanup(shutil.rmtree, folder, True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"], check=True, capture_output=True)
        process = subprocess.Popen([OPTIONS.binary, "dev", "--data", folder / "data", "--port", "0", "--log-level", "error",
                                    "--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem"],
                                   stdout=subprocess.PIPE, text=True)
        try:
            ready, _, _ = select.select([process.stdout], [], [], 120)
            port = re.search(r":(\d+)", process.stdout.readline() if ready else "")[1]
            trust = ["--cacert", str(folder / "certificate.pem")]
            url = f"https://127.0.0.1:{port}/healthz"
            self.assertEqual(curl("--http2", *trust, url), (200, "2", "ok\n"))
            self.assertEqual(curl("--http1.1", *trust, url), (200, "1.1", "ok\n"))
            self.assertEqual(curl("--no-alpn", *trust, url), (200, "1.1", "ok\n"))
        finally:
            process.terminate()
            self.assertEqual(process.wait(timeout=60), 0)
            process.stdout.close()


if __name__ == "__main__":
    harness.main()
