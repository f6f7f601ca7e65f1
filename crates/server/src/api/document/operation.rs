//! What a route is for whoever uses it, in a form of which the document is made. A route has one, or it does not compile.

use serde_json::Value;
use utoipa::ToSchema;

use super::components::Components;
use super::schema::Schema;
use crate::api::json::{At, Reader};

/// An operation.
#[derive(Clone, Copy)]
pub(in crate::api) struct Operation {
    /// `listUsers`: what generated clients call it.
    pub(super) id: &'static str,
    pub(super) tag: Tag,
    /// One line.
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) query: &'static [Query],
    pub(super) body: Option<&'static Form>,
    pub(super) answers: [Option<Answer>; 2],
    pub(super) etag: Etagged,
    /// Statuses of refusals beside those that follow from the route itself.
    pub(super) refusals: &'static [u16],
}

/// What belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::api) enum Tag {
    Credentials,
    ExternalCredentials,
    NamedCredentials,
    IdentityProviders,
    Providers,
    Definitions,
    Users,
    Access,
    Certificates,
    Audit,
    Callouts,
    State,
    Salesforce,
}

/// A parameter in a query.
pub(in crate::api) struct Query {
    pub(in crate::api) name: &'static str,
    pub(in crate::api) needed: Needed,
    pub(in crate::api) schema: fn() -> Schema,
    pub(in crate::api) description: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Needed {
    Always,
    IfWanted,
}

/// Whether answers say which version they show, and changes may say which one they were made beside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Etagged {
    Yes,
    No,
}

/// A body that is read.
pub(in crate::api) struct Form {
    /// Of its schema, among all.
    pub(in crate::api) name: &'static str,
    pub(in crate::api) schema: fn() -> Schema,
    /// One that is taken, with every member that is not passed over. JSON.
    pub(in crate::api) example: &'static str,
    /// What reads it, so that a test can compare.
    #[cfg_attr(not(test), allow(dead_code, reason = "what handlers call is the same function"))]
    pub(in crate::api) read: fn(&mut Reader, &At<'_>) -> bool,
}

/// What is answered when it is done.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) schema: Option<fn(&mut Components) -> Value>,
}

impl Operation {
    pub(in crate::api) const fn new(id: &'static str, tag: Tag, summary: &'static str) -> Self {
        let answers = [None, None];
        Self { id, tag, summary, description: "", query: &[], body: None, answers, etag: Etagged::No, refusals: &[] }
    }

    pub(in crate::api) const fn describe(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    pub(in crate::api) const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    pub(in crate::api) const fn body(self, form: &'static Form) -> Self {
        Self { body: Some(form), ..self }
    }

    /// Answers with a `T`.
    pub(in crate::api) const fn gives<T: ToSchema>(self, status: u16) -> Self {
        self.answer(Answer { status, schema: Some(Components::of::<T>) })
    }

    /// Answers with something that no type of ours is.
    pub(in crate::api) const fn gives_value(self, status: u16, schema: fn(&mut Components) -> Value) -> Self {
        self.answer(Answer { status, schema: Some(schema) })
    }

    /// Answers with nothing: 204.
    pub(in crate::api) const fn gives_nothing(self) -> Self {
        self.answer(Answer { status: 204, schema: None })
    }

    const fn answer(mut self, answer: Answer) -> Self {
        let index = if self.answers[0].is_some() { 1 } else { 0 };
        self.answers[index] = Some(answer);
        self
    }

    /// Answers have an `ETag`; a change looks at `If-Match`.
    pub(in crate::api) const fn etagged(self) -> Self {
        Self { etag: Etagged::Yes, ..self }
    }

    /// Whether a change looks at `If-Match`.
    pub(in crate::api) const fn looks_at_if_match(&self) -> bool {
        matches!(self.etag, Etagged::Yes)
    }

    pub(in crate::api) const fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

impl Tag {
    /// In their order in the document, with a line each.
    pub(super) const ALL: [(Self, &'static str, &'static str); 13] = [
        (Self::Credentials, "Credentials", "What is stored for a principal. Secrets go in and never come out."),
        (Self::ExternalCredentials, "External credentials", "How to authenticate, and as whom."),
        (Self::NamedCredentials, "Named credentials", "Where a call goes, and with which external credential."),
        (Self::IdentityProviders, "External auth identity providers", "Where OAuth tokens come from, in the shapes of Salesforce."),
        (Self::Providers, "Providers", "Providers of both kinds, and what is stored for their clients."),
        (Self::Definitions, "Definitions", "A whole YAML file at once, and the generation of what is in force."),
        (Self::Users, "Users", "Who calls: people, programs, and their API keys."),
        (Self::Access, "Access", "Permission sets and profiles, and which principals they enable."),
        (Self::Certificates, "Certificates", "Key pairs that sign, or authenticate TLS."),
        (Self::Audit, "Audit", "What was done and called, on this node."),
        (Self::Callouts, "Callouts", "What one would do, and addresses that stand for one."),
        (Self::State, "State", "Status and health, what a formula reads, and this document."),
        (Self::Salesforce, "Salesforce", "The few parts of the wider REST API of Salesforce that scripts need."),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(tag, _, _)| *tag == self).map_or("", |(_, name, _)| name)
    }
}
