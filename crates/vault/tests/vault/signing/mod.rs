//! Signing keys and certificates, against OpenSSL and Python's `cryptography`: neither is what Sortie signs with, and both must be there.

mod chains;
mod imports;
mod issued;
mod rfc;
mod sealed;
mod tools;
