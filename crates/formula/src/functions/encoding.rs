//! Bytes as text, and back.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{NAMED_CREDENTIALS, SORTIE};
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::{Blob, Text, Value};

/// `BLOB`. Source: Salesforce Help, Formula Functions for Named Credentials, BLOB.
pub(super) const BLOB: Function = Function {
    name: "BLOB",
    group: Group::Encoding,
    summary: "The bytes of a text in UTF-8.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[("HEX(BLOB('Zoë'))", "5a6fc3ab"), ("HEX(BLOB(''))", ""), ("HEX(BLOB(NULL))", ""), ("BLOB('a')", "formula_type")],
    evaluate: |arguments| {
        Ok(Value::Blob(match arguments.text(0)? {
            Text::Borrowed(text) => Blob::Borrowed(text.as_bytes()),
            Text::Owned(mut text) => Blob::from(std::mem::take(&mut *text).into_bytes()),
        }))
    },
};

/// `BASE64ENCODE`. Source: Salesforce Help, Formula Functions for Named Credentials, BASE64ENCODE; RFC 4648, section 4, with its vectors.
pub(super) const BASE64ENCODE: Function = Function {
    name: "BASE64ENCODE",
    group: Group::Encoding,
    summary: "Bytes in base64, with padding.",
    parameters: &[Parameter::blob("blob")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("BASE64ENCODE(BLOB('foobar'))", "Zm9vYmFy"),
        ("BASE64ENCODE(BLOB('fooba'))", "Zm9vYmE="),
        ("BASE64ENCODE(BLOB('foob'))", "Zm9vYg=="),
        ("BASE64ENCODE(BLOB('f'))", "Zg=="),
        ("BASE64ENCODE(BLOB('~~~???'))", "fn5+Pz8/"),
        ("BASE64ENCODE(NULL)", ""),
        ("BASE64ENCODE('foobar')", "formula_type"),
    ],
    evaluate: |arguments| encode(arguments, &STANDARD),
};

/// `BASE64DECODE`. Source: Salesforce Help, Formula Functions for Named Credentials, BASE64DECODE; RFC 4648, section 4, with its vectors.
/// What is not exactly what an encoder writes, line breaks too, is an error (RFC 4648, sections 3.1 and 3.5).
pub(super) const BASE64DECODE: Function = Function {
    name: "BASE64DECODE",
    group: Group::Encoding,
    summary: "The bytes that a text in base64 stands for. Blanks, missing padding and foreign characters are errors.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("HEX(BASE64DECODE('Zm9vYmE='))", "666f6f6261"),
        ("HEX(BASE64DECODE('Zg=='))", "66"),
        ("HEX(BASE64DECODE(NULL))", ""),
        ("HEX(BASE64DECODE('Zg'))", "formula_failed"),
        ("HEX(BASE64DECODE('Zh=='))", "formula_failed"),
        ("HEX(BASE64DECODE('Zm9v\\n'))", "formula_failed"),
        ("HEX(BASE64DECODE('fn5-'))", "formula_failed"),
    ],
    evaluate: |arguments| decode(arguments, &STANDARD, "the text is not base64 with padding"),
};

/// `BASE64URLENCODE`. Source: RFC 4648, section 5, without padding, as JSON Web Tokens need it (RFC 7515, section 2).
pub(super) const BASE64URLENCODE: Function = Function {
    name: "BASE64URLENCODE",
    group: Group::Encoding,
    summary: "Bytes in base64url, without padding, as JSON Web Tokens hold them.",
    parameters: &[Parameter::blob("blob")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SORTIE,
    examples: &[
        ("BASE64URLENCODE(BLOB('foob'))", "Zm9vYg"),
        ("BASE64URLENCODE(BLOB('~~~???'))", "fn5-Pz8_"),
        ("BASE64URLENCODE(NULL)", ""),
    ],
    evaluate: |arguments| encode(arguments, &URL_SAFE_NO_PAD),
};

/// `BASE64URLDECODE`. Source: RFC 4648, section 5, without padding.
pub(super) const BASE64URLDECODE: Function = Function {
    name: "BASE64URLDECODE",
    group: Group::Encoding,
    summary: "The bytes that a text in base64url stands for. Padding, blanks and foreign characters are errors.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: SORTIE,
    examples: &[
        ("HEX(BASE64URLDECODE('fn5-Pz8_'))", "7e7e7e3f3f3f"),
        ("HEX(BASE64URLDECODE(NULL))", ""),
        ("HEX(BASE64URLDECODE('Zg=='))", "formula_failed"),
        ("HEX(BASE64URLDECODE('fn5+'))", "formula_failed"),
    ],
    evaluate: |arguments| decode(arguments, &URL_SAFE_NO_PAD, "the text is not base64url without padding"),
};

fn encode<'a>(arguments: &Arguments<'_, 'a>, engine: &GeneralPurpose) -> Result<Value<'a>, Fault> {
    let blob = arguments.blob(0)?;
    // Four characters for three bytes, or a part of three.
    arguments.reserve(blob.len().div_ceil(3) * 4)?;
    Ok(Value::text(engine.encode(&*blob)))
}

fn decode<'a>(arguments: &Arguments<'_, 'a>, engine: &GeneralPurpose, problem: &'static str) -> Result<Value<'a>, Fault> {
    decode_base64(arguments.text(0)?.as_bytes(), engine)
        .map(|bytes| Value::Blob(Blob::Owned(bytes)))
        .ok_or_else(|| arguments.wrong(problem))
}

/// The bytes that base64 stands for. What was decoded before a mistake is wiped.
pub(super) fn decode_base64(text: &[u8], engine: &GeneralPurpose) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = engine.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// `HEX`. Source: Salesforce Help, Formula Functions for Named Credentials, HEX; RFC 4648, section 10, has its vectors in upper case.
pub(super) const HEX: Function = Function {
    name: "HEX",
    group: Group::Encoding,
    summary: "Bytes in hexadecimal, in lower case.",
    parameters: &[Parameter::blob("blob")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("HEX(BLOB('foobar'))", "666f6f626172"),
        ("HEX(BASE64DECODE('AP8='))", "00ff"),
        ("HEX(NULL)", ""),
        ("HEX('foobar')", "formula_type"),
    ],
    evaluate: |arguments| {
        let blob = arguments.blob(0)?;
        arguments.reserve(blob.len() * 2)?;
        let mut text = String::with_capacity(blob.len() * 2);
        text.extend(blob.iter().flat_map(|byte| hex_digits(*byte)).map(|digit| char::from(digit.to_ascii_lowercase())));
        Ok(Value::text(text))
    },
};

/// The two digits of a byte, in upper case.
pub(super) fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}
