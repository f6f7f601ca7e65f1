//! The scanner for planted secrets: none may stand in any answer, record, log line or file, in whatever form.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sortie_model::Secret;

/// What every planted secret begins with.
pub(crate) const MARK: &str = "SECRET-";

/// Everything that must not be seen anywhere, in every form that is looked for.
pub(crate) struct Marks(Vec<(String, Vec<u8>)>);

impl Marks {
    /// The mark of planted secrets, and the secret part of each of these API keys.
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a Secret>) -> Self {
        // `sortie_<id>_<secret>_<checksum>`: the id may be seen, it names the key in the audit.
        let secrets = keys.into_iter().filter_map(|key| key.expose().split('_').nth(2).map(str::to_owned));
        Self::of(std::iter::once(MARK.to_owned()).chain(secrets))
    }

    /// These texts and nothing else.
    pub(crate) fn of(texts: impl IntoIterator<Item = String>) -> Self {
        Self(texts.into_iter().flat_map(|text| forms(&text)).collect())
    }

    /// Which form of which secret stands in these bytes, if one does.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.0.iter().find(|(_, form)| contains(bytes, form));
        found.map(|(name, _)| name.as_str())
    }
}

/// Raw, percent-encoded, hexadecimal, UTF-16, and base64 as it looks when it begins at each of the three places within a group of three bytes.
fn forms(text: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = text.as_bytes();
    let each = |write: fn(u8) -> String| bytes.iter().map(|byte| write(*byte)).collect::<String>().into_bytes();
    let mut forms = vec![
        (format!("{text} itself"), bytes.to_vec()),
        (format!("{text} percent-encoded"), text.replace('-', "%2D").into_bytes()),
        (format!("{text} wholly percent-encoded"), each(|byte| format!("%{byte:02X}"))),
        (format!("{text} in hexadecimal"), each(|byte| format!("{byte:02x}"))),
        (format!("{text} in upper-case hexadecimal"), each(|byte| format!("{byte:02X}"))),
        (format!("{text} in UTF-16"), bytes.iter().flat_map(|byte| [*byte, 0]).collect()),
    ];
    if !text.contains('-') {
        forms.remove(1);
    }
    for (alphabet, engine) in [("base64", STANDARD), ("base64url", URL_SAFE)] {
        for shift in 0..3 {
            let shifted = [vec![0; shift], bytes.to_vec()].concat();
            let encoded = engine.encode(&shifted).into_bytes();
            // Characters that also hold bits of a neighbour's bytes are left out.
            let first = (shift * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            forms.push((format!("{text} in {alphabet} at {shift}"), encoded[first..last].to_vec()));
        }
    }
    forms
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some(first) = form.first() else { return false };
    let mut rest = bytes;
    loop {
        // The standard library looks for a byte quickly even in a build without optimisation; these are megabytes.
        let length = BufRead::skip_until(&mut &*rest, *first).expect("reading memory cannot fail");
        match rest.get(..length) {
            Some([.., last]) if last == first => {}
            _ => return false,
        }
        if rest[length - 1..].starts_with(form) {
            return true;
        }
        rest = &rest[length..];
    }
}

#[test]
fn every_form_is_found() {
    let marks = Marks::new([&Secret::new("sortie_abcdefghijkl_SoMeSeCrEtPaRtOfAkEyThAtIsLoNgEnOuGhToBe_AbCdEf")]);
    let secret = "SECRET-pay-key";
    let hidden = [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("u:{secret}")),
        URL_SAFE.encode(format!("us:{secret}")),
        "SECRET%2Dpay".to_owned(),
        "5345435245542d70".to_owned(),
        "S\0E\0C\0R\0E\0T\0-\0p\0".to_owned(),
        "SoMeSeCrEtPaRtOfAkEyThAtIsLoNgEnOuGhToBe".to_owned(),
        STANDARD.encode("x SoMeSeCrEtPaRtOfAkEyThAtIsLoNgEnOuGhToBe y"),
    ];
    for text in hidden {
        assert!(marks.find(format!("some text, {text}, more text").as_bytes()).is_some(), "{text}");
    }
    assert_eq!(marks.find(b"SECRETARY sortie_abcdefghijkl_ in core-0"), None);
}
