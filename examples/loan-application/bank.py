#!/usr/bin/env python3
"""The bank's side of the example: sets money aside, gives it free again. `bank.py [PORT]`; GET / lists what is set aside."""
import http.server
import json
import sys
import threading


class Bank(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    reservations = {}

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with self.lock:
            self.answer(200, self.reservations)

    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            self.reservations[self.path.removeprefix("/reservations/")] = body
            self.answer(200, body)

    def do_DELETE(self):
        with self.lock:
            known = self.reservations.pop(self.path.removeprefix("/reservations/"), None)
        self.answer(404 if known is None else 204)

    def log_message(self, *arguments):
        pass


def start(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Bank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    bank = start(int(sys.argv[1]) if len(sys.argv) > 1 else 7099)
    print(f"the bank listens on port {bank.server_port}; Ctrl-C ends it")
    threading.Event().wait()
