"""The command line through the real binary: every command, its words, and its exit codes.

  cli_test.py --binary build/release/bin/switchyard [Class.test]
"""
import json
import pathlib
import shutil
import tempfile

import harness
from harness import Case, Service

DONE, FAILED, BAD_INPUT, NEGATIVE = 0, 1, 2, 3


class Cli(Case):
    def sy(self, *arguments, code=DONE, key="admin", text=None):
        """Runs a command against the server; gives what it printed (with an error: on standard error)."""
        done = harness.run(*arguments, text=text, environment={"SWITCHYARD_SERVER": self.server.url, "SWITCHYARD_API_KEY": self.server.keys.get(key, key),
                                                               "SWITCHYARD_DATA": self.server.data})
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("\x1b", done.stdout, "colours where there is no terminal")
        return done.stdout if code in (DONE, NEGATIVE) else done.stderr

    def json(self, *arguments, **named):
        return json.loads(self.sy(*arguments, "--json", **named))


class Decisions(Cli):
    def test_run_inspect_history_and_replay_tell_one_story(self):
        shown = json.loads(self.sy("run", "api/score", "--input", '{"card": "cli", "amount": 700, "country": "DE"}'))
        self.assertEqual(shown["output"]["fraud"], True)
        story = self.sy("inspect", shown["id"])
        for words in ("api/score@1.0.0", "completed", "asked by     developer", "facts", "triage", "input.amount  700.0", "Pinned to", "governance", "Output"):
            self.assertIn(words, story)
        self.assertEqual(self.json("inspect", shown["id"])["output"], shown["output"])
        self.assertIn("run_completed", self.sy("history", shown["id"]))
        self.assertIn("identical", self.sy("replay", shown["id"]))
        self.assertIn("0 different", self.sy("replay", "--all", "--pipeline", "api/score", "--since", "1h"))
        self.assertIn(shown["id"], self.sy("list", "--key", "cli", "--search", "country=DE", "--status", "completed", "--since", "10m"))
        self.assertEqual(self.sy("list", "--key", "nobody"), "no decisions\n")

    def test_input_comes_from_a_file_or_standard_input(self):
        value = {"card": "piped", "amount": 1, "country": "AT"}
        self.assertEqual(json.loads(self.sy("run", "api/score", "--input", "-", text=json.dumps(value)))["key"], "piped")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(dict(value, card="filed"), file)
            file.flush()
            self.assertEqual(json.loads(self.sy("run", "api/score", "--input", file.name))["key"], "filed")

    def test_an_idempotency_key_starts_once(self):
        command = ["run", "api/score", "--key", "cli-1", "--input", '{"card": "once", "amount": 1, "country": "AT"}']
        self.assertEqual(self.sy(*command), self.sy(*command))

    def test_attempts_and_errors_are_part_of_the_story(self):
        with Service(failures=1) as service:
            shown = json.loads(self.sy("run", "api/call", "--input", json.dumps({"url": service.url})))
        story = self.sy("inspect", shown["id"])
        for words in ("attempts  2", "status 503 [http.unexpected_status] in attempt 1, tried again", "status 200, took"):
            self.assertIn(words, story)

    def test_a_failed_decision_is_a_failure(self):
        with Service(failures=9) as service:
            harness_error = self.sy("run", "api/call", "--input", json.dumps({"url": service.url}), code=FAILED)
        self.assertEqual(harness_error, "")

    def test_a_counterfactual_shows_before_and_after(self):
        shown = json.loads(self.sy("run", "api/ruled", "--input", '{"amount": 150}'))
        self.assertIn("rules       api-limits", self.sy("inspect", shown["id"]))
        table = (harness.PIPELINES / "limits.rules.yaml").read_text().replace("@1.0.0", "@3.0.0-rc.1").replace(">= 100", ">= 1000")
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "limits.rules.yaml").write_text(table)
            self.sy("deploy", folder)
        other = self.sy("replay", shown["id"], "--with", "rules=api-limits@3.0.0-rc.1")
        for words in ("another outcome", "step limits", 'outcome: "check" → "fine"'):
            self.assertIn(words, other)
        many = self.sy("replay", "--all", "--pipeline", "api/ruled", "--with", "rules=api-limits@3.0.0-rc.1", "--since", "1h")
        self.assertIn("with another outcome", many)

    def test_a_counterfactual_of_something_unused_is_bad_input(self):
        shown = self.score("replayed")
        self.assertIn("replay.not_used", self.sy("replay", shown["id"], "--with", "model=fraud@1.0.0", code=BAD_INPUT))

    def test_signal_query_and_migrate(self):
        shown = json.loads(self.sy("run", "api/papers", "--wait", "1s", "--input", '{"name": "cli"}'))
        self.assertEqual(json.loads(self.sy("query", shown["id"], "stage")), "asked")
        self.assertIn("signal.unknown", self.sy("signal", shown["id"], "nothing", code=BAD_INPUT))
        self.sy("signal", shown["id"], "documents", "--payload", "{", code=BAD_INPUT)
        told = self.sy("signal", shown["id"], "documents", "--payload", "-", "--why", "mail", "--idempotency-key", "c1", text='{"files": 4}')
        self.assertIn("is waiting", told)
        self.assertEqual(json.loads(self.sy("query", shown["id"])), {"stage": "there", "share": 2})
        self.assertIn("signal_received", self.sy("history", shown["id"]))
        self.assertIn("0 of 0 decisions would go to api/papers@1.0.0",
                      self.sy("migrate", "api/papers", "--to", "1.0.0", "--why", "test", "--dry-run", "--key", "cli"))
        self.sy("migrate", "api/papers", "--to", "1.0.0", code=BAD_INPUT)
        self.assertIn("pipeline.unknown", self.sy("migrate", "api/papers", "--to", "7.0.0", "--why", "x", code=BAD_INPUT))

    def test_cancel_needs_a_reason(self):
        shown = json.loads(self.sy("run", "api/pause", "--wait", "1s", "--input", '{"pause": "3600s"}'))
        self.assertEqual(shown["status"], "waiting")
        self.sy("cancel", shown["id"], code=BAD_INPUT)
        self.assertIn(shown["id"], self.sy("cancel", shown["id"], "--why", "enough"))
        self.sy("cancel", shown["id"], "--why", "again", code=FAILED)


class Reviews(Cli):
    def test_a_review_from_the_queue_to_the_record(self):
        decision, review = self.ask("fine \x1b[31m?")
        self.assertIn(review, self.sy("review", "list", "--queue", "desk", "--limit", "500", key="ann"))
        self.assertIn("fine: boolean, required", self.sy("review", "show", review, key="ann"))
        self.sy("review", "claim", review, "--lease", "60", key="ann")
        self.sy("review", "claim", review, key="ben", code=FAILED)
        self.sy("review", "release", review, key="ann")
        self.sy("review", "claim", review, key="ben")
        self.assertIn("looks odd", self.sy("review", "comment", review, "looks odd", key="ben"))
        self.assertIn("leads", self.sy("review", "escalate", review, "--to", "leads", "--why", "hard", key="olaf"))
        self.sy("review", "reassign", review, "--to", "ann", key="olaf")
        self.sy("review", "claim", review, key="ann")
        self.sy("review", "answer", review, "fine=maybe", key="ann", code=BAD_INPUT)
        self.sy("review", "answer", review, "fine=true", "note=seen it", key="ann")
        story = self.sy("inspect", decision)
        for words in ("asked queue desk", "claimed by ann", "claimed by ben", "escalated to leads by olaf", "reassigned to ann", "answered by ann", '"note":"seen it"'):
            self.assertIn(words, story)

    def test_answers_may_be_json(self):
        _, review = self.ask()
        self.sy("review", "claim", review)
        self.sy("review", "answer", review, '{"fine": false}')

    def test_a_wrong_answer_is_bad_input(self):
        _, review = self.ask()
        self.sy("review", "claim", review)
        for answer in ("fine", "{", "=true", "colour=red"):
            self.sy("review", "answer", review, answer, code=BAD_INPUT)


class Letters(Cli):
    def test_dead_letters_come_in_pages_and_all_that_fit_are_settled(self):
        for _ in range(3):
            self.sy("events", "publish", "--type", "api.counted", '{"n": 1}')  # without the key that the agent wants
        undelivered = ("events", "dead-letters", "--code", "event.not_deliverable", "--since", "1h", "--limit", "2")
        first = self.json(*undelivered)
        second = self.json(*undelivered, "--cursor", first["next_cursor"])
        ids = [letter["id"] for letter in first["dead_letters"] + second["dead_letters"]]
        self.assertEqual(len(set(ids)), 3)
        self.assertNotIn("next_cursor", second)
        self.assertIn("more: --cursor " + first["next_cursor"], self.sy(*undelivered))
        self.assertIn("next_cursor", self.sy(*undelivered, "--cursor", "the-second", code=BAD_INPUT))
        self.assertIn("3 discarded", self.sy("events", "replay", "--all", "--discard", "--code", "event.not_deliverable"))
        self.assertIn("no dead letters", self.sy(*undelivered))


class Operators(Cli):
    def test_overviews(self):
        self.assertIn("api/score", self.sy("artefacts", "--kind", "pipeline"))
        self.assertIn("no model is deployed", self.sy("models"))
        self.assertIn("deployed", self.sy("governance", "history", "--limit", "5"))
        self.assertIn("ready", self.sy("status"))
        self.assertEqual(len(self.json("status")["partitions"]), 4)

    def test_kill_and_revive(self):
        self.sy("kill", "pipeline", "api/pause", code=BAD_INPUT)
        self.sy("kill", "pipeline", "api/pause", "--why", "test")
        try:
            self.assertIn("test", self.sy("switches"))
            self.assertIn("governance.killed", self.sy("run", "api/pause", "--input", '{"pause": "1s"}', code=FAILED))
        finally:
            self.sy("revive", "pipeline", "api/pause", "--why", "over")
        self.assertIn("nothing is switched off", self.sy("switches"))
        self.sy("activate", "pipeline", "api/pause@1.0.0", "--why", "the same")

    def test_retention_is_shown_applied_and_held_against(self):
        self.assertIn("no retention policy is in force", self.sy("retention", "status"))
        self.sy("retention", "hold", "case-1", "--why", "a test", code=BAD_INPUT)
        self.sy("retention", "hold", "case-1", "--pipeline", "api/none", code=BAD_INPUT)
        self.assertIn("held: case-1", self.sy("retention", "hold", "case-1", "--why", "a test", "--search", "card=c-1"))
        self.assertIn("a test", self.sy("retention", "status"))
        self.assertIn("to be deleted 0", self.sy("retention", "apply", "--dry-run"))
        self.assertIn("archived", self.sy("retention", "apply"))
        self.assertIn("released: case-1", self.sy("retention", "release", "case-1", "--why", "over"))
        self.sy("retention", "release", "case-1", "--why", "over", code=BAD_INPUT)
        self.assertIn("nothing is held", self.sy("retention", "status"))

    def test_deploy_shows_what_it_does(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "p.pipeline.yaml")
            file.write_text("pipeline: cli/p@1.0.0\nsteps: { a: { set: { x: 1 } } }\noutput: a.x\n")
            self.assertIn("would be deployed (dry run)", self.sy("deploy", folder, "--dry-run"))
            self.assertIn("+ pipeline cli/p@1.0.0", self.sy("deploy", folder, "-m", "first"))
            self.assertIn("nothing to do", self.sy("deploy", folder))
            file.write_text("pipeline: cli/p@1.1.0\nsteps: { a: { set: { x: y } } }\noutput: a.x\n")
            self.assertIn("p.pipeline.yaml:2:", self.sy("deploy", folder, code=BAD_INPUT))
        self.sy("deploy", "/no/such/folder", code=BAD_INPUT)

    def test_keys(self):
        made = self.sy("keys", "create", "--name", "till", "--role", "developer,reviewer", "--expires", "90d").strip()
        self.assertRegex(made, "^sy_[A-Za-z0-9]{10}_[A-Za-z0-9]+$")
        self.sy("keys", "create", "--name", "shop", "--role", "developer", "--tenant", "acme")
        self.sy("keys", "create", "--name", "shop", "--role", "developer", "--tenant", "Not A Name", code=BAD_INPUT)
        listed = self.sy("keys", "list")
        self.assertIn("acme", listed)
        self.assertIn("developer,reviewer", listed)
        self.assertNotIn(made, listed)
        self.sy("keys", "revoke", made.split("_")[1])
        self.assertIn("revoked", self.sy("keys", "list"))
        self.sy("keys", "revoke", "nosuchkey0", code=BAD_INPUT)
        self.sy("keys", "create", "--name", "x", "--role", "emperor", code=BAD_INPUT)
        self.sy("keys", "create", "--name", "x", "--role", "viewer", "--expires", "soon", code=BAD_INPUT)
        self.assertIn("--data", self.sy("keys", "list", "--data", "/no/such", code=BAD_INPUT))


class ExitCodes(Cli):
    def test_bad_input_is_two(self):
        for command in ([], ["fly"], ["run"], ["run", "api/score", "--colour", "red"], ["run", "api/score", "--input", "nonsense"],
                        ["run", "no/such"], ["run", "api/score", "--input", "{}"], ["inspect", "no-id"], ["list", "--status", "odd"],
                        ["list", "--search", "country"], ["list", "--limit", "0"], ["replay"], ["replay", "--all"], ["replay", "x", "--since", "1h"],
                        ["review"], ["log"], ["log", "check", "--data", "/no/such"], ["log", "repair"], ["governance"]):
            with self.subTest(command):
                self.sy(*command, code=BAD_INPUT)

    def test_help_and_version_are_zero(self):
        self.assertIn("inspect", self.sy("--help"))
        self.assertEqual(self.sy("--version").strip(), self.description.document["info"]["version"])

    def test_no_server_and_no_key_are_failures_that_say_what_to_do(self):
        self.assertIn("switchyard dev", self.sy("status", "--server", "http://127.0.0.1:1", code=FAILED))
        self.assertIn("gateway.bad_key", self.sy("status", key="nonsense", code=FAILED))

    def test_a_second_server_on_the_data_folder_names_the_first(self):
        error = self.sy("serve", "--data", self.server.data, "--port", "0", code=FAILED)
        self.assertIn(str(self.server.process.pid), error)
        self.assertIn(self.server.data, error)
        self.sy("status")


class Logs(Cli):
    """On a copy of the data folder of a server that was stopped."""

    def setUp(self):
        self.score("logged")
        self.server.stop()
        self.copy = tempfile.mkdtemp(prefix="switchyard-log-")
        shutil.copytree(self.server.data, self.copy, dirs_exist_ok=True)
        self.server.start()
        self.addCleanup(shutil.rmtree, self.copy)

    def partition_with_records(self):
        for folder in sorted(pathlib.Path(self.copy, "log").glob("partition-0000?")):
            partition = int(folder.name[-5:])
            segment = next(folder.glob("*.log"))
            if segment.read_bytes().find(b"api/score") > 0:
                return partition, segment
        raise AssertionError("no partition has a record")

    def test_a_sound_log_is_said_to_be_sound(self):
        shown = self.sy("log", "check", "--data", self.copy)
        self.assertEqual(shown.count("  ok  "), 5, shown)
        self.assertIn("governance", shown)
        self.assertIn("partition 2", self.sy("log", "check", "--data", self.copy, "--partition", "2"))

    def test_damage_is_found_named_and_cut_off(self):
        partition, segment = self.partition_with_records()
        content = bytearray(segment.read_bytes())
        content[content.find(b"api/score") + 2] ^= 0x40
        segment.write_bytes(content)
        check = ["log", "check", "--data", self.copy, "--partition", str(partition)]
        shown = self.sy(*check, code=NEGATIVE)
        self.assertIn(str(segment), shown)
        offset = shown.split("--truncate-at ")[1].split()[0]
        repair = ["log", "repair", "--data", self.copy, "--partition", str(partition)]
        self.sy(*repair, "--truncate-at", str(int(offset) + 3), code=BAD_INPUT)
        mended = self.sy(*repair, "--truncate-at", offset)
        # The damaged record is its batch's first: the log ends where the batch began.
        self.assertLessEqual(int(mended.split("now ends at offset ")[1].split(";")[0]), int(offset))
        state = pathlib.Path(self.copy, "state", f"partition-{partition}")
        self.assertIn(f"rm -r {state}", mended)
        backup = mended.split("is kept in ")[1].splitlines()[0]
        self.assertTrue(any(pathlib.Path(backup).iterdir()))
        self.assertIn("  ok  ", self.sy(*check))
        error = self.sy("serve", "--data", self.copy, "--port", "0", code=FAILED)
        self.assertIn("partition.state_ahead", error)

    def test_a_log_in_use_is_not_repaired(self):
        error = self.sy("log", "repair", "--data", self.server.data, "--partition", "0", "--truncate-at", "128", code=FAILED)
        self.assertIn(str(self.server.process.pid), error)


if __name__ == "__main__":
    harness.main()
