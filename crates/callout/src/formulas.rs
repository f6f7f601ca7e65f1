//! Formulas of callers, in headers and bodies, where a named credential evaluates them; and what all formulas that end in a header have in common.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use sortie_formula::{Evaluated, Fault, FormulaError, Template};
use sortie_protocol::shared::sigv4::is_aws_chunked;

use crate::apply::ApplyError;
use crate::scope::CalloutScope;
use crate::snapshot::Named;

/// 64 KiB: what the largest tokens need several times over. Nothing is ever cut to fit (FRM-08).
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Why a formula has no result that can be sent. Holds no value of any variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaFault {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FormulaFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<Fault> for FormulaFault {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code(), message: fault.to_string() }
    }
}

impl From<FormulaError> for FormulaFault {
    fn from(error: FormulaError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

/// Whether there is something that looks like a formula.
pub(crate) fn has_formula(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"{!").is_some()
}

/// Whether there is a formula in any header.
pub(crate) fn any(headers: &HeaderMap) -> bool {
    headers.values().any(|value| has_formula(value.as_bytes()))
}

/// How messages call a header of the caller's.
pub(crate) fn header_place(name: &HeaderName) -> String {
    format!("the header `{name}`")
}

/// How messages call the body.
pub(crate) const BODY_PLACE: &str = "the body";

/// A formula's result as a header. CR, LF and NUL never get there (FRM-01).
pub(crate) fn header_value(text: &Evaluated) -> Result<HeaderValue, FormulaFault> {
    if text.expose().len() > MAX_HEADER_BYTES {
        return Err(FormulaFault { code: "formula_limit", message: format!("its result is longer than {MAX_HEADER_BYTES} bytes") });
    }
    HeaderValue::from_bytes(text.expose().as_bytes()).map_err(|_| FormulaFault {
        code: "formula_not_a_header",
        message: "its result holds a line break or another control character, which no header may hold".to_owned(),
    })
}

/// Replaces the formulas in the caller's headers by their results.
pub(crate) fn evaluate_headers(headers: &mut HeaderMap, scope: &CalloutScope<'_>) -> Result<(), ApplyError> {
    for (name, value) in headers.iter_mut().filter(|(_, value)| has_formula(value.as_bytes())) {
        // The caller's headers are visible ASCII: `check` has looked.
        let text = value.to_str().unwrap_or_default();
        let evaluated = evaluate(text, scope).and_then(|evaluated| header_value(&evaluated));
        *value = evaluated.map_err(|fault| ApplyError::CallerFormula { place: header_place(name), fault })?;
        value.set_sensitive(true);
    }
    Ok(())
}

/// The caller's body with its formulas replaced by their results; `None` if there is none in it.
pub(crate) fn evaluate_body(body: &[u8], scope: &CalloutScope<'_>) -> Result<Option<Evaluated>, ApplyError> {
    if !has_formula(body) {
        return Ok(None);
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| FormulaFault { code: "formula_syntax", message: "a body with formulas must be UTF-8 text".to_owned() });
    let evaluated = text.and_then(|text| evaluate(text, scope));
    evaluated.map(Some).map_err(|fault| ApplyError::CallerFormula { place: BODY_PLACE.to_owned(), fault })
}

/// One text of the caller's.
fn evaluate(text: &str, scope: &CalloutScope<'_>) -> Result<Evaluated, FormulaFault> {
    let template = Template::parse_message(text)?;
    template.check_discretion()?;
    Ok(template.evaluate(scope)?)
}

/// Whether a body is text, so that `{!` in it means something: in an image, or in something compressed, it is there by chance.
pub(crate) fn is_text(named: &Named, headers: &HeaderMap) -> bool {
    // Frames that are taken off for the signature are no encoding of what is in them.
    let is_none = |coding: &str| coding.eq_ignore_ascii_case("identity") || (named.signs_requests() && is_aws_chunked(coding));
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter().map(|coding| coding.to_str().unwrap_or("?"));
    if !codings.all(|coding| coding.split(',').all(|coding| is_none(coding.trim()))) {
        return false;
    }
    // Without a type it may well be text.
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return true };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let textual = ["json", "xml", "x-www-form-urlencoded", "javascript", "x-ndjson", "graphql", "yaml", "x-yaml", "toml", "sql"];
    match kind.split_once('/') {
        None => true,
        Some((kind, _)) if kind.eq_ignore_ascii_case("text") => true,
        // A multipart body may hold files of any kind.
        Some((_, subtype)) => {
            textual.iter().any(|known| subtype.eq_ignore_ascii_case(known))
                || subtype
                    .rsplit_once('+')
                    .is_some_and(|(_, suffix)| ["json", "xml", "yaml"].iter().any(|known| suffix.eq_ignore_ascii_case(known)))
        }
    }
}
