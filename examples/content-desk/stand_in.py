#!/usr/bin/env python3
"""A small OpenAI-compatible server that stands in for a language model, so that the example runs without one.

IT IS NO LANGUAGE MODEL. It fills templates with the facts of the brief. Every answer says so in its `model`, which the
records of decisions keep as `served_by`. `stand_in.py [PORT [SPARE_PORT]]`; only Python's standard library is needed.

It makes the mistakes that the example is about: a brief in the tone "pushy" is written as pushy as it is asked for, a "lively"
one boasts, and about one brief in five first gets an answer without claims, which does not fit the prompt's schema.
`POST /faults [503, 503]` lets the next requests fail.
"""
import hashlib
import http.server
import json
import re
import sys
import threading
import time

SERVED_BY = "stand-in: templates, no language model"

OPENINGS = {
    "product": ["Here is what to know about the {thing}.", "The {thing} is made for every day.",
                "If you look for a {keyword}, look at this one."],
    "help": ["This page tells you what to do.", "It takes a few minutes.", "Here is how it works, step by step."],
}
CLOSINGS = {
    "product": ["You find the {keyword} with all sizes and the care label further down on this page.",
                "If something about the {keyword} is not clear, our help pages and the people behind them answer."],
    "help": ["If that does not help, write to us with the number of your order, and say that it is about: {keyword}.",
             "When you are done you get a letter by e-mail that says what was done. It is about: {keyword}."],
}
SUMMARIES = {
    "product": ["{subject}: what it is made of, what it is good for, and how to keep it well for a long time.",
                "What the {thing} can do, in a few plain words, with sizes and care."],
    "help": ["{subject}: what to do, in a few steps, and what happens afterwards.",
             "What to do, step by step, and whom to ask when it does not work: {subject}."],
}
BOASTS = ["It is simply the best {keyword} there is!", "Perfect for everybody, guaranteed!"]
PUSHY = ["WINNER! As a valued customer you have been chosen for a FREE {keyword}. Call 09061701461 now to claim your prize!",
         "URGENT! Text {shout} to 87121 for your chance to win 1000 pounds cash. Offer ends tonight, claim now!",
         "Limited offer, only today! Reply YES to claim your guaranteed cash reward with every {keyword}!"]


def lines(kind, number, brief):
    """One of several wordings, the same for the same brief."""
    chosen = kind[number % len(kind)]
    thing = brief["subject"][:1].lower() + brief["subject"][1:]
    return chosen.format(subject=brief["subject"], thing=thing, keyword=brief["keyword"], shout=brief["keyword"].split()[0].upper())


def draft(brief, number):
    kind, facts = brief["kind"], brief["facts"]
    body = [lines(OPENINGS[kind], number, brief)]
    body += facts if kind == "product" else [f"{step}. {fact}" for step, fact in enumerate(facts, 1)]
    if brief["tone"] == "lively":
        body += [lines([each], number, brief) for each in BOASTS]
    elif brief["tone"] == "pushy":
        body = [lines(PUSHY, number, brief), *facts[:1], lines(PUSHY, number + 1, brief)]
    body.append(lines(CLOSINGS[kind], number // 3, brief))
    claims = [{"text": fact, "fact": index} for index, fact in enumerate(facts, 1) if any(fact in part for part in body)]
    if brief["tone"] == "lively":
        claims.append({"text": lines(BOASTS, 0, brief), "fact": 0})
    title = brief["subject"][:1].upper() + brief["subject"][1:]
    if brief["keyword"].lower() not in title.lower() and len(title) < 45:
        title += f" ({brief['keyword']})"
    return {"title": title, "summary": lines(SUMMARIES[kind], number // 2, brief), "body": " ".join(body), "claims": claims}


def answer(messages):
    found = [re.search(r"<brief>(.*)</brief>", m["content"], re.DOTALL) for m in messages if m["role"] == "user"]
    briefs = [match for match in found if match]
    if not briefs:
        return "I am a stand-in made of templates, and can only write from a <brief>."
    text = briefs[-1][1]
    number = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
    value = draft(json.loads(text), number)
    if number % 5 == 0 and messages[-1]["content"].find("<brief>") >= 0:
        del value["claims"]
    return json.dumps(value)


def tokens(text):
    return max(1, len(text) // 4)


class StandIn:
    """Listens on a port (0: one of the system's choice). `asked` counts the requests that it has answered."""

    def __init__(self, port=0):
        self.asked, self.faults, self.lock = 0, [], threading.Lock()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def give(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.give(200, {"object": "list", "data": [{"id": "writer", "object": "model", "owned_by": SERVED_BY}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
                if self.path == "/faults":
                    with stand_in.lock:
                        stand_in.faults += body
                    return self.give(200, {})
                if not self.path.endswith("/chat/completions"):
                    return self.give(404, {"error": {"message": "only chat/completions is here"}})
                with stand_in.lock:
                    fault = stand_in.faults.pop(0) if stand_in.faults else None
                if fault:
                    return self.give(fault, {"error": {"message": "told to fail", "type": "server_error"}})
                if body.get("stream"):
                    return self.give(400, {"error": {"message": "the stand-in does not stream", "type": "invalid_request_error"}})
                try:
                    text = answer(body["messages"])
                except (KeyError, TypeError, ValueError) as mistake:
                    return self.give(400, {"error": {"message": f"not a brief: {mistake}", "type": "invalid_request_error"}})
                time.sleep(0.02)
                with stand_in.lock:
                    stand_in.asked += 1
                    number = stand_in.asked
                used = sum(tokens(m["content"]) for m in body["messages"]), tokens(text)
                self.give(200, {
                    "id": f"stand-in-{number}", "object": "chat.completion", "created": int(time.time()), "model": SERVED_BY,
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}})

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    ports = [int(argument) for argument in sys.argv[1:]] or [7096, 7095]
    listening = [StandIn(port) for port in ports]
    print(f"{SERVED_BY}; ports {', '.join(str(each.port) for each in listening)}; Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
