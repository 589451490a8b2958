"""What issuers of tokens and of certificates do, with the openssl command line alone."""
import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """A private key of RS256, ES256 or EdDSA."""
    MAKE = {"RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "EdDSA": ["-algorithm", "ED25519"]}

    def __init__(self, folder, algorithm, key_id):
        self.algorithm, self.key_id = algorithm, key_id
        self.file = pathlib.Path(folder, f"{key_id}.pem")
        openssl("genpkey", *self.MAKE[algorithm], "-out", self.file)

    def jwk(self):
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")
        facts = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().split("=")[1]
            return dict(facts, kty="RSA", n=base64url(bytes.fromhex(modulus)), e="AQAB")
        if self.algorithm == "ES256":
            return dict(facts, kty="EC", crv="P-256", x=base64url(public[-64:-32]), y=base64url(public[-32:]))
        return dict(facts, kty="OKP", crv="Ed25519", x=base64url(public[-32:]))

    def sign(self, text):
        if self.algorithm == "EdDSA":
            source = self.file.with_suffix(".text")
            source.write_bytes(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", source)
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=text)
        if self.algorithm == "RS256":
            return signature
        numbers, at = [], 2  # a DER sequence of two integers
        for _ in range(2):
            size = signature[at + 1]
            numbers.append(int.from_bytes(signature[at + 2:at + 2 + size], "big"))
            at += 2 + size
        return b"".join(number.to_bytes(32, "big") for number in numbers)

    def token(self, claims, **header):
        head = {"alg": self.algorithm, "typ": "JWT", "kid": self.key_id, **header}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
        return text + "." + base64url(self.sign(text.encode()))


class Issuer:
    """A server with an OpenID configuration and a key set; counts how often each is read."""

    def __init__(self):
        issuer = self
        self.published, self.reads, self.down = [], {}, False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.reads[self.path] = issuer.reads.get(self.path, 0) + 1
                answers = {"/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                           "/keys": {"keys": [key.jwk() for key in issuer.published]}}
                body = json.dumps(answers.get(self.path, {})).encode()
                self.send_response(503 if issuer.down else 200 if self.path in answers else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, **more):
        return {"iss": self.url, "aud": "switchyard", "sub": "ann", "exp": int(time.time()) + 600, **more}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Authority:
    """Signs certificates for servers and clients."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.certificate, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, subject, alternative, days=1):
        """Files of a certificate and its key."""
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-keyout", key, "-out", request)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", days, "-extfile", extensions, "-out", certificate)
        return certificate, key
