//! The reference of the management API, from its own OpenAPI document: a page that lists all operations, and one for each. Like the document, whoever can reach the listener reads it.

mod members;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::Value;

use self::members::{Member, members};
use super::message::Message;
use super::page::{Frame, Page};
use crate::api::document;

/// What operations that are at the other mount too are called there.
const SECOND: &str = "OfVersion";

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage {
    frame: Frame,
    about: Vec<Span>,
    groups: Vec<Group>,
}

/// Operations that belong together.
struct Group {
    name: &'static str,
    about: &'static str,
    operations: Vec<Operation>,
}

/// An operation, at one place or at both.
#[derive(Clone, Copy)]
struct Operation {
    id: &'static str,
    method: &'static str,
    path: &'static str,
    value: &'static Value,
}

#[derive(Template)]
#[template(path = "reference_operation.html")]
struct OperationPage {
    frame: Frame,
    summary: &'static str,
    group: &'static str,
    about: Vec<Span>,
    method: String,
    paths: Vec<&'static str>,
    needs_key: bool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
    refusals: Vec<(&'static str, Vec<Span>)>,
}

/// A piece of a text: words, or what is written as it stands.
struct Span {
    text: &'static str,
    is_code: bool,
}

struct Parameter {
    name: &'static str,
    place: &'static str,
    is_required: bool,
    kind: String,
    about: Vec<Span>,
}

struct Body {
    members: Vec<Member>,
    example: String,
}

struct Answer {
    status: &'static str,
    about: &'static str,
    headers: Vec<&'static str>,
    members: Vec<Member>,
}

pub(super) async fn list() -> Response {
    let about = spans(text(&document()["info"]["description"]));
    let tags = document()["tags"].as_array().into_iter().flatten();
    let group = |tag: &'static Value| {
        let name = text(&tag["name"]);
        let operations = operations().filter(|operation| text(&operation.value["tags"][0]) == name && !operation.is_second()).collect();
        Group { name, about: text(&tag["description"]), operations }
    };
    let groups = tags.map(group).filter(|group| !group.operations.is_empty()).collect();
    Page(StatusCode::OK, ReferencePage { frame: Frame::default(), about, groups }).into_response()
}

pub(super) async fn show(Path(id): Path<String>) -> Result<Response, Message> {
    let operation = operations().find(|operation| operation.id == id && !operation.is_second()).ok_or_else(Message::not_found)?;
    let second = operations().find(|other| other.id.strip_suffix(SECOND) == Some(operation.id));
    Ok(Page(StatusCode::OK, page(operation, second)).into_response())
}

fn page(operation: Operation, second: Option<Operation>) -> OperationPage {
    let Operation { id: _, method, path, value } = operation;
    let content = &value["requestBody"]["content"]["application/json"];
    let body = content.get("schema").map(|schema| Body { members: members(schema), example: format!("{:#}", content["example"]) });
    let (mut answers, mut refusals) = (Vec::new(), Vec::new());
    for (status, response) in value["responses"].as_object().into_iter().flatten() {
        let response = resolved(response);
        if status.starts_with('2') {
            let headers = response["headers"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let members = response["content"]["application/json"].get("schema").map(members).unwrap_or_default();
            answers.push(Answer { status, about: text(&response["description"]), headers, members });
        } else {
            refusals.push((status.as_str(), spans(text(&response["description"]))));
        }
    }
    OperationPage {
        frame: Frame::default(),
        summary: text(&value["summary"]),
        group: text(&value["tags"][0]),
        about: spans(text(&value["description"])),
        method: method.to_uppercase(),
        paths: [Some(path), second.map(|second| second.path)].into_iter().flatten().collect(),
        needs_key: value["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
        parameters: parameters(value, second.map(|second| second.value)),
        body,
        answers,
        refusals,
    }
}

/// At the second place there is a version beside what there is at the first, and what only the first has comes behind.
fn parameters(first: &'static Value, second: Option<&'static Value>) -> Vec<Parameter> {
    let of = |value: &'static Value| value["parameters"].as_array().into_iter().flatten();
    let own = of(first).filter(|parameter| second.is_some_and(|second| !of(second).any(|known| known == *parameter)));
    let parameter = |parameter: &'static Value| {
        let parameter = resolved(parameter);
        let place = match text(&parameter["in"]) {
            "path" => "path",
            "query" => "query",
            _ => "header",
        };
        let is_required = parameter["required"] == true;
        let (kind, about) = (members::kind(&parameter["schema"]), spans(text(&parameter["description"])));
        Parameter { name: text(&parameter["name"]), place, is_required, kind, about }
    };
    of(second.unwrap_or(first)).chain(own).map(parameter).collect()
}

impl Operation {
    fn is_second(self) -> bool {
        self.id.ends_with(SECOND)
    }

    fn method(&self) -> String {
        self.method.to_uppercase()
    }

    fn summary(&self) -> &'static str {
        text(&self.value["summary"])
    }
}

fn operations() -> impl Iterator<Item = Operation> {
    let paths = document()["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let each = item.as_object().into_iter().flatten();
        each.map(move |(method, value)| Operation { id: text(&value["operationId"]), method, path, value })
    })
}

/// What a reference refers to, or the thing itself.
fn resolved(value: &'static Value) -> &'static Value {
    let target = value["$ref"].as_str().and_then(|reference| document().pointer(reference.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap_or_default()
}

/// Every other piece between backticks is written as it stands.
fn spans(text: &'static str) -> Vec<Span> {
    let pieces = text.split('`').enumerate().map(|(index, text)| Span { text, is_code: index % 2 == 1 });
    pieces.filter(|span| !span.text.is_empty()).collect()
}
