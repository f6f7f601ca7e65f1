//! Permission sets and profiles, which look alike: two resources of one make.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use sortie_metadata::AccessDefinition;
use sortie_model::{ApiName, Label, SystemPermission, SystemPermissions};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::guard::may_give;
use crate::api::caller::ApiCaller;
use crate::api::connect::{Etag, Pointers, Wanted};
use crate::api::document::{Components, Form, Operation, Schema, Tag};
use crate::api::json::{At, Reader};
use crate::api::mount::Mount;
use crate::api::resource::{self, Resource};
use crate::api::{Api, Problem, json};
use crate::manage::definition::Defined;

/// One as shown.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessView)]
struct View {
    name: String,
    label: String,
    description: String,
    #[schema(value_type = Vec<SystemPermission>)]
    permissions: SystemPermissions,
}

const NEW: Form = Form {
    name: "AccessToCreate",
    schema: || members().required("name", Schema::name()),
    example: r#"{"name": "Billing_Callers", "label": "Callers of Billing", "description": "May call", "permissions": ["view_setup"]}"#,
    read: |reader, at| read(reader, at, None).is_some(),
};

const REPLACED: Form = Form {
    name: "AccessToReplace",
    schema: || members().optional("name", Schema::name().saying("As in the path, if it is there at all.")),
    example: NEW.example,
    read: |reader, at| read(reader, at, ApiName::parse("Billing_Callers").ok().as_ref()).is_some(),
};

fn members() -> Schema {
    Schema::object()
        .optional("label", Schema::label().saying("Its name, if left out."))
        .optional("description", Schema::text())
        .optional("permissions", Schema::list(Schema::word(SystemPermission::ALL.iter().map(|permission| permission.as_str()))))
}

fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<AccessDefinition> {
    let mut fields = reader.fields(at)?;
    let name_at = fields.take("name");
    let name = match (&name_at, known) {
        (None, Some(known)) => Some(known.clone()),
        (None, None) => {
            reader.refuse("/name", "required", "is required");
            None
        }
        (Some(at), _) => reader.parsed(at, ApiName::parse),
    };
    if name.as_ref().is_some_and(|name| known.is_some_and(|known| known != name)) {
        reader.refuse("/name", "immutable", "must be the name in the path: a name never changes");
    }
    let label = match fields.take("label") {
        Some(at) => reader.parsed(&at, Label::parse),
        None => name.as_ref().and_then(|name| Label::parse(name.as_str()).ok()),
    };
    let description = fields.take("description").and_then(|at| reader.text(&at)).unwrap_or_default().to_owned();
    let permissions = fields.take("permissions").map(|at| reader.list(&at)).unwrap_or_default();
    let permissions = permissions.iter().filter_map(|at| reader.parsed(at, SystemPermission::parse)).collect();
    fields.finish(reader);
    Some(AccessDefinition { name: known.cloned().or(name)?, label: label?, description, permissions })
}

/// A list of them, under the name of the list.
fn listed(components: &mut Components, name: &str) -> Value {
    let item = Components::of::<View>(components);
    json!({ "type": "object", "properties": { name: { "type": "array", "items": item } }, "required": [name] })
}

/// Makes one of the two.
macro_rules! access_resource {
    ($module:ident, $list:ident, $what:literal, $defined:ident) => {
        pub(super) mod $module {
            use super::*;

            pub(in crate::api::own) const LIST: Operation =
                Operation::new(concat!("list", stringify!($defined), "s"), Tag::Access, concat!("List ", $what, "s"))
                    .gives_value(200, |components| listed(components, stringify!($list)));
            pub(in crate::api::own) const SHOW: Operation =
                Operation::new(concat!("show", stringify!($defined)), Tag::Access, concat!("Show a ", $what)).gives::<View>(200).etagged();
            pub(in crate::api::own) const CREATE: Operation =
                Operation::new(concat!("create", stringify!($defined)), Tag::Access, concat!("Create a ", $what))
                    .body(&NEW)
                    .gives::<View>(201)
                    .etagged();
            pub(in crate::api::own) const REPLACE: Operation =
                Operation::new(concat!("replace", stringify!($defined)), Tag::Access, concat!("Replace a ", $what))
                    .body(&REPLACED)
                    .gives::<View>(200)
                    .etagged();
            pub(in crate::api::own) const REMOVE: Operation =
                Operation::new(concat!("delete", stringify!($defined)), Tag::Access, concat!("Delete a ", $what)).gives_nothing().etagged();

            pub(in crate::api::own) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
                let views: Vec<View> = api.definitions().await?.$list.iter().map(view).collect();
                Ok(json(StatusCode::OK, &json!({ stringify!($list): views })))
            }

            fn view(one: &sortie_model::$defined) -> View {
                View {
                    name: one.name.to_string(),
                    label: one.label.to_string(),
                    description: one.description.clone(),
                    permissions: one.permissions.clone(),
                }
            }

            pub(in crate::api::own) struct Definition;

            impl Resource for Definition {
                const WHAT: &'static str = $what;
                type Stored = sortie_model::$defined;
                type Input = AccessDefinition;

                fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Option<&'d Self::Stored> {
                    definitions.$list.iter().find(|known| known.name == *name)
                }

                fn name(stored: &Self::Stored) -> &ApiName {
                    &stored.name
                }

                fn etag(_: &Definitions, stored: &Self::Stored) -> Etag {
                    Etag::of(stored)
                }

                fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<AccessDefinition> {
                    read(reader, at, known)
                }

                fn name_wanted(input: &AccessDefinition) -> &ApiName {
                    &input.name
                }

                /// Neither what they would give, nor what others have through it.
                fn may(caller: &ApiCaller, input: Option<&AccessDefinition>, before: Option<&Self::Stored>) -> Result<(), Problem> {
                    input.map_or(Ok(()), |input| may_give(caller, &input.permissions))?;
                    before.map_or(Ok(()), |before| may_give(caller, &before.permissions))
                }

                async fn wanted(_: &Api, input: AccessDefinition, _: Option<(&Definitions, &Self::Stored)>) -> Result<Wanted, Problem> {
                    let mut definition = sortie_metadata::Definition::default();
                    definition.$list.push(input);
                    Ok(Wanted { definition, pointers: Pointers::default() })
                }

                fn defined(name: ApiName) -> Defined {
                    Defined::$defined(name)
                }

                async fn answer(api: &Api, _: (&ApiCaller, Mount), name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
                    let definitions = api.definitions().await?;
                    let found = resource::found::<Self>(&definitions, name)?;
                    Ok(Etag::of(found).on(json(status, &view(found))))
                }
            }
        }
    };
}

access_resource!(permission_sets, permission_sets, "permission set", PermissionSet);
access_resource!(profiles, profiles, "profile", Profile);
