#!/usr/bin/env python3
"""Second implementation of the sealed format of sortie-vault: writes the vectors that its tests read.

Written from the format table in the crate's README, not from the Rust code, over another library. Run once:

    python3 -m venv venv && venv/bin/pip install cryptography==50.0.2 && venv/bin/python make.py > format_1.txt
"""

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def hkdf(key, salt, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


def fields(*pairs):
    return b"".join(struct.pack(">BI", tag, len(value)) + value for tag, value in pairs)


def envelope(magic, key, key_id, salt, context, plain):
    material = hkdf(key, salt, context, 64)
    header = magic + bytes([1, 1]) + key_id + salt + material[32:]
    assert len(header) == 84
    return header + AESGCM(material[:32]).encrypt(bytes(12), plain, context + fields((9, header)))


DEPLOYMENT = bytes.fromhex("0192f0c1d2e37a4b8c5d6e7f80910a1b")
ROOT = bytes(range(0x20, 0x40))
KEY_ID = bytes.fromhex("3f9d0c1e2b4a4d6f8a0b1c2d3e4f5061")
KEY = bytes(range(0x80, 0xA0))
ROW = bytes.fromhex("0192f0c1d2e37a4b8c5d6e7f80910aff")
OWNER = bytes.fromhex("0192f0c1d2e37a4b8c5d6e7f80910acc")


def show(name, value):
    print(f"{name} = {value.hex()}")


print("# Written by make.py, a second implementation of the format (Python, cryptography 50.0.2). Every value is hex.")
show("deployment", DEPLOYMENT)
show("root", ROOT)
show("key_id", KEY_ID)
show("key", KEY)

wrap_salt = bytes([0x11]) * 32
show("wrap_salt", wrap_salt)
wrap_context = fields((1, b"nc-keyring-v1"), (2, DEPLOYMENT), (10, KEY_ID), (11, b"active"))
show("wrapped", envelope(b"NK", ROOT, hkdf(ROOT, None, b"nc-root-check-v1", 16), wrap_salt, wrap_context, KEY))

for purpose in ("audit-chain", "row-mac", "fingerprint"):
    context = fields((1, b"nc-derive-v1"), (2, DEPLOYMENT), (12, purpose.encode()))
    show("derived_" + purpose.replace("-", "_"), hkdf(KEY, None, context, 32))

CASES = [
    ("shared", "stored_secret", "password", b"", 1, bytes(32), b"SECRET-hunter2"),
    ("owned", "grant", "access_token", OWNER, 2**62 + 3, bytes(range(32)), "SECRET-\u00fc\u4f60\U0001f600".encode()),
    ("empty", "t", "", b"", 0, bytes([0xFF]) * 32, b""),
    ("long", "grant", "refresh_token", OWNER, -1, bytes(32), bytes(i % 251 for i in range(1000))),
]
for number, (name, table, field, owner, version, destination, plain) in enumerate(CASES):
    salt = bytes([0x21 + number]) * 32
    context = fields(
        (1, b"nc-secret-v1"),
        (2, DEPLOYMENT),
        (3, table.encode()),
        (4, ROW),
        (5, field.encode()),
        (6, owner),
        (7, struct.pack(">q", version)),
        (8, destination),
    )
    print()
    show(name + "_table", table.encode())
    show(name + "_row", ROW)
    show(name + "_field", field.encode())
    show(name + "_owner", owner)
    show(name + "_version", struct.pack(">q", version))
    show(name + "_destination", destination)
    show(name + "_salt", salt)
    show(name + "_plain", plain)
    show(name + "_sealed", envelope(b"NC", KEY, KEY_ID, salt, context, plain))
