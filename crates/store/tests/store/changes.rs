//! What a change refuses, and that nothing of a refused change stays.

use sortie_model::{ExternalCredential, Grantee, IdentityType, PermissionSetId, PrincipalAccess};
use sortie_store::ChangeError;
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{external_credential, name, named_credential, permission_set, principal, profile, user};

both_backends! {
    names_are_unique_without_regard_to_case,
    sequence_numbers_are_unique_within_a_credential,
    what_is_used_is_not_deleted,
    what_is_referred_to_must_exist,
    immutable_fields_do_not_change,
    a_failed_change_leaves_nothing_behind,
    text_that_one_database_cannot_store_is_refused_by_both,
    changes_happen_one_after_the_other,
}

fn conflict(what: &'static str, name: &str) -> ChangeError {
    ChangeError::Conflict { what, name: name.to_owned() }
}

async fn names_are_unique_without_regard_to_case(backend: Backend) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.external_credentials().insert(&external_credential("Other")).await.unwrap();
    change.named_credentials().insert(&named_credential(&crm, "Crm")).await.unwrap();
    change.principals().insert(&principal(&crm, "Admin", 1)).await.unwrap();
    change.permission_sets().insert(&permission_set("Set")).await.unwrap();
    change.profiles().insert(&profile("Team")).await.unwrap();
    change.users().insert(&user("alice", None)).await.unwrap();
    change.commit().await.unwrap();

    // Each in a change of its own: after an error a change takes nothing more.
    let mut change = store.change().await.unwrap();
    assert_eq!(change.external_credentials().insert(&external_credential("cRM")).await, Err(conflict("external credential", "cRM")));
    drop(change);
    let mut change = store.change().await.unwrap();
    let renamed = ExternalCredential { name: name("OTHER"), ..crm.clone() };
    assert_eq!(change.external_credentials().update(&renamed).await, Err(conflict("external credential", "OTHER")));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.named_credentials().insert(&named_credential(&crm, "CRM")).await, Err(conflict("named credential", "CRM")));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.principals().insert(&principal(&crm, "aDMIN", 2)).await, Err(conflict("principal", "aDMIN")));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.permission_sets().insert(&permission_set("sET")).await, Err(conflict("permission set", "sET")));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.profiles().insert(&profile("tEAM")).await, Err(conflict("profile", "tEAM")));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.users().insert(&user("Alice", None)).await, Err(conflict("user", "Alice")));
}

async fn sequence_numbers_are_unique_within_a_credential(backend: Backend) {
    let store = backend.store().await;
    let (crm, other) = (external_credential("Crm"), external_credential("Other"));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.external_credentials().insert(&other).await.unwrap();
    change.principals().insert(&principal(&crm, "One", 1)).await.unwrap();
    change.principals().insert(&principal(&other, "One", 1)).await.unwrap();
    assert_eq!(change.principals().insert(&principal(&crm, "Two", 1)).await, Err(conflict("principal with sequence number", "1")));
}

async fn what_is_used_is_not_deleted(backend: Backend) {
    let store = backend.store().await;
    let (crm, team) = (external_credential("Crm"), profile("Team"));
    let named = named_credential(&crm, "My_Crm");
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.named_credentials().insert(&named).await.unwrap();
    change.profiles().insert(&team).await.unwrap();
    change.users().insert(&user("alice", Some(team.id))).await.unwrap();
    change.commit().await.unwrap();

    let mut change = store.change().await.unwrap();
    let refused = change.external_credentials().delete(crm.id).await.unwrap_err();
    assert_eq!(refused.to_string(), "the external credential `Crm` is used by named credential `My_Crm`");
    assert_eq!(refused.code(), "in_use");
    let refused = change.profiles().delete(team.id).await.unwrap_err();
    assert_eq!(refused.to_string(), "the profile `Team` is used by user `alice`");
    change.named_credentials().delete(named.id).await.unwrap();
    change.external_credentials().delete(crm.id).await.unwrap();
    change.commit().await.unwrap();
    assert!(store.definitions().await.unwrap().external_credentials.is_empty());
}

async fn what_is_referred_to_must_exist(backend: Backend) {
    let store = backend.store().await;
    let (crm, nowhere) = (external_credential("Crm"), PermissionSetId::from_uuid(Uuid::now_v7()));
    let admin = principal(&crm, "Admin", 1);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.principals().insert(&admin).await, Err(ChangeError::Missing { what: "external credential" }));
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(
        change.named_credentials().insert(&named_credential(&crm, "A")).await,
        Err(ChangeError::Missing { what: "external credential" })
    );
    drop(change);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.users().insert(&user("alice", Some(profile("Team").id))).await, Err(ChangeError::Missing { what: "profile" }));
    drop(change);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    let access = PrincipalAccess { principal: admin.id, grantee: Grantee::PermissionSet(nowhere) };
    assert_eq!(change.principal_access().insert(access).await, Err(ChangeError::Missing { what: "principal, permission set or profile" }));
    drop(change);
    let mut change = store.change().await.unwrap();
    for missing in [
        change.external_credentials().update(&crm).await,
        change.external_credentials().delete(crm.id).await,
        change.touch_credential(crm.id).await,
        change.principals().update(&admin).await,
        change.principals().delete(admin.id).await,
        change.named_credentials().update(&named_credential(&crm, "A")).await,
        change.permission_sets().update(&permission_set("A")).await,
        change.permission_sets().delete(nowhere).await,
        change.profiles().update(&profile("A")).await,
        change.users().update(&user("bob", None)).await,
        change.users().delete(user("bob", None).id).await,
    ] {
        assert_eq!(missing.unwrap_err().code(), "missing");
    }
}

async fn immutable_fields_do_not_change(backend: Backend) {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let (admin, named) = (principal(&crm, "Admin", 1), named_credential(&crm, "My_Crm"));
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.named_credentials().insert(&named).await.unwrap();

    let mut credential = crm.clone();
    credential.protocol = "basic".to_owned();
    let immutable = |what, field| Err(ChangeError::Immutable { what, field });
    assert_eq!(change.external_credentials().update(&credential).await, immutable("external credential", "protocol"));
    let mut other = admin.clone();
    other.identity_type = IdentityType::PerUser;
    assert_eq!(change.principals().update(&other).await, immutable("principal", "identity type"));
    let mut other = admin.clone();
    other.name = crate::fixtures::label("Root");
    assert_eq!(change.principals().update(&other).await, immutable("principal", "name"));
    let mut other = named.clone();
    other.name = name("My_CRM");
    assert_eq!(change.named_credentials().update(&other).await, immutable("named credential", "name"));
}

async fn a_failed_change_leaves_nothing_behind(backend: Backend) {
    let store = backend.store().await;
    let before = store.definitions().await.unwrap();
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&external_credential("Crm")).await.unwrap();
    change.external_credentials().insert(&external_credential("Crm")).await.unwrap_err();
    assert_eq!(change.profiles().insert(&profile("Team")).await.unwrap_err().code(), "database_failed", "nothing more is taken");
    assert_eq!(change.commit().await.unwrap_err().code(), "database_failed");
    assert_eq!(store.definitions().await.unwrap(), before);
}

async fn text_that_one_database_cannot_store_is_refused_by_both(backend: Backend) {
    let store = backend.store().await;
    let mut crm = external_credential("Crm");
    crm.description = "a\0b".to_owned();
    let mut change = store.change().await.unwrap();
    let refused = change.external_credentials().insert(&crm).await.unwrap_err();
    let ChangeError::Failed { source } = refused else { panic!("{refused}") };
    assert_eq!(source.to_string(), "text may not hold U+0000 (`external_credentials`)");
}

async fn changes_happen_one_after_the_other(backend: Backend) {
    let store = backend.store().await;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut change = store.change().await.unwrap();
                let before = change.definitions().await.unwrap();
                let credential = external_credential(&format!("Crm{number}"));
                change.external_credentials().insert(&credential).await.unwrap();
                let generation = change.commit().await.unwrap();
                // Whoever is the n-th to commit sees exactly those who came before.
                assert_eq!(before.external_credentials.len() as i64 + 1, generation.as_i64());
                generation
            })
        })
        .collect();
    let mut generations = Vec::new();
    for task in tasks {
        generations.push(task.await.unwrap().as_i64());
    }
    generations.sort_unstable();
    assert_eq!(generations, (1..=20).collect::<Vec<_>>());
}
