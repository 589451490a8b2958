"""Streams through the gateway: what it adds to each piece, and how many it holds at once.

A server of the bench's own sends chat completions piece by piece at a fixed pace, each with the time it was written; the
client reads when the piece arrived. The same streams are opened at that server itself and through Switchyard, in turn.

  streams_bench.py --build build/release [--streams 100] [--every 0.1] [--pieces 30]
  streams_bench.py --streams 10000 --every 2 --pieces 10      # how many at once

Needs two descriptors a stream: raise `ulimit -n` for thousands.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

from gateway_bench import free_port, wait_for

DOCUMENTS = {
    "stub.backend.yaml": "backend: stub@1.0.0\nprotocol: openai\nurl: http://127.0.0.1:{port}/v1\nmax_concurrent: 65536\ntimeout_ms: 600000\n",
    "talker.model.yaml": "model: talker@1.0.0\nbackend: stub\nkind: chat\n",
    "talk.route.yaml": "route: talk@1.0.0\ncandidates: {{ only: {{ model: talker@1.0.0 }} }}\ndeadline: 10m\n",
}
HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")


def chunked(text):
    return b"%x\r\n%s\r\n" % (len(text), text)


class Talker(asyncio.Protocol):
    """Answers every request with a stream; reads no more of HTTP than it must."""

    every, pieces = 0.1, 30

    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        if len(body) < length:
            return
        self.data = body[length:]
        self.transport.write(HEAD)
        asyncio.get_running_loop().call_later(self.every, self.say, 0)

    def say(self, number):
        if self.transport.is_closing():
            return
        delta = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "talker",
                 "choices": [{"index": 0, "delta": {"content": f"@{time.monotonic_ns()}@"}, "finish_reason": None}]}
        if number < self.pieces:
            self.transport.write(chunked(b"data: " + json.dumps(delta).encode() + b"\n\n"))
            asyncio.get_running_loop().call_later(self.every, self.say, number + 1)
            return
        delta["choices"][0].update(delta={}, finish_reason="stop")
        self.transport.write(chunked(b"data: " + json.dumps(delta).encode() + b"\n\n") + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")


def talk(port, every, pieces):
    async def serve():
        Talker.every, Talker.pieces = every, pieces
        server = await asyncio.get_running_loop().create_server(Talker, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()
    asyncio.run(serve())


class Listener(asyncio.Protocol):
    def __init__(self, request, delays_us, done):
        self.request, self.delays_us, self.done, self.rest = request, delays_us, done, b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        now = time.monotonic_ns()
        data = self.rest + data
        end = data.rfind(b"\n\n") + 2
        whole, self.rest = (data[:end], data[end:]) if end > 1 else (b"", data)
        for part in whole.split(b"@")[1::2]:
            self.delays_us.append((now - int(part)) / 1000)
        if b"[DONE]" in whole and not self.done.done():
            self.done.set_result(True)
            self.transport.close()

    def connection_lost(self, _):
        if not self.done.done():
            self.done.set_result(False)


async def listen(port, key, streams, ramp_seconds):
    body = json.dumps({"model": "talk", "stream": True, "messages": [{"role": "user", "content": "talk"}]}).encode()
    request = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    loop, delays_us, ends = asyncio.get_running_loop(), [], []
    for number in range(streams):
        done = loop.create_future()
        ends.append(done)
        await loop.create_connection(lambda d=done: Listener(request, delays_us, d), "127.0.0.1", port)
        await asyncio.sleep(ramp_seconds / streams)
    whole = sum(await asyncio.gather(*ends))
    return whole, sorted(delays_us)


def at(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between the pieces of a stream")
    parser.add_argument("--pieces", type=int, default=30)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * options.streams + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted)), hard))
    folder = tempfile.mkdtemp(prefix="switchyard-streams-", dir=".")
    stub, port = free_port(), free_port()
    talker = multiprocessing.Process(target=talk, args=(stub, options.every, options.pieces))
    talker.start()
    config, data, documents = (os.path.join(folder, name) for name in ("gateway.yaml", "data", "documents"))
    with open(config, "w") as f:
        f.write("admission: { max_in_flight: 100000 }\n")
    binary = os.path.join(options.build, "bin", "switchyard")
    server = subprocess.Popen([binary, "dev", "--data", data, "--port", str(port), "--log-level", "error", "--gateway", config],
                              stdout=subprocess.DEVNULL)
    try:
        for each in (stub, port):
            wait_for(each)
        os.mkdir(documents)
        for name, text in DOCUMENTS.items():
            with open(os.path.join(documents, name), "w") as f:
                f.write(text.format(port=stub))
        subprocess.run([binary, "deploy", documents, "--server", f"http://127.0.0.1:{port}", "--data", data], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(data, "development-key")) as f:
            key = f.read().strip()

        def resident_mb():
            with open(f"/proc/{server.pid}/status") as f:
                return next(int(line.split()[1]) / 1000 for line in f if line.startswith("VmRSS"))

        ramp_seconds = options.every if options.streams < 1000 else options.every * options.pieces / 2
        medians = {}
        idle_mb = resident_mb()
        for title, where in (("the server itself", stub), ("through switchyard", port)):
            whole, delays_us = asyncio.run(listen(where, key, options.streams, ramp_seconds))
            medians[where] = at(delays_us, 0.5), at(delays_us, 0.99)
            print(f"{title:<20} {whole} of {options.streams} streams whole, {len(delays_us)} pieces, "
                  f"p50 {medians[where][0]:.0f} us  p99 {medians[where][1]:.0f} us from writing to reading")
        print(f"switchyard adds p50 {medians[port][0] - medians[stub][0]:.0f} us, p99 {medians[port][1] - medians[stub][1]:.0f} us a piece (wanted under 100 us)")
        print(f"server: {idle_mb:.0f} MB resident before, {resident_mb():.0f} MB after")
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    finally:
        talker.terminate()
        server.kill()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
