"""What the export of traces and metrics costs: the decisions of decisions_bench.py without it, with every trace, and with a tenth.

Servers that are alike but for that take turns under the same closed loop, in short windows. The processor time of a decision is that
of the server's process from /proc, so that what else the machine does spoils it less than the throughput; how much it does is told
by a second server without export, which should be the same as the first. The collector is a thread of this process that reads what
it is sent; that nothing was dropped is told by the servers' own counters.

  export_bench.py --build build/release [--seconds 1] [--windows 25] [--connections 16] [--compression gzip]
"""
import argparse
import http.server
import os
import re
import shutil
import tempfile
import threading
import time
import urllib.request

import decisions_bench

BATCH_SPANS = 512  # fewer wait for more to come
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


class Collector(http.server.ThreadingHTTPServer):
    """Takes all and says so."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Exporting(decisions_bench.Server):
    """One that measures itself."""

    def cpu_us(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_US

    def window(self, options):
        """Processor time, decisions, seconds. What is still to be exported then belongs to it, and not to the next server's."""
        before = self.cpu_us()
        try:
            result = self.run(options.connections, options.seconds)
        except decisions_bench.Refused:  # the machine stood still, and the server turned some away
            return self.window(options)
        while self.counter("switchyard_otlp_queued_spans") >= BATCH_SPANS:
            time.sleep(0.02)
        return self.cpu_us() - before, result["answers"], result["seconds"]

    def counter(self, name):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": "Bearer " + self.key})
        found = re.search(rf"^{name} (\S+)$", urllib.request.urlopen(request).read().decode(), re.M)
        return float(found[1]) if found else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--windows", type=int, default=25)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--compression", default="none")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="switchyard-bench-", dir=".")
    servers, collector = {}, Collector()
    try:
        for title, ratio in (("off", None), ("off, again", None), ("every trace", "1"), ("a tenth", "0.1")):
            own = os.path.join(folder, title.replace(", ", "-").replace(" ", "-"))
            os.mkdir(own)
            arguments = [] if ratio is None else ["--otlp-endpoint", collector.url, "--trace-ratio", ratio]
            servers[title] = Exporting(options.build, own, *arguments,
                                       environment={"OTEL_BSP_MAX_QUEUE_SIZE": "50000", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
                                                    "OTEL_EXPORTER_OTLP_COMPRESSION": options.compression})
        for server in servers.values():
            server.window(options)  # warms up
        windows = [{title: server.window(options) for title, server in servers.items()} for _ in range(options.windows)]
        base = None
        for title, server in servers.items():
            cpu_us, decisions, seconds = (sum(window[title][i] for window in windows) for i in range(3))
            cost, rate = cpu_us / decisions, decisions / seconds
            base = base or (cost, rate)
            line = f"{title:<12} {cost:6.1f} us of processor a decision (x{cost / base[0]:.2f}), {rate:6.0f} decisions/s (x{rate / base[1]:.2f})"
            if not title.startswith("off"):
                exported, dropped = (server.counter(f"switchyard_otlp_{what}_spans_total") for what in ("exported", "dropped"))
                line += f"; {exported:.0f} spans exported, {dropped:.0f} dropped"
            print(line)
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
