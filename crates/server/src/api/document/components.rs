//! What many operations share: schemas, headers, parameters, and the two forms of a refusal.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::operation::Form;
use super::schema::Schema;
use crate::api::mount::MountKind;

/// Collects what operations refer to.
#[derive(Default)]
pub(in crate::api) struct Components {
    schemas: BTreeMap<String, Value>,
}

impl Components {
    /// Refers to the schema of a type that is answered, and keeps it with all that it refers to.
    pub(in crate::api) fn of<T: ToSchema>(components: &mut Self) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            components.keep(&name, serde_json::to_value(&schema).unwrap_or_default());
        }
        reference("schemas", &T::name())
    }

    pub(super) fn of_form(&mut self, form: &Form) -> Value {
        self.keep(form.name, (form.schema)().into_value());
        reference("schemas", form.name)
    }

    /// Two that are called the same are the same: a test holds it.
    fn keep(&mut self, name: &str, schema: Value) {
        let known = self.schemas.entry(name.to_owned()).or_insert_with(|| schema.clone());
        debug_assert_eq!(*known, schema, "two schemas are called {name}");
    }

    pub(super) fn into_value(mut self) -> Value {
        self.schemas.insert("Problem".to_owned(), problem());
        self.schemas.insert("SalesforceErrors".to_owned(), salesforce_errors());
        json!({
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key of a user: `Authorization: Bearer sortie_…`." },
            },
            "parameters": parameters(),
            "headers": headers(),
            "responses": REFUSALS.iter().flat_map(|refusal| KINDS.map(|kind| (refusal.name(kind), refusal.response(kind)))).collect::<Map<_, _>>(),
            "schemas": self.schemas,
        })
    }
}

pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn parameters() -> Value {
    json!({
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false, "schema": { "type": "string" },
            "description": "The `ETag` that was seen, or `*`. If somebody has changed it since, the request is refused with 412 (RFC 9110, section 13.1.1).",
        },
        "OnBehalfOf": {
            "name": "Sortie-On-Behalf-Of", "in": "header", "required": false, "schema": Schema::user_name().into_value(),
            "description": "Name of the user for whom this is asked, with their permissions and what is their own. Needs `act_on_behalf`, and the user may do nothing that the caller may not.",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            "description": "A new UUID for each request. Whoever asks again with it within a day gets the first answer, and nothing is done twice.",
        },
    })
}

fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "required": true, "schema": { "type": "string" } });
    json!({
        "RequestId": text("Which request it was; the server's log has it too."),
        "ETag": text("Which version this is: for `If-Match`."),
        "Replayed": {
            "description": "`true`: this is the first answer to a request that was sent again with its `Idempotency-Key`.",
            "required": false, "schema": { "type": "string", "const": "true" },
        },
        "ErrorCode": text("The stable code of the refusal."),
        "WwwAuthenticate": text("How to authenticate: `Bearer`."),
    })
}

/// RFC 9457.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457). It has no `type`: `code` says which one it is.",
        "properties": {
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "As in the status line." },
            "code": { "type": "string", "pattern": "^[a-z0-9_]+$", "description": "Stable." },
            "detail": { "type": "string", "description": "What is wrong. Never holds a secret." },
            "next": { "type": "string", "description": "Whose turn it is, and what to do." },
            "request_id": { "type": "string", "description": "As in `Sortie-Request-Id`." },
            "errors": {
                "type": "array",
                "minItems": 1,
                "description": "All that is wrong with the body.",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": { "type": "string", "description": "Where: a JSON pointer (RFC 6901)." },
                        "code": { "type": "string", "description": "Stable." },
                        "detail": { "type": "string", "description": "In words that follow the place." },
                    },
                    "required": ["pointer", "code", "detail"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["status", "code", "detail", "next", "request_id"],
        "additionalProperties": false,
    })
}

fn salesforce_errors() -> Value {
    json!({
        "type": "array",
        "description": "A refusal, as the REST API of Salesforce writes it.",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {
                "errorCode": { "type": "string", "pattern": "^[A-Z_]+$" },
                "message": { "type": "string" },
                "fields": { "type": "array", "items": { "type": "string" }, "description": "JSON pointers into the body." },
            },
            "required": ["errorCode", "message"],
            "additionalProperties": false,
        },
    })
}

const KINDS: [MountKind; 2] = [MountKind::Own, MountKind::Salesforce];

/// A status that refuses.
pub(super) struct Refusal {
    pub(super) status: u16,
    name: &'static str,
    description: &'static str,
}

const fn refusal(status: u16, name: &'static str, description: &'static str) -> Refusal {
    Refusal { status, name, description }
}

/// Every status that refuses, with what it means here.
pub(super) const REFUSALS: [Refusal; 16] = [
    refusal(400, "BadRequest", "Something in the request is wrong; for a body, `errors` lists all of it."),
    refusal(401, "Unauthenticated", "There is no key, or it is not good."),
    refusal(403, "Forbidden", "A permission is missing."),
    refusal(404, "NotFound", "There is no such thing, or none that the caller may know of."),
    refusal(406, "NotAcceptable", "`Accept` does not allow JSON."),
    refusal(409, "Conflict", "It is there already, something else needs it, or the same request is under way."),
    refusal(412, "Changed", "Somebody has changed it since it was read."),
    refusal(413, "TooLarge", "The body is too large."),
    refusal(415, "NotJson", "The body is not JSON in UTF-8."),
    refusal(422, "KeyReused", "The `Idempotency-Key` was used for another request."),
    refusal(424, "Dependency", "An admin or a user has to complete something first."),
    refusal(429, "TooMany", "There were too many requests; `Retry-After` says when to go on."),
    refusal(500, "Internal", "Something went wrong here."),
    refusal(502, "BadGateway", "A provider did not do what it should."),
    refusal(503, "Unavailable", "What is needed cannot be reached now."),
    refusal(504, "GatewayTimeout", "A provider did not answer in time."),
];

impl Refusal {
    pub(super) fn of(status: u16) -> Option<&'static Self> {
        REFUSALS.iter().find(|known| known.status == status)
    }

    pub(super) fn name(&self, kind: MountKind) -> String {
        match kind {
            MountKind::Own => self.name.to_owned(),
            MountKind::Salesforce => format!("Salesforce{}", self.name),
        }
    }

    fn response(&self, kind: MountKind) -> Value {
        let (media_type, schema) = match kind {
            MountKind::Own => ("application/problem+json", "Problem"),
            MountKind::Salesforce => ("application/json", "SalesforceErrors"),
        };
        let mut headers = json!({
            "Sortie-Request-Id": reference("headers", "RequestId"),
            "Sortie-Error": reference("headers", "ErrorCode"),
        });
        if self.status == 401 {
            headers["WWW-Authenticate"] = reference("headers", "WwwAuthenticate");
        }
        if self.status == 429 {
            headers["Retry-After"] =
                json!({ "description": "In how many seconds to ask again.", "schema": { "type": "integer", "minimum": 1 } });
        }
        json!({ "description": self.description, "headers": headers, "content": { media_type: { "schema": reference("schemas", schema) } } })
    }
}
