"""The door of the API through a real server: keys and what they may use, tokens, certificates, traces, codings, stops.

  door_test.py --binary build/release/bin/switchyard [Class.test]
"""
import concurrent.futures
import gzip
import http.client
import json
import pathlib
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "api"), str(TESTS / "clients")]
import harness  # noqa: E402
from harness import Server, send, until  # noqa: E402
from identities import Authority, Issuer, SigningKey  # noqa: E402
from upstream import Upstream  # noqa: E402

STATUS = "/api/v1/status"
DECISIONS = "/api/v1/decisions"


class Door(unittest.TestCase):
    """A server of a class's own, with a configuration of its own."""
    CONFIG = None
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="switchyard-door-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        options = list(cls.OPTIONS)
        config = cls.config()
        if config is not None:
            file = cls.folder / "gateway.yaml"
            file.write_text(config if isinstance(config, str) else json.dumps(config))
            options += ["--gateway", str(file)]
        cls.server = Server(*options)
        cls.addClassCleanup(cls.server.remove)

    @classmethod
    def config(cls):
        return cls.CONFIG

    def key(self, *options, role="developer", name="test"):
        """A new key's text, as the server knows it."""
        made = harness.run("keys", "create", "--data", self.server.data, "--name", name, "--role", role, *options)
        self.assertEqual(made.returncode, 0, made.stderr)
        text = made.stdout.strip()
        # The figures are not limited, so that asking for them uses nothing up.
        until(lambda: send(self.server, "GET", "/metrics", key=text).status != 401, "a new key is not known")
        return text

    def waiting(self):
        """The address of a decision that waits for a person."""
        deployed = send(self.server, "POST", "/api/v1/deployments", {"files": harness.Case.files_of(harness.PIPELINES), "message": "t"})
        self.assertEqual(deployed.status, 200, deployed.text)
        started = send(self.server, "POST", DECISIONS, {"pipeline": "api/opinion", "input": {"text": "?"}})
        self.assertEqual(started.status, 202, started.text)
        return started["href"]

    def ask(self, key, target=DECISIONS, status=200, code=None, **named):
        answer = send(self.server, "GET", target, key=key, **named)
        self.assertEqual(answer.status, status, answer.text)
        if code is not None:
            self.assertEqual(answer["code"], code, answer.text)
        return answer


class Limits(Door):
    CONFIG = """
limits:
  tenants: { small: { requests_per_minute: 3 } }
  operations: { get_event_graph: { requests_per_minute: 2 } }
"""

    def test_a_keys_requests_a_minute(self):
        key = self.key("--requests-per-minute", "5", "--tokens-per-minute", "1000")
        for left in (4, 3, 2, 1, 0):
            answer = self.ask(key)
            self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "5")
            self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], str(left))
            self.assertRegex(answer.headers["x-ratelimit-reset-requests"], r"^(\d+ms|[\d.]+s|\d+m\d+s)$")
            self.assertEqual(answer.headers["x-ratelimit-remaining-tokens"], "1000")
        over = self.ask(key, status=429, code="gateway.rate_limited")
        self.assertTrue(1 <= int(over.headers["Retry-After"]) <= 12, over.headers)
        self.assertTrue(0 < int(over.headers["retry-after-ms"]) <= 12000)
        self.ask("admin")
        metrics = self.ask("admin", "/metrics").text
        self.assertRegex(metrics, r'switchyard_gateway_refused_requests_total\{reason="limit"\} [1-9]')
        self.assertNotIn("x-ratelimit-limit-requests", self.ask("admin").headers)

    def test_metrics_and_health_are_not_limited(self):
        key = self.key("--requests-per-minute", "1")
        for _ in range(5):
            self.ask(key, "/metrics")
            self.ask(key, "/healthz")

    def test_a_tenants_requests_over_all_its_keys(self):
        first, second = self.key("--tenant", "small"), self.key("--tenant", "small")
        answers = [send(self.server, "GET", DECISIONS, key=key).status for key in (first, second, first, second)]
        self.assertEqual(answers, [200, 200, 200, 429])
        self.assertIn("tenant 'small'", self.ask(first, status=429)["detail"])

    def test_an_operations_requests_of_all_callers(self):
        answers = [send(self.server, "GET", "/api/v1/events/graph", key=key).status for key in ("vera", "dora", "axel")]
        self.assertEqual(answers, [200, 200, 429])

    def test_requests_at_once(self):
        waiting = self.waiting()
        key = self.key("--concurrent", "2")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            # Each is held until its time to wait is over, so that all six are there at once.
            answers = list(pool.map(lambda _: send(self.server, "GET", f"{waiting}?wait=5s", key=key), range(6)))
        statuses = sorted(answer.status for answer in answers)
        self.assertEqual(statuses, [200, 200, 429, 429, 429, 429], statuses)
        self.assertEqual({answer["code"] for answer in answers if answer.status == 429}, {"gateway.too_many_at_once"})
        self.ask(key)  # the places are free again


class ModelCalls(Door):
    """Through the surface of OpenAI's API, with a model on a server of the test's own."""
    CONFIG = "limits: { routes: { small: { requests_per_minute: 2 } } }"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = Upstream()
        cls.addClassCleanup(cls.upstream.stop)
        files = [{"path": "there.backend.yaml",
                  "content": f"backend: there@1.0.0\nprotocol: openai\nurl: {cls.upstream.url}\nclass: in_house\n"}]
        for name in ("helper", "small"):
            files.append({"path": f"{name}.model.yaml", "content": f"model: {name}@1.0.0\nbackend: there\nkind: chat\n"})
        deployed = send(cls.server, "POST", "/api/v1/deployments", {"files": files, "message": "test"})
        assert deployed.status == 200, deployed.text

    def chat(self, key, status=200, model="helper", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "say hello"}], "max_tokens": 100, **more}
        answer = send(self.server, "POST", "/v1/chat/completions", body, key=key)
        self.assertEqual(answer.status, status, answer.text)
        return answer

    def test_tokens_are_reserved_and_settled_with_what_was_used(self):
        key = self.key("--tokens-per-minute", "1000")
        answer = self.chat(key)
        self.assertEqual(answer.headers["x-ratelimit-limit-tokens"], "1000")
        used = answer["usage"]["total_tokens"]
        self.assertGreaterEqual(int(self.chat(key).headers["x-ratelimit-remaining-tokens"]), 1000 - 2 * used - 150)
        for _ in range(20):  # far more than were reserved at once would allow
            self.chat(key)

    def test_a_call_that_may_use_too_much_is_refused_before_it_goes_out(self):
        key = self.key("--tokens-per-minute", "1000")
        asked = len(self.upstream.asked)
        self.assertEqual(self.chat(key, 413, max_tokens=2000)["error"]["code"], "gateway.more_tokens_than_limit")
        self.assertEqual(len(self.upstream.asked), asked)

    def test_tokens_that_are_used_up_are_waited_for(self):
        key = self.key("--tokens-per-minute", "400")
        held = threading.Thread(target=self.chat, args=(key,), kwargs={"messages": [{"role": "user", "content": "hang 3"}], "max_tokens": 300})
        asked = len(self.upstream.asked)
        held.start()
        until(lambda: len(self.upstream.asked) > asked, "the first call never went out")
        over = self.chat(key, 429, max_tokens=300)
        self.assertEqual(over["error"]["type"], "rate_limit_error")
        self.assertGreaterEqual(int(over.headers["Retry-After"]), 1)
        held.join()

    def test_a_key_calls_only_what_it_may(self):
        key = self.key("--routes", "help*")
        self.chat(key)
        self.assertEqual(self.chat(key, 403, model="small")["error"]["code"], "gateway.route_not_allowed")

    def test_a_routes_limit_is_that_of_all_callers(self):
        self.chat("dora", model="small")
        self.chat("admin", model="small")
        self.chat("dora", 429, model="small")
        self.chat("dora")


class Keys(Door):
    def test_are_edited_shown_and_rotated_on_the_command_line(self):
        text = self.key()
        number = text.split("_")[1]

        def keys(*arguments, code=0):
            done = harness.run("keys", *arguments, "--data", self.server.data)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stdout + done.stderr

        keys("edit", number, "--requests-per-minute", "100", "--routes", "chat/*,embed", "--budget-per-day", "0.50",
             "--role", "viewer", "--priority", "low", "--expires", "1d")
        shown = keys("show", number)
        for line in ("requests a minute    100", "routes               chat/*, embed", "budget a day         0.5",
                     "roles                viewer", "priority             low", "state                valid"):
            self.assertIn(line, shown)
        until(lambda: "x-ratelimit-limit-requests" in send(self.server, "GET", DECISIONS, key=text).headers, "not heeded")
        self.assertEqual(send(self.server, "POST", DECISIONS, {}, key=text).status, 403)
        keys("edit", number, "--requests-per-minute", "0", "--expires", "never")
        self.assertIn("expires              never", keys("show", number))
        fresh = harness.run("keys", "rotate", number, "--grace", "1h", "--data", self.server.data).stdout.strip()
        self.assertNotEqual(fresh, text)
        until(lambda: send(self.server, "GET", DECISIONS, key=fresh).status == 200, "the new secret is not known")
        self.ask(text)
        last = harness.run("keys", "rotate", number, "--grace", "0", "--data", self.server.data).stdout.strip()
        until(lambda: send(self.server, "GET", DECISIONS, key=last).status == 200, "the new secret is not known")
        self.ask(fresh, status=401, code="gateway.key_replaced")
        self.ask(text, status=401, code="gateway.bad_key")
        keys("show", "nobody", code=2)
        keys("edit", number, "--budget-per-day", "lots", code=2)

    def test_are_made_and_changed_by_admins_alone(self):
        spec = {"name": "n", "roles": ["viewer"]}
        for key in ("vera", "dora", "olaf", "axel", "ann"):
            self.assertEqual(send(self.server, "POST", "/api/v1/keys", spec, key=key).status, 403)
        for wrong, code in (({"name": "n"}, "gateway.unknown_role"), ({**spec, "roles": ["king"]}, "gateway.unknown_role"),
                            ({**spec, "requests_per_minute": -1}, "gateway.bad_limit"),
                            ({**spec, "budget_per_day": 5}, "gateway.bad_budget"), ({**spec, "x": 1}, "request.unknown_member"),
                            ({**spec, "tenant": "No"}, "gateway.bad_tenant"), ({**spec, "routes": ["a b"]}, "gateway.bad_route"),
                            ({**spec, "expires_in": "soon"}, "request.bad_wait")):
            answer = send(self.server, "POST", "/api/v1/keys", wrong)
            self.assertEqual((answer.status, answer["code"]), (400, code), answer.text)
        made = send(self.server, "POST", "/api/v1/keys", {**spec, "tenant": "acme"})
        self.assertEqual(made.status, 201, made.text)
        self.ask(made["key"])  # at once, in this process
        self.assertEqual(send(self.server, "POST", f"/api/v1/keys/{made['id']}/revoke").status, 200)
        self.ask(made["key"], status=401, code="gateway.key_revoked")
        self.assertEqual(send(self.server, "PATCH", f"/api/v1/keys/{made['id']}", {"name": "x"})["code"], "gateway.key_revoked")
        self.assertEqual(send(self.server, "GET", "/api/v1/keys/none").status, 404)
        listed = send(self.server, "GET", "/api/v1/keys").text
        self.assertNotIn('"key":', listed)


class Tokens(Door):
    @classmethod
    def config(cls):
        cls.issuer = Issuer()
        cls.addClassCleanup(cls.issuer.stop)
        cls.keys = {name: SigningKey(cls.folder, name, name.lower()) for name in ("RS256", "ES256", "EdDSA")}
        cls.issuer.published = list(cls.keys.values())
        return {"issuers": [{"issuer": cls.issuer.url, "audience": "switchyard", "roles_claim": "realm.roles",
                             "roles": {"sy-devs": ["developer"], "sy-ops": ["operator"]}, "default_roles": ["viewer"],
                             "tenant_claim": "org", "limits": {"requests_per_minute": 1000}}]}

    def claims(self, **more):
        return self.issuer.claims(org="acme", **more)

    def test_are_taken_in_every_algorithm(self):
        for name, key in self.keys.items():
            with self.subTest(name):
                answer = self.ask(key.token(self.claims()))
                self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "1000")
        self.assertEqual(self.issuer.reads.get("/keys"), 1)

    def test_grant_what_their_claims_are_mapped_to(self):
        key = self.keys["ES256"]
        switch = {"action": "kill", "kind": "pipeline", "name": "none", "why": "test"}
        viewer, operator = key.token(self.claims()), key.token(self.claims(realm={"roles": ["sy-ops", "else"]}))
        self.assertEqual(send(self.server, "POST", "/api/v1/switches", switch, key=viewer).status, 403)
        self.assertNotEqual(send(self.server, "POST", "/api/v1/switches", switch, key=operator).status, 403)
        self.assertEqual(send(self.server, "GET", "/api/v1/keys", key=operator).status, 403)

    def test_are_refused_for_every_reason_there_is(self):
        key, now = self.keys["RS256"], int(time.time())
        good = key.token(self.claims())
        self.ask(good)
        for code, token in (
                ("gateway.token_expired", key.token(self.claims(exp=now - 120))),
                ("gateway.token_not_yet_valid", key.token(self.claims(nbf=now + 300))),
                ("gateway.token_not_yet_valid", key.token(self.claims(iat=now + 300))),
                ("gateway.wrong_audience", key.token(self.claims(aud=["other"]))),
                ("gateway.unknown_issuer", key.token(self.claims(iss="https://evil.example"))),
                ("gateway.bad_token", key.token(self.issuer.claims())),  # names no tenant
                ("gateway.bad_token", key.token(self.claims(), alg="none")),
                ("gateway.bad_token", key.token(self.claims(), alg="HS256")),
                ("gateway.bad_token", key.token(self.claims(), crit=["b64"])),
                ("gateway.bad_token", good[:-8] + "AAAAAAAA"),
                ("gateway.bad_token", good.rsplit(".", 1)[0] + ".")):
            with self.subTest(code):
                answer = self.ask(token, status=401, code=code)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])

    def test_keys_are_fetched_anew_but_not_for_everybody_who_asks(self):
        self.ask(self.keys["EdDSA"].token(self.claims()))
        before = self.issuer.reads["/keys"]
        forged = SigningKey(self.folder, "ES256", "forged")
        for number in range(5):
            self.ask(forged.token(self.claims(n=number)), status=401, code="gateway.unknown_token_key")
        self.assertLessEqual(self.issuer.reads["/keys"], before + 1)

    def test_api_keys_go_on_beside_them(self):
        self.ask("vera")
        self.ask("a.b.c", status=401, code="gateway.bad_token")


class TokensFromAFile(Door):
    @classmethod
    def config(cls):
        cls.signing = SigningKey(cls.folder, "ES256", "one")
        cls.file = cls.folder / "keys.jwks"
        cls.file.write_text(json.dumps({"keys": [cls.signing.jwk()]}))
        common = {"jwks_file": str(cls.file), "audience": ["switchyard"]}
        return {"issuers": [{"issuer": "ci", "default_roles": ["auditor"], **common},
                            {"issuer": "shop", "default_roles": ["developer"], "budget_per_day": 2, **common}]}

    def test_are_taken_without_any_server(self):
        claims = {"iss": "ci", "aud": "switchyard", "sub": "job", "exp": int(time.time()) + 60}
        self.ask(self.signing.token(claims))
        second = SigningKey(self.folder, "ES256", "two")
        self.file.write_text(json.dumps({"keys": [self.signing.jwk(), second.jwk()]}))
        self.ask(second.token(claims))  # the file is read again for a key that is not known


    def test_their_subjects_spend_what_their_issuer_lets_them(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        documents = {"b.backend.yaml": f"backend: paid@1.0.0\nprotocol: openai\nurl: {upstream.url}\n",
                     "m.model.yaml": "model: paid@1.0.0\nbackend: paid\nkind: chat\ncost: { per_call: 1, currency: EUR }\n"}
        deployed = send(self.server, "POST", "/api/v1/deployments",
                        {"files": [{"path": path, "content": text} for path, text in documents.items()], "message": "test"})
        self.assertEqual(deployed.status, 200, deployed.text)
        token = {name: self.signing.token({"iss": "shop", "aud": "switchyard", "sub": name, "exp": int(time.time()) + 60})
                 for name in ("ann", "ben")}
        chat = {"model": "paid", "messages": [{"role": "user", "content": "say yes"}]}
        for name, status in (("ann", 200), ("ann", 200), ("ann", 429), ("ben", 200)):
            answer = send(self.server, "POST", "/v1/chat/completions", chat, key=token[name])
            self.assertEqual(answer.status, status, answer.text)


class UnreachableIssuer(Door):
    CONFIG = {"issuers": [{"issuer": "http://127.0.0.1:9", "audience": "switchyard", "default_roles": ["viewer"]}]}

    def test_is_told_from_a_bad_token(self):
        signing = SigningKey(self.folder, "ES256", "k")
        claims = {"iss": "http://127.0.0.1:9", "aud": "switchyard", "sub": "a", "exp": int(time.time()) + 60}
        answer = self.ask(signing.token(claims), status=503, code="gateway.issuer_unreachable")
        self.assertIn("Retry-After", answer.headers)


class Certificates(unittest.TestCase):
    VERIFY = "optional"

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="switchyard-mtls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.authority, cls.stranger = Authority(cls.folder), Authority(cls.folder, "stranger")
        certificate, key = cls.authority.issue("server", "/CN=localhost", "IP:127.0.0.1")
        cls.edge = cls.authority.issue("edge", "/O=Acme/CN=edge-7", "DNS:edge-7.acme.example,URI:spiffe://acme/edge")
        cls.other = cls.authority.issue("other", "/O=Acme/CN=other", "DNS:other.acme.example")
        cls.foreign = cls.stranger.issue("foreign", "/O=Acme/CN=edge-7", "URI:spiffe://acme/edge")
        config = cls.folder / "gateway.yaml"
        config.write_text(f"""
client_certificates:
  ca_file: {cls.authority.certificate}
  verify: {cls.VERIFY}
  callers:
    - {{ name: edge, subject: "CN=edge-*,O=Acme", uri: "spiffe://acme/*", roles: [viewer], tenant: acme, limits: {{ requests_per_minute: 500 }} }}
""")
        cls.server = Server("--gateway", str(config), "--tls-certificate", str(certificate), "--tls-key", str(key))
        cls.addClassCleanup(cls.server.remove)

    def ask(self, files=None, key=None, target=DECISIONS, minimum=None, maximum=None):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if maximum is not None:
            context.minimum_version, context.maximum_version = minimum, maximum
        if files is not None:
            context.load_cert_chain(*map(str, files))
        connection = http.client.HTTPSConnection(self.server.host, self.server.port, timeout=60, context=context)
        try:
            connection.request("GET", target, headers={} if key is None else {"Authorization": "Bearer " + self.server.keys[key]})
            response = connection.getresponse()
            return harness.Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()


class OptionalCertificates(Certificates):
    def test_stand_for_the_callers_they_are_mapped_to(self):
        answer = self.ask(self.edge)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "500")
        self.assertEqual(self.ask(self.edge, target="/api/v1/keys").status, 403)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.assertEqual(self.ask(self.edge, minimum=version, maximum=version).status, 200)

    def test_that_no_rule_fits_open_nothing_by_themselves(self):
        answer = self.ask(self.other)
        self.assertEqual((answer.status, answer["code"]), (401, "gateway.unknown_certificate"))
        self.assertEqual(self.ask(self.other, key="vera").status, 200)

    def test_can_be_left_out(self):
        self.assertEqual(self.ask(target="/healthz").status, 200)
        self.assertEqual(self.ask()["code"], "gateway.no_key")
        self.assertEqual(self.ask(key="vera").status, 200)

    def test_of_another_authority_end_the_connection(self):
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            self.ask(self.foreign)

    def test_old_protocols_are_not_spoken(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.ask(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1)


class RequiredCertificates(Certificates):
    VERIFY = "required"

    def test_are_asked_of_everybody(self):
        self.assertEqual(self.ask(self.edge).status, 200)
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            self.ask(key="vera")


del Certificates  # has no tests of its own


class Traces(Door):
    PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def test_go_through_to_the_decision_and_to_what_it_calls(self):
        deployed = send(self.server, "POST", "/api/v1/deployments", {"files": harness.Case.files_of(harness.PIPELINES), "message": "t"})
        self.assertEqual(deployed.status, 200, deployed.text)
        answer = send(self.server, "POST", DECISIONS, {"pipeline": "api/score", "input": {"card": "a", "amount": 1, "country": "DE"}, "wait": "20s"},
                      headers={"traceparent": self.PARENT, "tracestate": "a=b"})
        self.assertEqual(answer.status, 200, answer.text)
        told = answer.headers["traceparent"]
        self.assertEqual(told[:36], self.PARENT[:36])
        self.assertNotEqual(told[36:52], self.PARENT[36:52])
        events = send(self.server, "GET", f"{DECISIONS}/{answer['id']}/history")["events"]
        self.assertEqual(events[0]["trace"], told)

    def test_begin_where_none_or_a_broken_one_came(self):
        for broken in (None, "00-xyz", self.PARENT.replace("0af", "0AF"), self.PARENT + "-more", self.PARENT.replace("00-", "ff-")):
            headers = {} if broken is None else {"traceparent": broken}
            told = send(self.server, "GET", "/healthz", headers=headers).headers["traceparent"]
            self.assertRegex(told, r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
            self.assertNotIn("0af7651916cd43dd", told)


class Codings(Door):
    def raw(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        try:
            connection.request(method, target, body=body, headers={"Authorization": "Bearer " + self.server.keys["admin"], **(headers or {})})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def test_answers_are_compressed_for_who_takes_it(self):
        _, plain, text = self.raw("GET", "/openapi.json")
        self.assertNotIn("Content-Encoding", plain)
        status, headers, packed = self.raw("GET", "/openapi.json", headers={"Accept-Encoding": "gzip, deflate"})
        self.assertEqual((status, headers["Content-Encoding"], headers["Vary"]), (200, "gzip", "Accept-Encoding"))
        self.assertEqual(gzip.decompress(packed), text)
        self.assertLess(len(packed), len(text) / 3)
        _, small, _ = self.raw("GET", "/healthz", headers={"Accept-Encoding": "gzip"})
        self.assertNotIn("Content-Encoding", small)

    def test_bodies_may_be_compressed_and_bombs_are_refused(self):
        body = json.dumps({"files": harness.Case.files_of(harness.PIPELINES), "dry_run": True}).encode()
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        status, _, answer = self.raw("POST", "/api/v1/deployments", gzip.compress(body), packed)
        self.assertEqual(status, 200, answer)
        bomb = gzip.compress(b" " * (64 << 20))
        self.assertLess(len(bomb), 100_000)
        status, _, answer = self.raw("POST", "/api/v1/deployments", bomb, packed)
        self.assertEqual((status, json.loads(answer)["code"]), (413, "http.body_unpacks_too_large"))
        status, _, answer = self.raw("POST", "/api/v1/deployments", body, packed)
        self.assertEqual((status, json.loads(answer)["code"]), (400, "http.bad_gzip"))
        status, headers, answer = self.raw("POST", "/api/v1/deployments", body, {**packed, "Content-Encoding": "br"})
        self.assertEqual((status, headers["Accept-Encoding"]), (415, "gzip"))


class Deadlines(Door):
    def test_that_are_over_are_refused_at_once(self):
        self.ask("vera", headers={"X-Request-Deadline-Ms": "60000"})
        self.ask("vera", headers={"grpc-timeout": "60S"})
        self.ask("vera", headers={"X-Request-Deadline-Ms": "0"}, status=504, code="gateway.deadline_unmeetable")
        self.ask("vera", headers={"X-Request-Deadline-Ms": "soon"}, status=400, code="gateway.bad_deadline")
        self.ask("vera", headers={"X-Switchyard-Priority": "urgent"}, status=400, code="gateway.bad_priority")


class Clients(Door):
    """Slow ones, and those that send too much."""

    def connect(self):
        return socket.create_connection((self.server.host, self.server.port), timeout=90)

    @staticmethod
    def answer_of(connection):
        data = b""
        while part := connection.recv(65536):
            data += part
            if b"\r\n\r\n" in data:
                break
        return data.decode(errors="replace")

    def test_that_send_bombs_of_headers_are_refused(self):
        for head in (b"".join(b"X-%d: y\r\n" % number for number in range(200)), b"X: " + b"y" * 40_000 + b"\r\n"):
            with self.connect() as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
                self.assertIn(" 431 ", self.answer_of(connection).split("\r\n")[0])
        with self.connect() as connection:  # never ending
            try:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
                for _ in range(400):
                    connection.sendall(b"X: " + b"y" * 1000 + b"\r\n")
            except ConnectionError:
                pass
            else:
                self.assertIn(" 431 ", self.answer_of(connection).split("\r\n")[0])

    def test_that_announce_too_much_are_refused_before_they_send_it(self):
        with self.connect() as connection:
            connection.sendall(b"POST /api/v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
            self.assertIn(" 413 ", self.answer_of(connection).split("\r\n")[0])

    def test_that_send_byte_by_byte_are_cut_off_and_hold_up_nobody(self):
        with self.connect() as slow:
            stop = threading.Event()

            def drip():
                try:
                    slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                    while not stop.is_set():
                        slow.sendall(b"y")
                        stop.wait(0.5)
                except OSError:
                    pass

            dripping = threading.Thread(target=drip)
            dripping.start()
            try:
                self.ask("vera")
                self.assertIn(" 408 ", self.answer_of(slow).split("\r\n")[0])
            finally:
                stop.set()
                dripping.join()


class Stopping(unittest.TestCase):
    def test_says_that_it_is_not_ready_before_it_takes_no_more(self):
        server = Server("--drain-delay", "3")
        self.addCleanup(server.remove)
        self.assertEqual(send(server, "GET", "/readyz", key=None).status, 200)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: send(server, "GET", "/readyz", key=None).status == 503, "it stays ready")
        self.assertEqual(send(server, "GET", DECISIONS, key="vera").status, 200)  # still served
        self.assertEqual(server.process.wait(timeout=60), 0)


class Configuration(unittest.TestCase):
    def test_that_is_wrong_is_told_whole_and_nothing_starts(self):
        folder = tempfile.mkdtemp(prefix="switchyard-door-")
        self.addCleanup(shutil.rmtree, folder, True)
        file = pathlib.Path(folder, "gateway.yaml")
        file.write_text("limits: { key: { request_per_minute: 5 } }\nadmission: { max_in_flight: -1 }\nissuer: []\n")
        done = harness.run("serve", "--data", folder + "/data", "--port", "0", "--gateway", str(file))
        self.assertEqual(done.returncode, 2, done.stderr)
        for part in ("gateway.yaml:1:", "did you mean 'requests_per_minute'", "gateway.yaml:2:", "did you mean 'issuers'"):
            self.assertIn(part, done.stderr)
        file.write_text("client_certificates: { ca_file: ca.pem }\n")
        done = harness.run("serve", "--data", folder + "/data", "--port", "0", "--gateway", str(file))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("server.certificates_need_tls", done.stderr)


if __name__ == "__main__":
    harness.main()
