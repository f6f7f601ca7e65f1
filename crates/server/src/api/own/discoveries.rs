//! What an issuer publishes of itself. The server asks, under its own egress policy, and says no more of an address than whether it publishes what can be used.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sortie_model::{ApiName, AuthenticationFlow, Issuer};

use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::provider::{self, Suggested};

struct Wish {
    issuer: Issuer,
    name: Option<ApiName>,
    flow: Option<AuthenticationFlow>,
}

pub(super) const DISCOVER: Operation =
    Operation::new("discoverProvider", Tag::Providers, "Ask an issuer where its endpoints are, and make a definition of what it says")
        .describe("Nothing is stored. 502: it publishes nothing that can be used, or this server may not reach it.")
        .body(&WISH)
        .gives::<Suggested>(200)
        .refuses(&[502]);

pub(super) async fn discover(State(api): State<Arc<Api>>, body: Body) -> Result<Response, Problem> {
    let Wish { issuer, name, flow } = body.read(NEWEST, read)?;
    Ok(json(StatusCode::OK, &provider::discover(&*api.node.world(), &issuer, name, flow).await?))
}

const WISH: Form = Form {
    name: "ProviderToDiscover",
    schema: || {
        Schema::object()
            .required("issuer", Schema::url().saying("What the server calls itself."))
            .optional("name", Schema::name().saying("Of the definition; made of the host, if left out."))
            .optional(
                "flow",
                Schema::word(AuthenticationFlow::ALL.map(AuthenticationFlow::as_str))
                    .saying("How tokens are to be obtained; by what the server says, if left out."),
            )
    },
    example: r#"{"issuer": "https://login.example.com", "name": "Login", "flow": "authorization_code"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Wish> {
    let mut fields = reader.fields(at)?;
    let issuer = fields.require(reader, "issuer").and_then(|at| reader.parsed(&at, Issuer::parse));
    let name = fields.take("name").map(|at| reader.parsed(&at, ApiName::parse));
    let flow = fields.take("flow").map(|at| reader.word(&at, &AuthenticationFlow::ALL.map(AuthenticationFlow::as_str)));
    fields.finish(reader);
    Some(Wish { issuer: issuer?, name: name.flatten(), flow: flow.flatten().and_then(AuthenticationFlow::parse) })
}
