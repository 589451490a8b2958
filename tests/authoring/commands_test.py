"""check, fmt and graph through the real binary: what they print, and their exit codes.

  commands_test.py --binary build/release/bin/switchyard [Class.test]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
OPTIONS = argparse.Namespace(binary="")
GOOD = "pipeline: shop/a@1.0.0\ninput: { schema: { type: object, required: [x], additionalProperties: false, properties: { x: { type: number } } } }\n" \
       "steps:\n  one: { set: { big: input.x > 1.0 } }\noutput: { big: one.big }\n"


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="switchyard-authoring-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def sy(self, *arguments, code=0, text=None):
        done = subprocess.run([OPTIONS.binary, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120,
                              cwd=self.root, env={"PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr


class Check(Commands):
    def test_a_folder_that_is_right(self):
        for example in sorted(EXAMPLES.iterdir()):
            if list(example.rglob("*.pipeline.yaml")):
                self.assertIn(" 0 mistakes", self.sy("check", example))

    def test_every_mistake_with_place_mend_reason_and_link(self):
        self.write("a.pipeline.yaml", GOOD.replace("input.x", "input.y"))
        self.write("b/b.pipeline.yaml", GOOD.replace("one.big }", "two.big }"))
        self.write("c.yaml", "a: [1\n")
        found = self.sy("check", code=1)
        for words in ("a.pipeline.yaml:4:28: error:", "b/b.pipeline.yaml:5:16: error:", "c.yaml:", "mend:", "see: docs/", "3 mistakes"):
            self.assertIn(words, found)

    def test_warnings_fail_only_a_strict_check(self):
        self.write("a.yaml", GOOD.replace("{ set: {", "{ when: 1 > 2, set: {").replace("{ big: one.big }", "{ big: has(one) }"))
        self.assertIn("why: ", self.sy("check"))
        self.assertIn("lint.constant_condition", self.sy("check", "--strict", code=1))
        self.assertNotIn("lint.constant_condition", self.sy("check", "--strict", "--no-lint"))

    def test_a_circle_of_pipelines_is_told_whole(self):
        circle = "pipeline: desk/{}@1.0.0\non: {{ event: desk.{} }}\nsteps:\n  tell:\n    emit:\n      event: desk.{}\noutput: {{ told: tell.id }}\n"
        self.write("answer.pipeline.yaml", circle.format("answer", "asked", "answered"))
        self.write("ask.pipeline.yaml", circle.format("ask", "answered", "asked"))
        found = self.sy("check", code=0)
        self.assertIn("answer.pipeline.yaml:6:14: warning: a run of 'desk/answer' leads to the next one, for ever: desk/answer emits "
                      "desk.answered, which starts desk/ask; desk/ask emits desk.asked, which starts desk/answer [lint.endless_circle]", found)
        self.assertIn("0 mistakes, 1 warning", found)
        self.sy("check", "--strict", code=1)

    def test_json_and_sarif(self):
        self.write("a.yaml", GOOD.replace("input.x", "input.y"))
        report = json.loads(self.sy("check", "--format", "json", code=1))
        self.assertEqual((report["errors"], report["findings"][0]["line"], report["findings"][0]["file"]), (1, 4, "a.yaml"))
        sarif = json.loads(self.sy("check", "--format", "sarif", code=1))
        result = sarif["runs"][0]["results"][0]
        self.assertEqual(result["locations"][0]["physicalLocation"]["region"]["startLine"], 4)
        self.assertEqual(sarif["version"], "2.1.0")

    def test_single_files_see_their_folder(self):
        good = self.write("deep/a.yaml", GOOD)
        bad = self.write("deep/b.yaml", GOOD.replace("shop/a", "shop/b").replace("input.x", "input.y"))
        self.assertIn("1 document: 0 mistakes", self.sy("check", good))
        self.assertIn("2 documents: 1 mistake,", self.sy("check", good, bad, code=1))

    def test_what_cannot_be_checked(self):
        self.sy("check", "nowhere", code=2)
        self.sy("check", "--format", "xml", code=2)
        self.assertIn("nothing_to_deploy", self.sy("check", code=1))

    def test_a_server_that_cannot_be_asked(self):
        self.write("a.yaml", GOOD.replace("{ set: { big: input.x > 1.0 } }", "{ rules: limits, facts: input }"))
        self.assertIn("--server", self.sy("check", code=1))
        self.sy("check", "--server", "http://127.0.0.1:9", "--api-key", "x", code=2)


class Fmt(Commands):
    def test_writes_only_what_differs_and_only_documents(self):
        path = self.write("a.yaml", GOOD.replace("pipeline: ", "pipeline:    "))
        self.write("b.yaml", GOOD)
        self.write("other.yaml", "some:   thing\n")
        self.assertEqual(self.sy("fmt", "--check", code=1), "a.yaml\n")
        self.assertIn("pipeline:    ", pathlib.Path(path).read_text())
        self.assertEqual(self.sy("fmt"), "a.yaml\n")
        self.assertEqual(pathlib.Path(path).read_text(), GOOD)
        self.assertEqual(self.sy("fmt", "--check"), "")
        self.assertEqual([p.name for p in sorted(self.root.iterdir())], ["a.yaml", "b.yaml", "other.yaml"])

    def test_standard_input(self):
        self.assertEqual(self.sy("fmt", "-", text="a:   1 # x\n"), "a: 1  # x\n")
        self.assertIn("document.syntax", self.sy("fmt", "-", text="a: [1", code=2))

    def test_what_cannot_be_formatted_stays(self):
        path = self.write("a.yaml", "? a\n: b\n")
        self.assertIn("format.unsupported", self.sy("fmt", path, code=2))
        self.assertEqual(pathlib.Path(path).read_text(), "? a\n: b\n")
        self.sy("fmt", "nowhere", code=2)
        self.sy("fmt", self.write("a.json", "{}"), code=2)


class Graph(Commands):
    def test_mermaid_and_svg(self):
        path = self.write("a.yaml", GOOD)
        self.assertTrue(self.sy("graph", path).startswith("flowchart TD\n"))
        self.sy("graph", "-o", "a.svg")
        root = xml.etree.ElementTree.fromstring((self.root / "a.svg").read_text())
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("one", "".join(root.itertext()))
        self.assertEqual(self.sy("graph", "--format", "svg"), (self.root / "a.svg").read_text())

    def test_one_of_several(self):
        self.write("a.yaml", GOOD)
        self.write("b.yaml", GOOD.replace("shop/a", "shop/b"))
        self.assertIn("shop/b@1.0.0", self.sy("graph", code=2))
        self.assertIn("flowchart", self.sy("graph", "--pipeline", "shop/b"))
        self.sy("graph", "--pipeline", "shop/c", code=2)

    def test_the_examples(self):
        for path in EXAMPLES.rglob("*.pipeline.yaml"):
            xml.etree.ElementTree.fromstring(self.sy("graph", path, "--format", "svg"))

    def test_a_pipeline_with_mistakes(self):
        self.assertIn("a.yaml:4:", self.sy("graph", self.write("a.yaml", GOOD.replace("input.x", "input.y")), code=2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    known, rest = parser.parse_known_args(namespace=OPTIONS)
    known.binary = str(pathlib.Path(known.binary).resolve())
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
