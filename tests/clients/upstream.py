"""An OpenAI-compatible server for tests. It answers what its input asks for and misbehaves on request: the last
message of a chat says how, in words like `say hello`, `fail 503`, `hang`, `cut 2`, `tools`."""
import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import time


class Upstream:
    """Listens on a port of the system's choice. `asked` keeps the requests' bodies, `fail_next` makes the next ones
    fail: each with a status, with (status, headers), with one of the `faults`, or not (None). `say_next` are the next texts of chats,
    or whole messages (see `calls`), whatever is asked. Chats that OpenAI would refuse for their tools are refused."""

    #: What becomes of an answer on its way.
    faults = ("reset",   # the connection is reset in the middle of the body
              "half",    # half of the JSON comes, as if it were all
              "stall",   # nothing comes
              "falter")  # a stream begins, then nothing more comes

    def __init__(self, name="tiny"):
        upstream = self
        self.name = name
        self.asked, self.headers, self.fail_next, self.say_next = [], [], [], []
        self.cut_off = threading.Event()
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/test"):
                    return self.give(200, upstream.told(body))
                with upstream.lock:
                    upstream.asked.append(body)
                    upstream.headers.append(dict(self.headers))
                    fault = upstream.fail_next.pop(0) if upstream.fail_next else None
                if fault is not None:
                    return self.fail(fault, body)
                if self.path.endswith("/embeddings"):
                    return self.give(200, upstream.embeddings(body))
                problem = upstream.problem(body)
                if problem:
                    return self.give(400, {"error": {"message": problem, "type": "invalid_request_error"}})
                words = (body["messages"][-1].get("content") or "").split()
                try:
                    self.chat(body, words)
                except (BrokenPipeError, ConnectionResetError):
                    upstream.cut_off.set()

            def fail(self, fault, body):
                if fault in upstream.faults:
                    return getattr(self, fault)(body)
                status, headers = fault if isinstance(fault, tuple) else (fault, {})
                self.give(status, {"error": {"message": f"told to answer {status}"}}, headers)

            def reset(self, body):
                text = json.dumps(upstream.completion(body, ["say", "never"]))
                self.begin(len(text))
                self.wfile.write(text[:len(text) // 2].encode())
                self.wfile.flush()
                # Without lingering a close is a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            def half(self, body):
                text = json.dumps(upstream.completion(body, ["say", "never"]))
                self.begin(len(text) // 2)
                self.wfile.write(text[:len(text) // 2].encode())

            def stall(self, body):
                self.close_connection = True
                self.connection.settimeout(30)
                try:
                    self.connection.recv(1)  # until whoever waits hangs up
                except OSError:
                    pass
                upstream.cut_off.set()

            def falter(self, body):
                self.begin_stream()
                for event in list(upstream.events(body, ["say", "one", "two"]))[:2]:
                    self.wfile.write(b"data: " + event.encode() + b"\n\n")
                self.wfile.flush()
                self.stall(body)

            def chat(self, body, words):
                order = words[0] if words else "say"
                if order == "fail":
                    extra = {"Retry-After": words[2]} if len(words) > 2 else {}
                    return self.give(int(words[1]), {"error": {"message": "as you wish", "type": "x"}}, extra)
                if order == "hang":
                    time.sleep(float(words[1]) if len(words) > 1 else 3)
                if body.get("stream"):
                    return self.stream(body, words, order)
                return self.give(200, upstream.completion(body, words))

            def give(self, status, value, headers=None):
                text = json.dumps(value).encode()
                self.begin(len(text), status, headers)
                self.wfile.write(text)

            def begin(self, length, status=200, headers=None):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(length))
                self.send_header("x-request-id", f"up-{len(upstream.asked)}")
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()

            def begin_stream(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True

            def stream(self, body, words, order):
                self.begin_stream()
                limit = int(words[1]) if order == "cut" else None
                for number, event in enumerate(upstream.events(body, words)):
                    if number == limit:
                        return
                    self.wfile.write(b"data: " + event.encode() + b"\n\n")
                    self.wfile.flush()
                    if order == "slow":
                        time.sleep(0.2)
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        """Makes it as new, for the next test."""
        with self.lock:
            for told in (self.asked, self.headers, self.fail_next, self.say_next):
                told.clear()
            self.cut_off.clear()

    def told(self, order):
        """For tests in other languages: what to do next; tells how things stand, and forgets it."""
        hung_up = self.cut_off.wait(order.get("wait_for_hang_up", 0))
        with self.lock:
            self.fail_next += [tuple(fault) if isinstance(fault, list) else fault for fault in order.get("fail_next", [])]
            stand = {"asked": len(self.asked), "hung_up": hung_up}
            self.asked.clear()
            self.cut_off.clear()
        return stand

    @staticmethod
    def calls(*calls, content=None):
        """A message that calls tools: each (id, name, arguments), the arguments as JSON text or a value of it."""
        return {"role": "assistant", "content": content,
                "tool_calls": [{"id": one, "type": "function",
                                "function": {"name": name, "arguments": text if isinstance(text, str) else json.dumps(text)}}
                               for one, name, text in calls]}

    @staticmethod
    def problem(body):
        """What OpenAI refuses with 400; None: nothing."""
        names = set()
        for tool in body.get("tools", []):
            name = tool.get("function", {}).get("name", "")
            if tool.get("type") != "function" or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
                return f"Invalid 'tools': {name!r} does not match the expected pattern"
            names.add(name)
        for option in ("tool_choice", "parallel_tool_calls"):
            if option in body and not names:
                return f"'{option}' is only allowed when 'tools' are specified."
        choice = body.get("tool_choice", "auto")
        if choice not in ("auto", "none", "required") and choice.get("function", {}).get("name") not in names:
            return f"Invalid value for 'tool_choice': {choice}"
        waiting = []
        for message in body["messages"]:
            if message["role"] == "tool":
                if message.get("tool_call_id") not in waiting:
                    return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                if not isinstance(message.get("content"), (str, list)):
                    return "Invalid type for 'content' of a message with role 'tool'"
                waiting.remove(message["tool_call_id"])
                continue
            if waiting:
                break
            for call in message.get("tool_calls", []):
                if call.get("type") != "function" or not isinstance(call["function"]["arguments"], str):
                    return "Invalid type for 'tool_calls[].function.arguments': expected a string"
                waiting.append(call["id"])
        if waiting:
            return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " \
                   f"The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        return None

    def message(self, words):
        if words and words[0] == "tools":
            return {"role": "assistant", "content": None,
                    "tool_calls": [{"id": "call_1", "type": "function",
                                    "function": {"name": "weather", "arguments": "{\"city\": \"Bonn\"}"}}]}
        with self.lock:
            said = self.say_next.pop(0) if self.say_next else " ".join(words[1:]) or "hello"
        if isinstance(said, dict):
            return said
        return {"role": "assistant", "content": said}

    @staticmethod
    def usage(body, text):
        asked = sum(len(str(message.get("content", "")).split()) for message in body["messages"])
        told = len(text.split())
        return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}

    def completion(self, body, words):
        message = self.message(words)
        return {"id": "up", "object": "chat.completion", "created": 1, "model": body["model"],
                "choices": [{"index": 0, "message": message,
                             "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}],
                "usage": self.usage(body, message["content"] or "")}

    def events(self, body, words):
        message = self.message(words)

        def chunk(delta, reason=None):
            return json.dumps({"id": "up", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
                               "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
        yield chunk({"role": "assistant", "content": ""})
        for word in (message["content"] or "").split(" "):
            if word:
                yield chunk({"content": word + " "})
        for index, call in enumerate(message.get("tool_calls", [])):
            yield chunk({"tool_calls": [dict(call, index=index)]})
        yield chunk({}, "tool_calls" if "tool_calls" in message else "stop")
        if body.get("stream_options", {}).get("include_usage"):
            yield json.dumps({"id": "up", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
                              "choices": [], "usage": self.usage(body, message["content"] or "")})

    def embeddings(self, body):
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        if texts and isinstance(texts[0], int):
            texts = [texts]
        vectors = [[byte / 255 for byte in hashlib.sha256(json.dumps(text).encode()).digest()[:8]] for text in texts]
        return {"object": "list", "model": body["model"], "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)},
                "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]}
