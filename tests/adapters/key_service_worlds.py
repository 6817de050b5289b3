"""Every key service that tests can have, behind the same four verbs: open, new_key, disable, close."""

import dataclasses
import os
import shutil
import subprocess
import uuid
from importlib.util import find_spec
from pathlib import Path

import boto3
from key_service_fakes import CLIENT, CLIENT_SECRET, KEY_ID, SECRET, TENANT, FakeKeyVault, FakeKms

from cloudconnect.adapters.key_services import open_key_service

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711-for-tests"


def opened(*arguments):
    """Return the service, with shorter waits between attempts than in earnest."""
    service = open_key_service(*arguments)
    service._patience = dataclasses.replace(service._patience, first_wait_seconds=0.001)
    return service


class Moto:
    """Moto's KMS: it minds contexts, keys and changed bytes, but not that a key is disabled."""

    def __init__(self, url):
        self.url = url
        self._client = boto3.client(
            "kms",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )

    def facts(self):
        return {"region": "us-east-1", "endpoint": self.url}

    def open(self, key, **facts):
        return opened("aws-kms", {"key": key, **self.facts(), **facts})

    def new_key(self):
        return self._client.create_key()["KeyMetadata"]["KeyId"]

    def name(self, key):
        """Return an alias of *key*."""
        alias = f"alias/{uuid.uuid4().hex[:8]}"
        self._client.create_alias(AliasName=alias, TargetKeyId=key)
        return alias

    def close(self):
        self._client.close()


class Aws:
    """Our own fake of KMS."""

    def __init__(self):
        self.fake = FakeKms()
        self.new_key, self.disable, self.close = self.fake.new_key, self.fake.disable, self.fake.close

    def open(self, key, **facts):
        return opened("aws-kms", {"key": key, "region": "us-east-1", "endpoint": self.fake.url, **facts})


class Azure:
    """Our own fake of Key Vault."""

    def __init__(self, home):
        self.fake = FakeKeyVault()
        self.new_key, self.disable, self.close = self.fake.new_key, self.fake.disable, self.fake.close
        self.credentials_file = home / "azure.toml"
        self.credentials_file.touch(mode=0o600)
        self.credentials_file.write_text(
            f'tenant = "{TENANT}"\nclient_id = "{CLIENT}"\nclient_secret = "{CLIENT_SECRET}"\n'
        )

    def open(self, key, environment=None, **facts):
        known = {"key": key, "vault_url": self.fake.url, "credentials_file": str(self.credentials_file)}
        variables = {"AZURE_AUTHORITY_HOST": self.fake.url, "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.fake.url}
        return opened("azure-key-vault", {**known, **facts}, {**variables, **(environment or {})})


class SoftToken:
    """A token of SoftHSM's. Its module reads SOFTHSM2_CONF once in a process, so there is one token for all tests."""

    def __init__(self, home):
        home.mkdir()
        (home / "tokens").mkdir()
        (home / "softhsm2.conf").write_text(f"directories.tokendir = {home}/tokens\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
        command = ["softhsm2-util", "--init-token", "--free", "--label", "cc", "--pin", PIN, "--so-pin", PIN]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.pin_file = home / "pin"
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text(f"{PIN}\n")

    @staticmethod
    def is_here():
        return SOFTHSM.exists() and shutil.which("softhsm2-util") is not None and find_spec("pkcs11") is not None

    def open(self, key, **facts):
        known = {"key": key, "module": str(SOFTHSM), "token": "cc", "pin_file": str(self.pin_file)}
        return opened("pkcs11", {**known, **facts})

    def new_key(self, bits=256, *, is_extractable=False):
        from pkcs11 import Attribute, KeyType

        label = f"key-{uuid.uuid4().hex[:8]}"
        template = {Attribute.EXTRACTABLE: is_extractable, Attribute.SENSITIVE: not is_extractable}
        with self._session() as session:
            session.generate_key(KeyType.AES, bits, label=label, store=True, template=template)
        return label

    def disable(self, key):
        """Destroy *key*: a token knows no other way."""
        with self._session() as session:
            session.get_key(label=key).destroy()

    def encrypt(self, key, secret, context):
        """Return *secret* encrypted by *key* as anything else may do that uses the token."""
        from pkcs11 import GCMParams, Mechanism

        nonce = bytes(range(12))
        with self._session() as session:
            found = session.get_key(label=key)
            parameters = GCMParams(nonce, aad=context)
            return nonce + found.encrypt(secret, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)

    def close(self):
        """Nothing runs."""

    def _session(self):
        from pkcs11 import lib

        return lib(str(SOFTHSM)).get_token(token_label="cc").open(rw=True, user_pin=PIN)
