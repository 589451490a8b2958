"""Five times what a server can do: how much of its peak is still done, how long the admitted wait, what it costs in memory,
and how soon all is well again.

Starts a server and finds its peak with closed loops over http_load, then drives it in an open loop at a multiple of that, where
latency counts from the moment a request was due. Goodput are answers of 2xx. Each decision works for about a millisecond, so that
what is short is the engine's time and not the generator's; a request that finds none of the connections free for 50 ms is given up.

  overload_bench.py --build build/release [--times 5] [--seconds 60]

Wanted: goodput at least 0.9 of the peak, p99 of the admitted at most twice that at the peak, memory bounded, everything let in
again within 2 s. The generator runs on the same machine and takes its share of it; its CPU time is printed.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.binary = os.path.join(options.build, "bin", "switchyard")
        self.load = os.path.join(options.build, "bench", "http_load", "http_load")
        self.port, self.data = free_port(), os.path.join(folder, "data")
        self.bodies = os.path.join(folder, "bodies.jsonl")
        with open(self.bodies, "w") as out:
            for n in range(1000):
                history = [(n + 1) * k % 997 for k in range(200)]
                out.write(json.dumps({"pipeline": "bench/overload", "wait": "10s",
                                      "input": {"card": f"c{n}", "amount": n * 1.5, "history": history}}) + "\n")
        self.server = subprocess.Popen([self.binary, "dev", "--data", self.data, "--port", str(self.port), "--log-level", "error",
                                        "--log", options.log], stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        with open(os.path.join(self.data, "development-key")) as f:
            self.key = f.read().strip()
        documents = os.path.join(folder, "documents")
        os.mkdir(documents)
        shutil.copy(os.path.join(HERE, "decision.pipeline.yaml"), documents)
        subprocess.run([self.binary, "deploy", documents, "--server", f"http://127.0.0.1:{self.port}", "--data", self.data],
                       check=True, stdout=subprocess.DEVNULL)

    def command(self, connections, seconds, rate=0.0, warm_up=0.5):
        return [self.load, f"127.0.0.1:{self.port}/api/v1/decisions", "-c", str(connections), "-d", str(seconds), "-r", str(rate), "--json", "--give-up", "0.05",
                "--warm-up", str(warm_up), "-H", f"Authorization: Bearer {self.key}", "-b", self.bodies]

    def run(self, *arguments, **named):
        # http_load exits with 1 when an answer was not 2xx, which is the point here.
        done = subprocess.run(self.command(*arguments, **named), capture_output=True, text=True)
        result = json.loads(done.stdout)
        result["good_per_second"] = (result["answers"] - result["non_2xx"]) / result["seconds"]
        return result

    def resident_mb(self):
        with open(f"/proc/{self.server.pid}/status") as f:
            return next(int(line.split()[1]) / 1000 for line in f if line.startswith("VmRSS"))

    def cpu_seconds(self):
        with open(f"/proc/{self.server.pid}/stat") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.key})
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))

    def ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/api/v1/decisions?limit=1", headers={"Authorization": "Bearer " + self.key})
            return connection.getresponse().status
        finally:
            connection.close()


def show(title, result):
    print(f"{title:<28} {result['good_per_second']:8.0f} good/s of {result['requests_per_second']:8.0f} answers/s  "
          f"p50 {result['p50_2xx_us'] / 1000:.1f} ms  p99 {result['p99_2xx_us'] / 1000:.1f} ms of the admitted  "
          f"broken {result['broken']}  given up {result['given_up']}  unanswered {result['unanswered']}  generator {result['generator_cpu_seconds']:.1f} s of CPU")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--times", type=float, default=5, help="what is sent, in ratio to the peak")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--peak-seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--log", default="local", choices=["local", "memory"])
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="switchyard-overload-", dir=".")
    bench = Bench(options, folder)
    try:
        peak = None
        for connections in (16, 64, 128):
            result = bench.run(connections, options.peak_seconds)
            show(f"closed loop, {connections} callers", result)
            if peak is None or result["good_per_second"] > peak["good_per_second"]:
                peak = result
        rate = peak["good_per_second"] * options.times
        idle_mb, cpu = bench.resident_mb(), bench.cpu_seconds()
        loading = subprocess.Popen(bench.command(options.connections, options.seconds, rate, 2), stdout=subprocess.PIPE, text=True)
        largest_mb = idle_mb
        while loading.poll() is None:
            largest_mb = max(largest_mb, bench.resident_mb())
            time.sleep(0.2)
        result = json.loads(loading.stdout.read())
        ended = time.monotonic()
        result["good_per_second"] = (result["answers"] - result["non_2xx"]) / result["seconds"]
        # Well again: twenty requests one after the other, none turned away.
        well = 0
        while well < 20 and time.monotonic() < ended + 30:
            well = well + 1 if bench.ask() == 200 else 0
        recovery = time.monotonic() - ended
        used = bench.cpu_seconds() - cpu
        show(f"open loop, {rate:.0f}/s", result)
        ratio = result["good_per_second"] / peak["good_per_second"]
        slower = result["p99_2xx_us"] / peak["p99_us"]
        print(f"goodput                 {ratio:.2f} of the peak (wanted 0.9)")
        print(f"p99 of the admitted     {slower:.2f} times that at the peak (wanted at most 2)")
        print(f"resident                {idle_mb:.0f} MB before, {largest_mb:.0f} MB at most")
        print(f"all let in again after  {recovery:.2f} s (wanted 2)")
        print(f"shed                    {bench.metric('switchyard_gateway_shed_requests_total'):.0f} of {result['answers']}; the server used {used:.1f} s of CPU")
        bench.server.send_signal(signal.SIGTERM)
        bench.server.wait(timeout=60)
    finally:
        bench.server.kill()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
