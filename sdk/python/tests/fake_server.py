"""A server that answers as a test says, and remembers what it was asked."""
import http.server
import json
import threading


class FakeServer:
    """`answers`: functions (method, path, headers, body) -> (status, value, headers), or "cut" to break the connection off;
    the last one stays."""

    def __init__(self, *answers):
        self.answers, self.asked, self.lock = list(answers), [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                with outer.lock:
                    outer.asked.append((self.command, self.path, dict(self.headers), body))
                    answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if callable(answer):
                    answer = answer(self.command, self.path, dict(self.headers), body)
                if answer == "cut":
                    self.close_connection = True
                    return
                status, value, *more = answer
                payload = json.dumps(value).encode()
                self.send_response(status)
                for name, text in (more[0] if more else {}).items():
                    self.send_header(name, text)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hung up is no news
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def decision(**more):
    return {"id": "01a20987-e4cc-7300-b930-e9d177124c96", "pipeline": "shop/refund", "version": "1.0.0", "status": "completed",
            "started_at": "2026-11-23T17:50:30.604783Z", "cost": 0.5, "href": "/x", **more}


def problem(status, code, **more):
    return status, {"type": f"/problems/{code}", "title": "t", "status": status, "detail": "what is wrong", "code": code, "kind": "k", **more}
