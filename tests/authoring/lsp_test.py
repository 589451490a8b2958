"""The language server through the real binary: a client on its standard input and output.

  lsp_test.py --binary build/release/bin/switchyard [Class.test]
"""
import argparse
import json
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import unittest

OPTIONS = argparse.Namespace(binary="")
SCHEMA = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}, "note": {"type": "string"}}}
RULES = "rules: limits@1.0.0\nfacts: { schema: ./payment.schema.json }\nhit: first\noutputs: { outcome: { type: string } }\n" \
        "default: { outcome: \"'check'\" }\nrows:\n  - { id: big, when: facts.amount > 100.0, then: { outcome: \"'stop'\" } }\n"
PIPELINE = "pipeline: shop/payment@1.0.0\ninput: { schema: ./payment.schema.json }\nsteps:\n  limits: { rules: limits, facts: input }\n" \
           "  facts: { set: { stop: limits.outcome == 'stop' } }\noutput: { stop: facts.stop }\n"


class Client:
    """What an editor does: sends, and sorts what comes into answers and notices."""

    def __init__(self, root):
        self.process = subprocess.Popen([OPTIONS.binary, "lsp", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.messages = queue.Queue()
        self.diagnostics = {}
        self.next_id = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.capabilities = self.request("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})["capabilities"]
        self.notify("initialized", {})

    def read(self):
        out = self.process.stdout
        while True:
            length = None
            while (line := out.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("ascii").partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            if length is None:
                self.messages.put(None)
                return
            self.messages.put(json.loads(out.read(length)))

    def send_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        content = json.dumps(dict({"jsonrpc": "2.0"}, **message)).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(content) + content)

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def receive(self):
        message = self.messages.get(timeout=60)
        if message is None:
            raise AssertionError("the server closed its output")
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def answer(self, wanted):
        while True:
            message = self.receive()
            if "method" not in message and message.get("id") == wanted:
                return message

    def raw_request(self, method, params):
        self.next_id += 1
        self.send({"id": self.next_id, "method": method, "params": params})
        return self.answer(self.next_id)

    def request(self, method, params):
        answer = self.raw_request(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, uri, text):
        self.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})

    def settle(self):
        """Everything sent so far is answered: diagnostics included."""
        self.raw_request("nothing/at-all", {})

    def stop(self):
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(timeout=60)


class Lsp(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="switchyard lsp \u00e4 ")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        (self.root / "payment.schema.json").write_text(json.dumps(SCHEMA))
        (self.root / "limits.rules.yaml").write_text(RULES)
        (self.root / "payment.pipeline.yaml").write_text(PIPELINE)
        self.uri = (self.root / "payment.pipeline.yaml").as_uri()
        self.client = Client(self.root)
        self.addCleanup(self.close)

    def close(self):
        if self.client.process.poll() is None:
            self.client.process.kill()
        self.client.process.wait(timeout=60)
        self.client.process.stdin.close()
        self.client.process.stdout.close()

    def ask(self, method, text, mark="|"):
        """Opens the text without its mark and asks at its place."""
        before, _, after = text.partition(mark)
        self.client.open(self.uri, before + after)
        line = before.count("\n")
        column = len(before.rsplit("\n", 1)[-1].encode("utf-16-le")) // 2
        return self.client.request(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, "position": {"line": line, "character": column}})

    def test_a_session_from_beginning_to_end(self):
        self.assertEqual(self.client.capabilities["positionEncoding"], "utf-16")
        self.client.open(self.uri, PIPELINE)
        self.client.settle()
        self.assertEqual(self.client.diagnostics[self.uri], [])
        self.assertEqual(self.client.stop(), 0)

    def test_diagnostics_follow_the_text(self):
        self.client.open(self.uri, PIPELINE.replace("limits.outcome", "limits.outcom"))
        self.client.settle()
        found = self.client.diagnostics[self.uri]
        self.assertEqual([d["code"] for d in found if d["severity"] == 1], ["expression.no_such_field"])
        self.assertEqual(found[0]["range"]["start"], {"line": 4, "character": 31})
        self.assertIn("mend: ", found[0]["message"])
        self.client.notify("textDocument/didChange", {"textDocument": {"uri": self.uri, "version": 2}, "contentChanges": [{"text": PIPELINE}]})
        self.client.settle()
        self.assertEqual(self.client.diagnostics[self.uri], [])

    def test_columns_count_utf16(self):
        self.client.open(self.uri, PIPELINE.replace("limits.outcome == 'stop'", "\"'\U0001F600' == limits.outcom\""))
        self.client.settle()
        self.assertEqual(self.client.diagnostics[self.uri][0]["range"]["start"]["character"], 40)

    def test_other_files_are_followed(self):
        self.client.open(self.uri, PIPELINE)
        (self.root / "limits.rules.yaml").write_text(RULES.replace("outcome", "result"))
        self.client.notify("workspace/didChangeWatchedFiles", {"changes": []})
        self.client.settle()
        self.assertEqual([d["code"] for d in self.client.diagnostics[self.uri]], ["expression.no_such_field"])

    def test_completion(self):
        entries = self.ask("completion", PIPELINE.replace("output:", "  new:\n    |\noutput:"))["items"]
        self.assertTrue({"model", "review", "when", "after"} <= {item["label"] for item in entries})
        fields = self.ask("completion", PIPELINE.replace("facts: input", "facts: input.|"))["items"]
        self.assertEqual({item["label"]: item["detail"] for item in fields if item["kind"] == 5}, {"amount": "double", "note": "string, may be absent"})
        names = self.ask("completion", PIPELINE.replace("stop: facts.stop", "stop: |"))["items"]
        self.assertTrue({"input", "run", "limits", "facts"} <= {item["label"] for item in names if item["kind"] == 6})

    def test_hover_definition_symbols_and_formatting(self):
        self.assertIn("facts.stop: bool", self.ask("hover", PIPELINE.replace("facts.stop", "facts.st|op"))["contents"]["value"])
        self.assertEqual(self.ask("definition", PIPELINE.replace("rules: limits", "rules: lim|its"))["uri"], (self.root / "limits.rules.yaml").as_uri())
        self.assertEqual(self.ask("definition", PIPELINE.replace("facts.stop", "fa|cts.stop"))["range"]["start"], {"line": 4, "character": 2})
        document = {"textDocument": {"uri": self.uri}}
        tree = self.client.request("textDocument/documentSymbol", document)
        self.assertEqual([child["name"] for child in tree[0]["children"]], ["limits", "facts"])
        self.client.open(self.uri, PIPELINE.replace("pipeline: ", "pipeline:   "))
        edits = self.client.request("textDocument/formatting", dict(document, options={"tabSize": 2, "insertSpaces": True}))
        self.assertEqual(edits[0]["newText"], PIPELINE)

    def test_bad_input_is_answered_and_survived(self):
        for data in (b"Content-Length: 1\r\n\r\n{", b"Content-Length: x\r\n\r\n", b"hello\r\n\r\n", b"Content-Length: 4\r\n\r\nnull",
                     b"Content-Length: 2\r\n\r\n\xff\xfe", b"Content-Length: 99999999\r\n\r\n" + b" " * 99999999):
            self.client.send_bytes(data)
            self.assertIn(self.client.receive()["error"]["code"], (-32700, -32600), data[:40])
        for params in ({}, [], None, {"textDocument": 1}, {"textDocument": {"uri": self.uri}, "position": {"line": 1e30, "character": 0}}):
            self.assertEqual(self.client.raw_request("textDocument/hover", params)["error"]["code"], -32602, params)
        self.client.notify("textDocument/didChange", {"textDocument": {"uri": "file:///not-open"}, "contentChanges": []})
        for text in ("", "\0", ": : :", "pipeline: [", "- - - {", "\ufeff", "pipeline: a@1.0.0\nsteps: 5\noutput: []\n", "a: &a [*a]"):
            self.client.open(self.uri, text)
            for method in ("completion", "hover", "definition"):
                self.client.raw_request(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, "position": {"line": 0, "character": 3}})
        self.assertEqual(self.client.stop(), 0)

    def test_a_closed_stream_ends_the_server(self):
        self.client.process.stdin.close()
        self.assertEqual(self.client.process.wait(timeout=60), 1)

    def test_exit_without_shutdown_is_a_failure(self):
        self.client.notify("exit", None)
        self.assertEqual(self.client.process.wait(timeout=60), 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    known, rest = parser.parse_known_args(namespace=OPTIONS)
    known.binary = str(pathlib.Path(known.binary).resolve())
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
