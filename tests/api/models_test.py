"""Models of the server's own process and on other machines, as operators see them: warmed with recorded inputs, and listed with what
stands before them.

  models_test.py --binary build/release/bin/switchyard [Class.test]
"""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
import harness  # noqa: E402
from harness import SOURCE, Case, run, send  # noqa: E402
from upstream import Upstream  # noqa: E402

EXAMPLE = SOURCE / "examples/card-fraud/models"
INPUTS = [dict({f"V{i}": i * scale for i in range(1, 29)}, amount=12.5) for scale in (0.01, -0.02, 0.3)]


class Operators(Case):
    """What both kinds of models need."""

    def cli(self, *arguments, code=0):
        done = run(*arguments, environment={"SWITCHYARD_SERVER": self.server.url, "SWITCHYARD_API_KEY": self.server.keys["admin"]})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def listed(self, name):
        return next((model for model in self.call("list_models")["models"] if f"{model['name']}@{model['version']}" == name), None)


class InTheProcess(Operators):
    def deploy_light(self, version, more, files=None, code=0):
        """fraud-light under another name and with more in its manifest, through the command line; gives what that printed."""
        manifest = (EXAMPLE / "fraud-light.model.yaml").read_text().replace("fraud-light@1.0.0", f"light@{version}").replace("warmup: 2\n", more)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "light.model.yaml").write_text(manifest)
            shutil.copy(EXAMPLE / "fraud-light.onnx", folder)
            for name, value in (files or {}).items():
                pathlib.Path(folder, name).write_text(json.dumps(value))
            return self.cli("deploy", folder, code=code)

    def test_a_model_is_warmed_with_what_was_recorded_and_again_after_a_crash(self):
        self.deploy_light("1.0.0", "instances: 3\nthreads: { intra_op: 2 }\nwarmup: { runs: 2, inputs: light.warmup.json }\n",
                          {"light.warmup.json": INPUTS})
        for crash in (False, True):
            if crash:
                self.server.crash()
            light = self.listed("light@1.0.0")
            self.assertEqual((light["instances"], light["warm_ups"]), (3, 3 + 3 * 6 * 2), "each input, then six buckets of three sessions twice")
            self.assertGreater(light["warm_up_ms"], 0)
            self.assertLess(light["warm_up_ms"], light["load_ms"])
        metrics = send(self.server, "GET", "/metrics").text
        for name in ("switchyard_model_warm_ups_total", "switchyard_model_warm_up_seconds_total"):
            value = next(line.split()[-1] for line in metrics.splitlines() if line.startswith(name))
            self.assertGreater(float(value), 0, name)

    def test_a_version_that_cannot_answer_what_was_recorded_is_not_deployed(self):
        broken = self.deploy_light("2.0.0", "warmup: { inputs: light.warmup.json }\n", {"light.warmup.json": INPUTS + [{"V1": 1}]}, code=2)
        self.assertIn("recorded input 3", broken)
        self.assertIn("[models.bad_warm_up]", broken)
        self.assertIn("there is no file light.warmup.json", self.deploy_light("2.0.0", "warmup: { inputs: light.warmup.json }\n", code=2))
        self.assertIsNone(self.listed("light@2.0.0"))

    def test_the_recorded_inputs_are_part_of_the_version(self):
        text = "warmup: { inputs: light.warmup.json }\n"
        self.deploy_light("3.0.0", text, {"light.warmup.json": INPUTS})
        self.assertIn("0 new versions", self.deploy_light("3.0.0", text, {"light.warmup.json": INPUTS}))
        self.assertIn("versions are immutable", self.deploy_light("3.0.0", text, {"light.warmup.json": INPUTS[:1]}, code=2))

    def test_what_was_asked_before_warms_the_next_version(self):
        self.deploy_light("4.0.0", "")
        tensor = self.listed("light@4.0.0")["inputs"][0]["name"]
        rows = [[*one.values()] for one in INPUTS[:2]]
        asked = send(self.server, "POST", "/v2/models/light/infer",
                     {"inputs": [{"name": tensor, "datatype": "FP32", "shape": [2, 29], "data": sum(rows, [])}]})
        self.assertEqual(asked.status, 200, asked.text)
        decision = self.call("list_decisions", query={"pipeline": "calls/light", "limit": 1})["decisions"][0]
        recorded = self.call("get_decision_record", path={"id": decision["id"]})["input"]
        self.deploy_light("4.1.0", "warmup: { inputs: light.warmup.json }\n", {"light.warmup.json": [recorded]})
        self.assertEqual(self.listed("light@4.1.0")["warm_ups"], 2 + 6, "both rows, then six buckets")

    def test_what_decisions_asked_a_model_is_written_for_its_next_version(self):
        self.deploy_light("5.0.0", "")
        pipeline = ("pipeline: warm/score@1.0.0\ninput: { schema: { type: object, required: [x, mail], properties: { x: { type: number }, "
                    "mail: { type: string } } } }\nsteps:\n  score: { model: light, input: { "
                    + ", ".join(f"V{i}: input.x * {i}.0" for i in range(1, 29)) + ", amount: 12.5 } }\n"
                    "  other: { set: { mail: input.mail } }\noutput: { score: score.score, mail: other.mail }\n")
        self.call("deploy", {"files": [{"path": "p.pipeline.yaml", "content": pipeline}], "message": "test"})
        for x in (1.0, 2.0, 2.0, 3.0):
            self.call("start_decision", {"pipeline": "warm/score", "input": {"x": x, "mail": "a@b.example"}, "wait": "30s"})
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "light.warmup.json")
            said = self.cli("warmup", "light", "--pipeline", "warm/score", "--limit", "2", "--output", path)
            self.assertIn("2 inputs of light from", said)
            self.assertIn("--privacy", said, "says that nothing was masked")
            inputs = json.loads(path.read_text())
            self.assertEqual([(one["V1"], one["V2"], one["amount"]) for one in inputs], [(3.0, 6.0, 12.5), (2.0, 4.0, 12.5)])
            self.deploy_light("5.1.0", "warmup: { inputs: light.warmup.json }\n", {"light.warmup.json": inputs})
            self.assertEqual(self.listed("light@5.1.0")["warm_ups"], 2 + 6, "both inputs, then six buckets")
            # Of one version only; and what a policy removes does not get into the file.
            self.assertIn("cli.nothing_recorded", self.cli("warmup", "light@5.1.0", "--pipeline", "warm/score", code=2))
            policy = pathlib.Path(folder, "p.privacy.yaml")
            policy.write_text("privacy: house@1.0.0\nfields: { V2: drop, amount: mask }\n")
            said = self.cli("warmup", "light@5.0.0", "--pipeline", "warm/score", "--privacy", policy, "--output", path)
            masked = json.loads(path.read_text())
            self.assertEqual(len(masked), 3)
            self.assertNotIn("V2", masked[0])
            self.assertEqual(masked[0]["amount"], "**.*")
            self.assertNotIn("--privacy", said)
            policy.write_text("privacy: house@1.0.0\ndetect: { email: shred }\n")
            self.assertIn("shred", self.cli("warmup", "light", "--privacy", policy, code=2))

    def test_a_model_that_nobody_asked_has_no_inputs_to_write(self):
        self.deploy_light("6.0.0", "")
        self.assertIn("cli.nothing_recorded", self.cli("warmup", "nobody-asked-it", code=2))
        self.assertIn("--limit", self.cli("warmup", "light", "--limit", "0", code=2))


class Elsewhere(Operators):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good, cls.bad = Upstream("good"), Upstream("bad")
        cls.bad.fail_next += [503] * 1000

    @classmethod
    def tearDownClass(cls):
        cls.good.stop()
        cls.bad.stop()

    def deploy_documents(self, **documents):
        files = [{"path": name.replace("_", ".") + ".yaml", "content": text} for name, text in documents.items()]
        self.call("deploy", {"files": files, "message": "test"})

    def ask(self, model, times):
        for _ in range(times):
            send(self.server, "POST", "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "say hello"}]})

    def test_replicas_and_breakers_are_shown_as_they_stand(self):
        self.deploy_documents(
            pair_backend=f"backend: pair@1.0.0\nprotocol: openai\nurls: [{self.bad.url}, {self.good.url}]\n"
                         "class: vendor\nvendor: acme\nprivacy: none\nejection: { failures: 2, for_ms: 600000 }\n",
            chat_model="model: far-chat@1.0.0\nbackend: pair\nkind: chat\n",
            chat_route="route: talk@1.0.0\ncandidates: { main: far-chat@1.0.0 }\nretry: { attempts: 1 }\n"
                       "breaker: { min_calls: 3, failure_rate: 1%, open_for: 600s }\n")
        chat = self.listed("far-chat@1.0.0")
        self.assertEqual((chat["state"], chat["current"], chat["disabled"], chat["kind"]), ("ready", True, False, "chat"))
        self.assertEqual(chat["backend"], {"name": "pair", "version": "1.0.0", "protocol": "openai", "class": "vendor", "vendor": "acme", "replicas": [
            {"url": url, "under_way": 0, "ejected": False} for url in (self.bad.url, self.good.url)]})
        self.assertEqual(chat["breakers"], [{"route": "talk", "candidate": "main", "breaker": "closed"}])
        self.ask("talk", 20)
        self.ask("far-chat", 20)
        chat = self.listed("far-chat@1.0.0")
        self.assertEqual([replica["ejected"] for replica in chat["backend"]["replicas"]], [True, False])
        self.assertEqual(chat["breakers"][0]["breaker"], "open")
        shown = self.cli("models")
        for words in ("far-chat@1.0.0", "openai pair@1.0.0", "2, 1 ejected", "open in talk"):
            self.assertIn(words, shown)

    def test_a_switch_is_seen_on_every_model_it_stops(self):
        self.deploy_documents(alone_backend=f"backend: alone@1.0.0\nprotocol: openai\nurl: {self.good.url}\nvendor: initech\n",
                              alone_model="model: far-alone@1.0.0\nbackend: alone\nkind: embeddings\n")
        for kind, name in (("model", "far-alone"), ("backend", "alone"), ("backend", "vendor/initech")):
            self.assertFalse(self.listed("far-alone@1.0.0")["disabled"], name)
            self.cli("kill", kind, name, "--why", "drill")
            self.assertTrue(self.listed("far-alone@1.0.0")["disabled"], name)
            self.cli("revive", kind, name, "--why", "over")

    def test_a_model_that_cannot_be_called_says_why(self):
        with tempfile.NamedTemporaryFile("w", suffix=".secret") as secret:
            secret.write("hush")
            secret.flush()
            self.deploy_documents(locked_backend=f"backend: locked@1.0.0\nprotocol: openai\nurl: {self.good.url}\n"
                                                 f"auth: {{ bearer: {{ file: {secret.name} }} }}\n",
                                  locked_model="model: far-locked@1.0.0\nbackend: locked\nkind: chat\n")
            self.assertEqual(self.listed("far-locked@1.0.0")["state"], "ready")
        self.server.crash()
        locked = self.listed("far-locked@1.0.0")
        self.assertEqual(locked["state"], "unusable")
        self.assertIn(".secret", locked["why"])


if __name__ == "__main__":
    harness.main()
