//! Principals that come, go and change places.

use sortie_server::manage::apply::{Mode, Unlisted};
use sortie_server::manage::definition::{Defined, remove};
use sortie_server::manage::secret;

use crate::fixture::{BILLING, Fixture, both_databases, name, principal, said};

both_databases! {
    two_principals_can_change_places,
    unlisted_principals_stay_unless_they_are_pruned,
    a_pruned_principal_takes_its_values_along,
    what_is_used_cannot_be_removed,
}

fn with(principals: &str) -> String {
    format!("external_credentials:\n- name: A\n  protocol: basic\n  principals: [{principals}]\n")
}

async fn numbers(fixture: &Fixture) -> Vec<(String, u32)> {
    let definitions = fixture.house.store().definitions().await.unwrap();
    definitions.principals.iter().map(|principal| (principal.name.to_string(), principal.sequence_number)).collect()
}

async fn two_principals_can_change_places(fixture: Fixture) {
    fixture.apply(&with("{name: P, sequence_number: 1}, {name: Q, sequence_number: 2}")).await;
    let swapped = with("{name: P, sequence_number: 2}, {name: Q, sequence_number: 1}, {name: R, sequence_number: 4294967295}");
    assert_eq!(
        fixture.apply(&swapped).await,
        [
            "unchanged external_credential A",
            "updated principal A/P sequence_number",
            "updated principal A/Q sequence_number",
            "created principal A/R",
        ]
    );
    let expected = [("Q", 1), ("P", 2), ("R", u32::MAX)].map(|(name, number)| (name.to_owned(), number));
    assert_eq!(numbers(&fixture).await, expected);
}

async fn unlisted_principals_stay_unless_they_are_pruned(fixture: Fixture) {
    fixture.apply(&with("{name: P, sequence_number: 1}, {name: Q, sequence_number: 2}")).await;
    let only_p = with("{name: P, sequence_number: 1}");
    assert_eq!(fixture.apply(&only_p).await, ["unchanged external_credential A", "left_alone principal A/Q", "unchanged principal A/P"]);
    // A pruned principal leaves its number to another in the same file.
    let renumbered = with("{name: P, sequence_number: 2}");
    let pruned = fixture.try_apply(&renumbered, Mode::Store, Unlisted::Prune).await.unwrap();
    assert_eq!(said(&pruned), ["unchanged external_credential A", "deleted principal A/Q", "updated principal A/P sequence_number"]);
    assert_eq!(numbers(&fixture).await, [("P".to_owned(), 2)]);
}

async fn a_pruned_principal_takes_its_values_along(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let none = BILLING[..BILLING.find("    principals:").unwrap()].to_owned();
    fixture.try_apply(&none, Mode::Store, Unlisted::Prune).await.unwrap();
    assert!(fixture.house.store().credential_values().summary().await.unwrap().is_empty());
    let gone = secret::list(&fixture.manage(), &principal("Billing/Service"), None).await.unwrap_err();
    assert_eq!(gone.code(), "principal_unknown");
}

async fn what_is_used_cannot_be_removed(fixture: Fixture) {
    fixture.apply(BILLING).await;
    let refused = remove(&fixture.manage(), &Defined::ExternalCredential(name("Billing"))).await.unwrap_err();
    assert_eq!(refused.to_string(), "the external credential `Billing` is used by named credential `Billing`");
    assert_eq!(remove(&fixture.manage(), &Defined::Profile(name("Staff"))).await.unwrap_err().code(), "in_use");
    for defined in
        [Defined::NamedCredential(name("billing")), Defined::ExternalCredential(name("BILLING")), Defined::PermissionSet(name("Readers"))]
    {
        remove(&fixture.manage(), &defined).await.unwrap();
        assert!(remove(&fixture.manage(), &defined).await.unwrap_err().code().ends_with("_unknown"));
    }
    let definitions = fixture.house.store().definitions().await.unwrap();
    assert!(definitions.principals.is_empty() && definitions.principal_access.is_empty());
}
