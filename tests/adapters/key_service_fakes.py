"""Key services on this machine that keep the promises of the real ones, and break down when they are told to."""

import base64
import json
import secrets
import socket
import threading
import uuid
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

KEY_ID, SECRET = "AKIDFORTESTS", "secret-for-tests"
TENANT, CLIENT, CLIENT_SECRET = "tenant-for-tests", "client-for-tests", "client-secret-for-tests"
MANY = 100


class Answer(Exception):
    """What the service says, whether it helps or not."""

    def __init__(self, status, document):
        super().__init__(status)
        self.status, self.document = status, document


class Fake:
    """An HTTP server; each of *faults* spoils one request, as the branches of ``_spoil`` name them."""

    def __init__(self):
        self.faults = []
        self.requests = 0
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                fake.serve(self)

            do_POST = do_GET  # noqa: N815 - the name that the standard library calls

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, handler):
        self.requests += 1
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if self.faults:
            self._spoil(self.faults.pop(0), handler)
            return
        try:
            answer = self.answer(handler, body)
        except Answer as said:
            answer = said
        self._send(handler, answer.status, json.dumps(answer.document).encode())

    def _spoil(self, fault, handler):
        if fault == "busy":
            self._send(handler, 503, b"<html>come back later</html>")
        elif fault == "garbled":
            self._send(handler, 200, b"[1, 2")
        elif fault == "long":
            self._send(handler, 200, json.dumps({"access_token": "x" * 100_000}).encode())
        elif fault == "drop":
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "hang":
            self.released.wait(10)
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
            while not self.released.wait(0.01):
                handler.wfile.write(b"x")

    def _send(self, handler, status, body):
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class FakeKms(Fake):
    """Encrypt and Decrypt of AWS KMS, with keys that can be disabled and a policy that can deny."""

    def __init__(self):
        super().__init__()
        self.keys = {}
        self.disabled = set()
        self.is_denied = False
        self.throttled = 0

    def new_key(self):
        name = str(uuid.uuid4())
        self.keys[name] = AESGCM(AESGCM.generate_key(256))
        return name

    def disable(self, name):
        self.disabled.add(name)

    def answer(self, handler, body):
        signed = handler.headers.get("Authorization", "")
        if f"Credential={KEY_ID}/" not in signed or "/us-east-1/kms/aws4_request" not in signed:
            raise self._no("UnrecognizedClientException")
        asked = json.loads(body)
        context = json.dumps(asked.get("EncryptionContext", {}), sort_keys=True).encode()
        name = asked["KeyId"]
        if self.throttled:
            self.throttled -= 1
            raise self._no("ThrottlingException")
        if self.is_denied:
            raise self._no("AccessDeniedException")
        if name not in self.keys:
            raise self._no("NotFoundException")
        if name in self.disabled:
            raise self._no("DisabledException")
        if handler.headers["X-Amz-Target"] == "TrentService.Encrypt":
            nonce = secrets.token_bytes(12)
            sealed = self.keys[name].encrypt(nonce, base64.b64decode(asked["Plaintext"]), context)
            return Answer(200, {"KeyId": name, "CiphertextBlob": _text(name.encode() + nonce + sealed)})
        blob = base64.b64decode(asked["CiphertextBlob"])
        owner, nonce, sealed = blob[:36].decode(errors="replace"), blob[36:48], blob[48:]
        if owner not in self.keys:
            raise self._no("InvalidCiphertextException")
        if owner != name:
            raise self._no("IncorrectKeyException")
        try:
            return Answer(200, {"KeyId": name, "Plaintext": _text(self.keys[name].decrypt(nonce, sealed, context))})
        except (InvalidTag, ValueError):
            raise self._no("InvalidCiphertextException") from None

    def _no(self, code):
        return Answer(400, {"__type": code, "message": "no"})


class FakeKeyVault(Fake):
    """A vault with RSA keys in versions, Entra ID's token service and a machine's metadata service, all in one."""

    def __init__(self):
        super().__init__()
        self.keys = {}
        self.disabled = set()
        self.tokens = set()
        self.token_requests = []
        self.is_denied = False

    def new_key(self):
        name = f"key-{uuid.uuid4().hex[:8]}"
        self.keys[name] = {}
        self.rotate(name)
        return name

    def rotate(self, name):
        versions = sum(len(each) for each in self.keys.values())
        self.keys[name][uuid.uuid4().hex] = _rsa(versions % 4)

    def disable(self, name):
        self.disabled.add(name)

    def answer(self, handler, body):
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._authority({name: values[0] for name, values in parse_qs(body.decode()).items()})
        if parts.path == "/metadata/identity/oauth2/token":
            return self._metadata(handler, query)
        return self._vault(handler, parts.path, query, json.loads(body or "{}"))

    def _authority(self, form):
        self.token_requests.append(form)
        proof = form.get("client_secret") == CLIENT_SECRET or form.get("client_assertion") == "federated-for-tests"
        asked = form.get("client_id"), form.get("grant_type"), form.get("scope")
        if asked != (CLIENT, "client_credentials", "https://vault.azure.net/.default") or not proof:
            raise Answer(401, {"error": "invalid_client", "error_description": "the secret is wrong"})
        return self._token()

    def _metadata(self, handler, query):
        self.token_requests.append(query)
        if handler.headers.get("Metadata") != "true" or query.get("resource") != "https://vault.azure.net":
            raise Answer(400, {"error": "invalid_request"})
        return self._token()

    def _token(self):
        self.tokens.add(token := secrets.token_urlsafe())
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3599})

    def _vault(self, handler, path, query, asked):
        _, keys, name, *rest = path.split("/")
        if handler.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise self._no(401, "Unauthorized")
        if keys != "keys" or "api-version" not in query or asked.get("alg", "RSA-OAEP-256") != "RSA-OAEP-256":
            raise self._no(400, "BadParameter")
        if self.is_denied:
            raise self._no(403, "Forbidden", "ForbiddenByRbac")
        versions = self.keys.get(name, {})
        used, operation = rest or (next(reversed(versions), ""), "get")
        if used not in versions:
            raise self._no(404, "KeyNotFound")
        if name in self.disabled:
            raise self._no(403, "Forbidden", "KeyDisabled")
        if operation == "get":
            return Answer(200, {"key": {"kid": f"{self.url}/keys/{name}/{used}", "kty": "RSA"}})
        value = base64.urlsafe_b64decode(asked["value"] + "=" * (-len(asked["value"]) % 4))
        oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        if operation == "wrapkey":
            result = versions[used].public_key().encrypt(value, oaep)
        else:
            try:
                result = versions[used].decrypt(value, oaep)
            except ValueError:
                raise self._no(400, "BadParameter") from None
        text = base64.urlsafe_b64encode(result).rstrip(b"=").decode()
        return Answer(200, {"kid": f"{self.url}/keys/{name}/{used}", "value": text})

    def _no(self, status, code, inner=None):
        error = {"code": code, "message": "no"} | ({"innererror": {"code": inner}} if inner else {})
        return Answer(status, {"error": error})


def _text(value):
    return base64.b64encode(value).decode()


@lru_cache
def _rsa(number):
    """One of a few keys: to make one takes a while."""
    return rsa.generate_private_key(65537, 2048)
