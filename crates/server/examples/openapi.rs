//! Prints the OpenAPI document of the management API: `docs/reference/openapi.json`.
#![allow(clippy::print_stdout, reason = "that is all it does")]

fn main() {
    print!("{}", sortie_server::api::document_text());
}
