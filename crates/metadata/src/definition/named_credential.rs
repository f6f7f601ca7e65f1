//! Named credentials.

use sortie_model::{ApiName, CallerFormulas, CustomHeader, Endpoint, Label, Timeouts, parse_forwarded_header};

use super::access::name_and_label;
use super::description;
use super::header::headers;
use crate::yaml::{At, Fields, Reader, Value};

/// A named credential. The external credential is known by its name only.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCredentialDefinition {
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// Scheme, host, port and base path.
    pub url: Endpoint,
    /// Name of the external credential.
    pub external_credential: ApiName,
    /// Name of the certificate that is presented to the upstream.
    pub client_certificate: Option<ApiName>,
    /// Whether callouts are possible.
    pub is_enabled: bool,
    /// Whether the protocol's own header is sent.
    pub generate_authorization_header: bool,
    /// What `{!…}` means in callers' headers.
    pub allow_formulas_in_header: CallerFormulas,
    /// What `{!…}` means in callers' bodies.
    pub allow_formulas_in_body: CallerFormulas,
    /// Caller headers that are forwarded although they are withheld by default.
    pub forwarded_headers: Vec<String>,
    /// Headers, in the order of their sequence numbers.
    pub headers: Vec<CustomHeader>,
    /// How long a callout may take.
    pub timeouts: Timeouts,
}

impl NamedCredentialDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, _at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, label) = name_and_label(reader, fields);
        let description = description(reader, fields);
        let url = fields.require(reader, "url").and_then(|at| reader.parsed(&at, Endpoint::parse));
        let external_credential = fields.require(reader, "external_credential").and_then(|at| reader.parsed(&at, ApiName::parse));
        let client_certificate = fields.take("client_certificate").and_then(|at| reader.parsed(&at, ApiName::parse));
        let is_enabled = truth_or(reader, fields, "enabled", true);
        let generate_authorization_header = truth_or(reader, fields, "generate_authorization_header", true);
        let allow_formulas_in_header = formulas(reader, fields, "allow_formulas_in_header");
        let allow_formulas_in_body = formulas(reader, fields, "allow_formulas_in_body");
        let forwarded_headers =
            fields.take("forwarded_headers").map(|at| reader.parsed_list(&at, parse_forwarded_header)).unwrap_or_default();
        let headers = headers(reader, fields);
        let timeouts = fields.take("timeouts").map_or(Some(Timeouts::default()), |at| timeouts(reader, &at));
        Some(Self {
            name: name?,
            label: label?,
            description,
            url: url?,
            external_credential: external_credential?,
            client_certificate,
            is_enabled,
            generate_authorization_header,
            allow_formulas_in_header,
            allow_formulas_in_body,
            forwarded_headers,
            headers,
            timeouts: timeouts?,
        })
    }
}

fn truth_or(reader: &mut Reader<'_>, fields: &mut Fields<'_>, name: &'static str, default: bool) -> bool {
    fields.take(name).and_then(|at| reader.truth(&at)).unwrap_or(default)
}

/// `true`, `false` (the default: `{!` is refused) or `literal` (`{!` is text).
fn formulas(reader: &mut Reader<'_>, fields: &mut Fields<'_>, name: &'static str) -> CallerFormulas {
    let Some(at) = fields.take(name) else { return CallerFormulas::default() };
    match &at.node.value {
        Value::Truth(true) => CallerFormulas::Evaluated,
        Value::Truth(false) => CallerFormulas::Refused,
        Value::Text(word) if word == "literal" => CallerFormulas::Literal,
        _ => {
            reader.refuse_kind(&at, "true, false or literal");
            CallerFormulas::default()
        }
    }
}

/// One hour: longer than any answer that is worth waiting for on an open connection.
const LONGEST_MS: u32 = 3_600_000;

fn timeouts(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Timeouts> {
    let mut fields = reader.fields(at)?;
    let defaults = Timeouts::default();
    let mut take = |name, default| fields.take(name).map_or(Some(default), |at| reader.number(&at, 1, LONGEST_MS));
    let connect_ms = take("connect_ms", defaults.connect_ms);
    let answer_ms = take("answer_ms", defaults.answer_ms);
    let idle_ms = take("idle_ms", defaults.idle_ms);
    fields.finish(reader);
    Some(Timeouts { connect_ms: connect_ms?, answer_ms: answer_ms?, idle_ms: idle_ms? })
}
