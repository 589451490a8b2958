"""The gateway in front of a fast server, beside nginx's proxy_pass in front of the same one, measured in the same run.

nginx plays the model server (a fixed chat completion) and, on another port, the proxy to compare with. Switchyard does
what it always does: authentication, routing, cost, and a durable decision with its provenance for each call; once answering
when the decision is on the disk (a route's `ack: durable`), once before, with the decision on the disk some milliseconds
later (`ack: received`). Closed loop for the peak, then open loop at half of Switchyard's peak, where latency counts from the
due time; what a call adds is the difference to the same load on the model server itself. The surface is OpenAI's chat
completions or the Open Inference Protocol's REST, in front of a server of the same kind.

  gateway_bench.py --build build/release [--surface openai|oip] [--seconds 8] [--body-bytes 1000000] [--soak 10000000]
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

WINDOWS = 7
COMPLETION = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "stub",
                         "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine, thank you"}, "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}})
TENSORS = json.dumps({"model_name": "stub", "model_version": "1", "outputs": [{"name": "score", "datatype": "FP64", "shape": [1, 1], "data": [0.25]}]})
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_max_body_size 8m; client_body_buffer_size 2m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000;
  upstream stub {{ server 127.0.0.1:{stub}; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{stub}; location / {{ default_type application/json; return 200 '{answer}'; }} }}
  server {{ listen 127.0.0.1:{proxy}; location / {{ proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""
DOCUMENTS = {
    "openai": {
        "stub.backend.yaml": "backend: stub@1.0.0\nprotocol: openai\nurl: http://127.0.0.1:{stub}/v1\n",
        "small.model.yaml": "model: small@1.0.0\nbackend: stub\nkind: chat\ncost: {{ per_million_input_tokens: 0.15, per_million_output_tokens: 0.6, currency: USD }}\n",
        "large.model.yaml": "model: large@1.0.0\nbackend: stub\nkind: chat\ncost: {{ per_million_input_tokens: 1, per_million_output_tokens: 4, currency: USD }}\n",
    },
    "oip": {
        "stub.backend.yaml": "backend: stub@1.0.0\nprotocol: oip\nurl: http://127.0.0.1:{stub}\n",
        "small.model.yaml": "model: small@1.0.0\nbackend: stub\nremote: {{ model: small }}\ninput: {{ tensors: {{ amounts: {{ fields: [a, b], type: double }} }} }}\n"
                            "output: {{ score: \"score[0]\" }}\ncost: {{ per_call: 0.001, currency: USD }}\n",
        "large.model.yaml": "model: large@1.0.0\nbackend: stub\nremote: {{ model: large }}\ninput: {{ tensors: {{ amounts: {{ fields: [a, b], type: double }} }} }}\n"
                            "output: {{ score: \"score[0]\" }}\ncost: {{ per_call: 0.004, currency: USD }}\n",
    },
}
ROUTE = "route: {ack}@1.0.0\ncandidates:\n  small: {{ model: small@1.0.0, weight: 9 }}\n  large: {{ model: large@1.0.0, weight: 1 }}\nfallbacks: [large]\nack: {ack}\n"
ACKS = ("durable", "received")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)


def question(surface, number, model, body_bytes):
    if surface == "oip":
        rows = max(1, body_bytes // 8)  # "[1.5,7]," has eight characters
        return {"id": f"call-{number}", "inputs": [{"name": "amounts", "datatype": "FP64", "shape": [rows, 2], "data": [[1.5, number % 10]] * rows}]}
    return {"model": model, "user": f"user-{number}", "messages": [{"role": "system", "content": "You are brief."},
                                                                  {"role": "user", "content": f"How are you today, number {number}?" + "x" * body_bytes}]}


def show(title, result):
    print(f"{title:<34} {result['requests_per_second']:8.0f}/s  p50 {result['p50_us']:6.0f} us  p99 {result['p99_us']:6.0f} us"
          f"  errors {result['non_2xx'] + result['broken']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--surface", choices=DOCUMENTS, default="openai")
    parser.add_argument("--body-bytes", type=int, default=0, help="what is asked is about so long")
    parser.add_argument("--soak", type=int, default=0, help="instead: so many calls from 64 callers, and what memory they leave")
    options = parser.parse_args()
    nginx = shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
    if nginx is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light")
    binary = os.path.join(options.build, "bin", "switchyard")
    load = os.path.join(options.build, "bench", "http_load", "http_load")
    folder = os.path.abspath(tempfile.mkdtemp(prefix="switchyard-bench-", dir="."))
    processes = []
    try:
        stub, proxy, port = free_port(), free_port(), free_port()
        with open(os.path.join(folder, "nginx.conf"), "w") as f:
            f.write(NGINX.format(folder=folder, stub=stub, proxy=proxy, answer=COMPLETION if options.surface == "openai" else TENSORS))
        processes.append(subprocess.Popen([nginx, "-c", os.path.join(folder, "nginx.conf"), "-e", os.path.join(folder, "error.log")]))
        data = os.path.join(folder, "data")
        server = subprocess.Popen([binary, "dev", "--data", data, "--port", str(port), "--log-level", "error"], stdout=subprocess.DEVNULL)
        processes.append(server)
        for each in (stub, proxy, port):
            wait_for(each)
        with open(os.path.join(data, "development-key")) as f:
            key = f.read().strip()
        documents = os.path.join(folder, "documents")
        os.mkdir(documents)
        for name, text in DOCUMENTS[options.surface].items() | {(f"{ack}.route.yaml", ROUTE.replace("{ack}", ack)) for ack in ACKS}:
            with open(os.path.join(documents, name), "w") as f:
                f.write(text.format(stub=stub))
        subprocess.run([binary, "deploy", documents, "--server", f"http://127.0.0.1:{port}", "--data", data], check=True, stdout=subprocess.DEVNULL)
        for model in ACKS:
            with open(os.path.join(folder, model), "w") as f:
                for number in range(1000 if options.body_bytes < 10_000 else 20):
                    f.write(json.dumps(question(options.surface, number, model, options.body_bytes), separators=(",", ":")) + "\n")

        def run(target, connections, rate=0, seconds=None):
            at, model = target
            path = "v1/chat/completions" if options.surface == "openai" else f"v2/models/{model}/infer"
            command = [load, f"127.0.0.1:{at}/{path}", "-c", str(connections), "-d", str(seconds or options.seconds),
                       "-r", str(rate), "--json", "-H", f"Authorization: Bearer {key}", "-b", os.path.join(folder, model)]
            # It exits with 1 when an answer was not 2xx: show() says how many.
            return json.loads(subprocess.run(command, capture_output=True, text=True).stdout)

        def resident_mb():
            with open(f"/proc/{server.pid}/status") as f:
                return next(int(line.split()[1]) / 1000 for line in f if line.startswith("VmRSS"))

        def peak(title, target):
            best = max((run(target, connections) for connections in (16, 64)), key=lambda result: result["requests_per_second"])
            show(f"{title}, peak", best)
            return best["requests_per_second"]

        def at_rate(title, target, rate):
            windows = [run(target, 64, rate, 2) for _ in range(WINDOWS)]
            median = {name: statistics.median(window[name] for window in windows) for name in ("p50_us", "p99_us", "requests_per_second")}
            show(f"{title}, {rate:.0f}/s", dict(median, non_2xx=sum(w["non_2xx"] for w in windows), broken=sum(w["broken"] for w in windows)))
            return median

        def soak():
            """Memory after each tenth of the calls."""
            calls = begun = 0
            print(f"idle: {resident_mb():.0f} MB resident")
            while calls < options.soak:
                result = run((port, "received"), 64, seconds=20)
                calls += round(result["requests_per_second"] * 20)
                if calls * 10 // options.soak > begun:
                    begun = calls * 10 // options.soak
                    show(f"{calls:,} calls, {resident_mb():.0f} MB resident", result)

        if options.soak:
            return soak()
        peak("the model server itself", (stub, "durable"))
        beside = peak("nginx in front of it", (proxy, "durable"))
        for ack in ACKS:
            own = peak(f"switchyard, ack: {ack}", (port, ack))
            print(f"switchyard / nginx, ack: {ack}: {own / beside:.2f} (wanted at least 0.5)")
            itself = at_rate("the model server itself", (stub, ack), own / 2)
            for title, target in (("nginx", (proxy, ack)), (f"switchyard, ack: {ack}", (port, ack))):
                median = at_rate(title, target, own / 2)
                print(f"{title} adds p50 {median['p50_us'] - itself['p50_us']:.0f} us, p99 {median['p99_us'] - itself['p99_us']:.0f} us"
                      + ("" if title == "nginx" else " (wanted under 100 us and 1 ms)"))
        print(f"server: {resident_mb():.0f} MB resident (wanted under 64)")
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()  # not killed: nginx's worker would stay
                process.wait(timeout=60)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
