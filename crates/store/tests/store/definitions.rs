//! What goes in comes out.

use sortie_model::{CallerFormulas, ExternalCredential, Grantee, PrincipalAccess};
use sortie_store::Store;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, label, name, named_credential, permission_set, principal, profile, user};

both_backends! {
    definitions_keep_every_field,
    an_update_replaces_every_field,
    a_revision_moves_with_what_tokens_depend_on_and_with_nothing_else,
    a_deleted_principal_takes_its_access_along,
    a_change_reads_what_it_has_written,
    changes_of_users_are_no_changes_of_definitions,
}

async fn definitions_keep_every_field(backend: Backend) {
    let store = backend.store().await;
    let mut crm = external_credential("Crm");
    let mut billing = external_credential("billing");
    let (first, second) = (principal(&crm, "Admin", 1), principal(&crm, "Each user (S3-User)", 2));
    let named = named_credential(&crm, "My_Crm");
    let (set, team) = (permission_set("Callers"), profile("Team"));
    let access = [
        PrincipalAccess { principal: first.id, grantee: Grantee::PermissionSet(set.id) },
        PrincipalAccess { principal: first.id, grantee: Grantee::Profile(team.id) },
        PrincipalAccess { principal: second.id, grantee: Grantee::Profile(team.id) },
    ];

    let mut change = store.change().await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.external_credentials().insert(&billing).await.unwrap();
    change.principals().insert(&second).await.unwrap();
    change.principals().insert(&first).await.unwrap();
    for access in access {
        change.principal_access().insert(access).await.unwrap();
    }
    change.named_credentials().insert(&named).await.unwrap();
    let generation = change.commit().await.unwrap();

    let definitions = store.definitions().await.unwrap();
    (crm.revision, billing.revision) = (generation.as_i64(), generation.as_i64());
    assert_eq!(definitions.generation, generation);
    assert_eq!(store.generation().await.unwrap(), generation);
    assert_eq!(definitions.external_credentials, [billing, crm]);
    assert_eq!(definitions.principals, [first, second]);
    let mut read = definitions.principal_access;
    read.sort_unstable();
    let mut written = access.to_vec();
    written.sort_unstable();
    assert_eq!(read, written);
    assert_eq!(definitions.named_credentials, [named]);
    assert_eq!(definitions.permission_sets, [set]);
    assert_eq!(definitions.profiles, [team]);
}

async fn an_update_replaces_every_field(backend: Backend) {
    let store = backend.store().await;
    let (crm, set, team) = (external_credential("Crm"), permission_set("Callers"), profile("Team"));
    let (first, named) = (principal(&crm, "Admin", 1), named_credential(&crm, "My_Crm"));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&first).await.unwrap();
    change.named_credentials().insert(&named).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.commit().await.unwrap();

    let other = external_credential("Other");
    let new_crm = ExternalCredential {
        id: crm.id,
        name: name("Crm_2"),
        label: label("New"),
        description: String::new(),
        renewal_rules: Vec::new(),
        headers: Vec::new(),
        ..other.clone()
    };
    let new_first = sortie_model::Principal { sequence_number: 9, ..first.clone() };
    let new_named = sortie_model::NamedCredential {
        id: named.id,
        is_enabled: false,
        generate_authorization_header: true,
        allow_formulas_in_header: CallerFormulas::Refused,
        allow_formulas_in_body: CallerFormulas::Evaluated,
        forwarded_headers: Vec::new(),
        headers: Vec::new(),
        timeouts: sortie_model::Timeouts::default(),
        url: sortie_model::Endpoint::parse("http://127.0.0.1:1").unwrap(),
        ..named_credential(&other, "My_Crm")
    };
    let new_set = sortie_model::PermissionSet { id: set.id, ..permission_set("Callers_2") };
    let new_team = sortie_model::Profile { id: team.id, ..profile("Team_2") };
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&other).await.unwrap();
    change.external_credentials().update(&new_crm).await.unwrap();
    change.principals().update(&new_first).await.unwrap();
    change.named_credentials().update(&new_named).await.unwrap();
    change.permission_sets().update(&new_set).await.unwrap();
    change.profiles().update(&new_team).await.unwrap();
    change.commit().await.unwrap();

    let definitions = store.definitions().await.unwrap();
    let revision = definitions.external_credentials[0].revision;
    assert_eq!(definitions.external_credentials[0], ExternalCredential { revision, ..new_crm });
    assert_eq!(definitions.principals, [new_first]);
    assert_eq!(definitions.named_credentials, [new_named]);
    assert_eq!(definitions.permission_sets, [new_set]);
    assert_eq!(definitions.profiles, [new_team]);
}

async fn revision(store: &Store) -> i64 {
    store.definitions().await.unwrap().external_credentials[0].revision
}

async fn a_revision_moves_with_what_tokens_depend_on_and_with_nothing_else(backend: Backend) {
    let store = backend.store().await;
    let mut crm = external_credential("Crm");
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    let made = change.commit().await.unwrap();
    assert_eq!(revision(&store).await, made.as_i64());

    crm.description = "another".to_owned();
    crm.headers.clear();
    let mut change = store.change().await.unwrap();
    change.external_credentials().update(&crm).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(revision(&store).await, made.as_i64());

    crm.settings.insert("scope".to_owned(), "read".into());
    let mut change = store.change().await.unwrap();
    change.external_credentials().update(&crm).await.unwrap();
    let updated = change.commit().await.unwrap();
    assert_eq!(revision(&store).await, updated.as_i64());

    let mut change = store.change().await.unwrap();
    change.touch_credential(crm.id).await.unwrap();
    let touched = change.commit().await.unwrap();
    assert_eq!(revision(&store).await, touched.as_i64());
    assert!(made < updated && updated < touched);
}

async fn a_deleted_principal_takes_its_access_along(backend: Backend) {
    let store = backend.store().await;
    let (crm, set) = (external_credential("Crm"), permission_set("Callers"));
    let (first, second) = (principal(&crm, "Admin", 1), principal(&crm, "Other", 2));
    let kept = PrincipalAccess { principal: second.id, grantee: Grantee::PermissionSet(set.id) };
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    for principal in [&first, &second] {
        change.principals().insert(principal).await.unwrap();
        change.principal_access().insert(PrincipalAccess { principal: principal.id, grantee: kept.grantee }).await.unwrap();
    }
    change.principals().delete(first.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.definitions().await.unwrap().principal_access, [kept]);

    let mut change = store.change().await.unwrap();
    change.principal_access().delete(kept).await.unwrap();
    assert_eq!(change.principal_access().delete(kept).await.unwrap_err().code(), "missing");
    drop(change);
}

async fn a_change_reads_what_it_has_written(backend: Backend) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    let within = change.definitions().await.unwrap();
    assert_eq!(within.external_credentials.len(), 1);
    assert_eq!(within.generation, change.generation());
    assert!(store.definitions().await.unwrap().external_credentials.is_empty(), "nobody else sees it yet");
    drop(change);
    let after = store.definitions().await.unwrap();
    assert!(after.external_credentials.is_empty());
    assert!(after.generation < within.generation);
}

async fn changes_of_users_are_no_changes_of_definitions(backend: Backend) {
    let store = backend.store().await;
    let (set, someone) = (permission_set("Callers"), user("someone", None));
    let mut change = store.change().await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.users().insert(&someone).await.unwrap();
    change.commit().await.unwrap();
    let first = store.progress().await.unwrap();

    let mut change = store.change().await.unwrap();
    change.users().assign(someone.id, set.id).await.unwrap();
    change.commit().await.unwrap();
    let mut change = store.change().await.unwrap();
    change.users().delete(someone.id).await.unwrap();
    change.commit().await.unwrap();
    let second = store.progress().await.unwrap();
    assert!(second.generation > first.generation, "who calls is looked up again");
    assert_eq!(second.edition, first.edition, "and definitions are not");
    assert_eq!(store.definitions().await.unwrap().edition, first.edition);

    let mut change = store.change().await.unwrap();
    change.permission_sets().delete(set.id).await.unwrap();
    // A change that was given up is none.
    drop(change);
    assert_eq!(store.progress().await.unwrap(), second);
    let mut change = store.change().await.unwrap();
    change.permission_sets().delete(set.id).await.unwrap();
    change.commit().await.unwrap();
    assert!(store.progress().await.unwrap().edition > second.edition);
}
