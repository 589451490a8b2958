#!/usr/bin/env python3
"""The systems around the example: the ledger with data/accounts.json, and the credit bureau. `books.py [PORT]`.

The bureau knows nothing about one account and says so with 404; GET /asked lists the accounts it was asked about."""
import hashlib
import http.server
import json
import sys
import threading
import urllib.parse
from pathlib import Path

ACCOUNTS = json.loads((Path(__file__).resolve().parent / "data" / "accounts.json").read_text())


class Books(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    asked = []

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/accounts":
            query = urllib.parse.parse_qs(url.query)
            page, size = int(query["page"][0]), int(query["size"][0])
            return self.answer(200, {"accounts": ACCOUNTS[page * size:(page + 1) * size]})
        if url.path == "/asked":
            return self.answer(200, self.asked)
        account = url.path.removeprefix("/bureau/")
        with self.lock:
            self.asked.append(account)
        if account == "DE-0013":
            return self.answer(404, {"title": "unknown account"})
        return self.answer(200, {"score": int(hashlib.sha256(account.encode()).hexdigest()[:4], 16) / 0xffff})

    def log_message(self, *arguments):
        pass


def start(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Books)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    books = start(int(sys.argv[1]) if len(sys.argv) > 1 else 7097)
    print(f"ledger and bureau listen on port {books.server_port}; Ctrl-C ends it")
    threading.Event().wait()
