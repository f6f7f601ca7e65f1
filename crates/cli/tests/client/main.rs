//! `sortie-client` against a running server: every route is asked, and every answer compared with what the client makes of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../command/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the commands")]
mod harness;

mod callouts;
mod certificates;
mod credentials;
mod definitions;
mod people;
mod relay;
mod state;
mod witness;

use std::collections::BTreeSet;

use sortie_server::api::{Mounts, routes};

use crate::witness::Witness;

#[test]
fn every_route_is_asked_and_every_answer_is_read_whole() {
    let witness = Witness::new();
    witness.run(async {
        people::users(&witness).await;
        people::keys(&witness).await;
        people::permission_sets(&witness).await;
        people::profiles(&witness).await;
        people::principal_access(&witness).await;
        people::access_in_salesforces_way(&witness).await;
        definitions::external_credentials(&witness).await;
        definitions::named_credentials(&witness).await;
        definitions::identity_providers(&witness).await;
        definitions::providers(&witness).await;
        definitions::discovery(&witness).await;
        certificates::self_signed(&witness).await;
        certificates::from_an_authority_and_from_elsewhere(&witness).await;
        definitions::apply(&witness).await;
        credentials::basic(&witness).await;
        credentials::custom(&witness).await;
        credentials::logins(&witness).await;
        credentials::one_by_one(&witness).await;
        credentials::for_somebody_else(&witness).await;
        state::status(&witness).await;
        state::explain(&witness).await;
        state::formulas(&witness).await;
        state::trials(&witness).await;
        state::presign(&witness).await;
        state::audit(&witness).await;
    });
    // What nobody needs a client for: the list of versions, the list of resources, and the document.
    let wanted = routes().filter(|route| !matches!(route.path, "/services/data" | "/" | "/openapi.json"));
    let base = |mounts| if matches!(mounts, Mounts::Salesforce) { "/services/data/v67.0" } else { "/api/v1" };
    let wanted: BTreeSet<String> = wanted.map(|route| format!("{} {}{}", route.method, base(route.mounts), route.path)).collect();
    let asked = witness.asked();
    let missed: Vec<&String> = wanted.iter().filter(|route| !asked.iter().any(|asked| witness::is_of(asked, route))).collect();
    assert!(missed.is_empty(), "nobody has asked {missed:#?}");
    let strange: Vec<&String> = asked.iter().filter(|asked| !wanted.iter().any(|route| witness::is_of(asked, route))).collect();
    assert!(strange.is_empty(), "there is no route for {strange:#?}");
}
