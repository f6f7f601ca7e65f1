//! A row for every route: who is not known, and who is known and may not. A route without a row fails here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sortie_server::api::{Access, Mounts, Route, routes};

use crate::office::Office;

/// Method, path, and what a user without any permission gets with a body that is right: what they may not do is refused, and what is not theirs is not there.
const ROWS: &[(&str, &str, u16)] = &[
    ("GET", "/openapi.json", 200),
    ("GET", "/services/data", 200),
    ("GET", "/", 200),
    ("POST", "/presign", 403),
    ("GET", "/named-credentials/credential", 403),
    ("POST", "/named-credentials/credential", 403),
    ("PUT", "/named-credentials/credential", 403),
    ("PATCH", "/named-credentials/credential", 403),
    ("DELETE", "/named-credentials/credential", 403),
    ("POST", "/named-credentials/credential/auth-url/o-auth", 403),
    ("GET", "/named-credentials/external-credentials", 200),
    ("GET", "/named-credentials/external-credentials/{name}", 404),
    ("POST", "/named-credentials/external-credentials", 403),
    ("PUT", "/named-credentials/external-credentials/{name}", 403),
    ("DELETE", "/named-credentials/external-credentials/{name}", 403),
    ("GET", "/named-credentials/named-credential-setup", 403),
    ("GET", "/named-credentials/named-credential-setup/{name}", 403),
    ("POST", "/named-credentials/named-credential-setup", 403),
    ("PUT", "/named-credentials/named-credential-setup/{name}", 403),
    ("DELETE", "/named-credentials/named-credential-setup/{name}", 403),
    ("GET", "/named-credentials/external-auth-identity-providers", 403),
    ("GET", "/named-credentials/external-auth-identity-providers/{name}", 403),
    ("POST", "/named-credentials/external-auth-identity-providers", 403),
    ("PUT", "/named-credentials/external-auth-identity-providers/{name}", 403),
    ("DELETE", "/named-credentials/external-auth-identity-providers/{name}", 403),
    ("GET", "/named-credentials/external-auth-identity-provider-credentials/{name}", 403),
    ("POST", "/named-credentials/external-auth-identity-provider-credentials/{name}", 403),
    ("PUT", "/named-credentials/external-auth-identity-provider-credentials/{name}", 403),
    ("GET", "/users", 403),
    ("POST", "/users", 403),
    ("GET", "/users/{user}", 403),
    ("PATCH", "/users/{user}", 403),
    ("DELETE", "/users/{user}", 403),
    ("PUT", "/users/{user}/permission-sets/{name}", 403),
    ("DELETE", "/users/{user}/permission-sets/{name}", 403),
    ("PUT", "/users/{user}/password", 403),
    ("DELETE", "/users/{user}/password", 403),
    ("DELETE", "/users/{user}/identities", 403),
    ("GET", "/users/{user}/keys", 403),
    ("POST", "/users/{user}/keys", 403),
    ("DELETE", "/users/{user}/keys/{id}", 403),
    ("GET", "/keys/{id}", 403),
    ("GET", "/permission-sets", 403),
    ("POST", "/permission-sets", 403),
    ("GET", "/permission-sets/{name}", 403),
    ("PUT", "/permission-sets/{name}", 403),
    ("DELETE", "/permission-sets/{name}", 403),
    ("GET", "/profiles", 403),
    ("POST", "/profiles", 403),
    ("GET", "/profiles/{name}", 403),
    ("PUT", "/profiles/{name}", 403),
    ("DELETE", "/profiles/{name}", 403),
    ("GET", "/principal-access", 403),
    ("POST", "/principal-access", 403),
    ("DELETE", "/principal-access", 403),
    ("GET", "/external-credentials/{name}/principals/{principal}/values", 404),
    ("PUT", "/external-credentials/{name}/principals/{principal}/values/{value}", 404),
    ("DELETE", "/external-credentials/{name}/principals/{principal}/values/{value}", 404),
    ("GET", "/external-credentials/{name}/principals/{principal}/login", 404),
    ("DELETE", "/external-credentials/{name}/principals/{principal}/login", 404),
    ("GET", "/certificates", 403),
    ("POST", "/certificates", 403),
    ("GET", "/certificates/{name}", 403),
    ("DELETE", "/certificates/{name}", 403),
    ("PUT", "/certificates/{name}/chain", 403),
    ("GET", "/certificates/{name}/chain", 403),
    ("GET", "/certificates/{name}/request", 403),
    ("POST", "/certificates/{name}/renewals", 403),
    ("POST", "/certificates/{name}/imports", 403),
    ("DELETE", "/certificates/{name}/versions/{version}", 403),
    ("POST", "/certificate-requests", 403),
    ("POST", "/certificate-imports", 403),
    ("GET", "/providers", 403),
    ("GET", "/providers/{name}", 403),
    ("DELETE", "/providers/{name}", 403),
    ("GET", "/providers/{name}/values", 403),
    ("PUT", "/providers/{name}/values", 403),
    ("PUT", "/providers/{name}/values/{value}", 403),
    ("DELETE", "/providers/{name}/values/{value}", 403),
    ("POST", "/provider-discoveries", 403),
    ("POST", "/definitions/apply", 403),
    ("GET", "/audit", 403),
    ("GET", "/audit/verification", 403),
    ("GET", "/status", 403),
    ("GET", "/status/{name}", 403),
    ("GET", "/snapshot", 403),
    ("POST", "/explain", 403),
    ("POST", "/formulas/check", 200),
    ("POST", "/formulas/evaluate", 403),
    ("GET", "/query", 403),
    ("POST", "/sobjects/SetupEntityAccess", 403),
    ("DELETE", "/sobjects/SetupEntityAccess/{id}", 403),
    ("POST", "/sobjects/ObjectPermissions", 403),
];

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<(&str, &str)> = ROWS.iter().map(|(method, path, _)| (*method, *path)).collect();
    let all: BTreeSet<(&str, &str)> = routes().map(|route| (route.method, route.path)).collect();
    assert_eq!(rows, all);
    assert_eq!((rows.len(), all.len()), (ROWS.len(), routes().count()), "none twice");
}

/// Where a route is, with names that do not exist.
fn place(route: &Route) -> String {
    let path = route
        .path
        .replace("{name}", "Nope")
        .replace("{user}", "nope")
        .replace("{id}", "0ptNope00000000")
        .replace("{principal}", "Nope")
        .replace("{value}", "nope")
        .replace("{version}", "1");
    let query = match (route.method, path.as_str()) {
        ("GET" | "DELETE", "/named-credentials/credential") => "?externalCredential=Nope&principalType=NamedPrincipal&principalName=Nope",
        ("GET", "/query") => "?q=SELECT+Id+FROM+PermissionSet",
        _ => "",
    };
    let mount = match route.mounts {
        Mounts::Salesforce if route.path == "/services/data" => "",
        Mounts::Salesforce => "/services/data/v67.0",
        Mounts::Both(_) | Mounts::Own => "/api/v1",
    };
    format!("{mount}{path}{query}")
}

fn body(route: &Route) -> Option<Value> {
    let credential = json!({"externalCredential": "Nope", "principalType": "NamedPrincipal", "principalName": "Nope"});
    match route.path {
        _ if matches!(route.method, "GET" | "DELETE") => None,
        "/formulas/check" => Some(json!({"formula": "1 + 1"})),
        "/presign" => Some(json!({"target": "callout:Nope/x"})),
        path if path.starts_with("/named-credentials/credential") => Some(credential),
        _ => Some(json!({})),
    }
}

#[test]
fn auth_01_nobody_is_heard_without_a_key() {
    let office = Office::open();
    for route in routes().filter(|route| route.access != Access::Anybody) {
        let answer = office.send(None, route.method, &place(route), body(route).as_ref(), &[]);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{} {}", route.method, route.path);
    }
}

#[test]
fn a_deputy_is_heard_at_every_route_of_ours_and_at_none_of_salesforces() {
    let office = Office::open();
    let nobody = office.key("nobody");
    let expected = |key, for_whom, route: &Route| {
        let answer = office.send(Some(key), route.method, &place(route), body(route).as_ref(), &[("Sortie-On-Behalf-Of", for_whom)]);
        (answer.status, answer.header("sortie-error").unwrap_or_default().to_owned())
    };
    for route in routes().filter(|route| route.access != Access::Anybody) {
        let at = format!("{} {}", route.method, route.path);
        if matches!(route.mounts, Mounts::Salesforce) {
            assert_eq!(expected(&office.admin, "alice", route).0, 400, "{at}");
            continue;
        }
        assert_eq!(expected(&office.admin, "eve", route), (404, "user_unknown".to_owned()), "{at}");
        assert_eq!(expected(&office.admin, "no name", route), (400, "header_invalid".to_owned()), "{at}");
        assert_eq!(expected(&nobody, "alice", route), (403, "permission_missing".to_owned()), "{at}");
    }
}

#[test]
fn nobody_does_what_they_may_not() {
    let office = Office::open();
    let nobody = office.key("nobody");
    for route in routes() {
        let (_, _, expected) = ROWS.iter().find(|(method, path, _)| (*method, *path) == (route.method, route.path)).unwrap();
        let answer = office.send(Some(&nobody), route.method, &place(route), body(route).as_ref(), &[]);
        assert_eq!(answer.status, *expected, "{} {}: {}", route.method, route.path, answer.text());
        if let Access::AnyOf(_) = route.access {
            assert_eq!(answer.status, 403, "{} {}", route.method, route.path);
        }
    }
}
