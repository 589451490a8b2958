"""A full disk: requests are refused with a reason, nothing acknowledged is lost, and service resumes by itself.

The data folder lies on a small file system of its own (tmpfs), so the test needs to be root; it is skipped otherwise.
"""
import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
import unittest

from server_process import Server

OPTIONS = None

PIPELINE = """
pipeline: system/note@1.0.0
input: { schema: { type: object, required: [number, text], properties: { number: { type: integer }, text: { type: string } } } }
steps:
  twice: { set: { double: input.number * 2 } }
output: { number: input.number, double: twice.double }
"""


class FullDiskTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="switchyard-full-")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", self.folder], capture_output=True, text=True)
        if mounted.returncode != 0:
            os.rmdir(self.folder)
            self.skipTest(f"cannot mount a small file system: {mounted.stderr.strip()}")
        self.server = Server(OPTIONS.binary, self.folder)

    def tearDown(self):
        if self.server.process is not None and self.server.process.poll() is None:
            self.server.kill()
        self.server.log.close()
        subprocess.run(["umount", "-l", self.folder], check=False)
        os.rmdir(self.folder)

    def start(self, number, text):
        body = {"pipeline": "system/note", "input": {"number": number, "text": text}, "wait": "5s"}
        return self.server.call("POST", "/api/v1/decisions", body, {"Idempotency-Key": f"note-{number}"})

    def test_refuses_with_a_reason_and_resumes_by_itself(self):
        self.server.start()
        documents = os.path.join(self.folder, "documents")
        os.mkdir(documents)
        with open(os.path.join(documents, "note.pipeline.yaml"), "w") as f:
            f.write(PIPELINE)
        subprocess.run([OPTIONS.binary, "deploy", documents, "--server", f"http://127.0.0.1:{self.server.port}", "--data", self.server.data], check=True, stdout=subprocess.DEVNULL)
        acknowledged = {}
        status, answer = self.start(0, "before")
        self.assertEqual(status, 200, answer)
        acknowledged[0] = answer

        # Take all space that is left, then write until the log needs more.
        ballast = os.path.join(self.folder, "ballast")
        with open(ballast, "wb") as f:
            try:
                while True:
                    f.write(bytes(1 << 20))
                    f.flush()
            except OSError:
                pass
        text = "x" * 200_000
        refused = None
        for number in range(1, 2000):
            status, answer = self.start(number, text)
            if status == 200:
                acknowledged[number] = answer
                continue
            refused = (number, status, answer)
            break
        self.assertIsNotNone(refused, "the disk never became full")
        number, status, answer = refused
        self.assertIn(status, (503, 507), answer)
        self.assertIn("disk", answer["detail"])
        self.assertEqual(self.server.call("GET", "/readyz")[0], 503, "a server that refuses is not ready")
        self.assertEqual(self.server.call("GET", "/healthz")[0], 200, "it lives all the same")

        # Space returns; the same request, with its key, is taken, and nothing acknowledged was lost.
        os.unlink(ballast)
        deadline = time.monotonic() + 30
        while True:
            try:
                status, answer = self.start(number, text)
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 200:
                break
            self.assertLess(time.monotonic(), deadline, f"service does not resume: {status} {answer}")
            time.sleep(0.1)
        self.assertEqual(answer["output"], {"number": number, "double": number * 2})
        for earlier, told in acknowledged.items():
            status, found = self.server.call("GET", f"/api/v1/decisions/{told['id']}")
            self.assertEqual((status, found.get("output")), (200, told["output"]), f"decision {earlier} is lost or changed")
        self.server.stop()
        print(f"refused with {refused[1]} after {len(acknowledged)} decisions; all of them are there")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
