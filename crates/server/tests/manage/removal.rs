//! Removing a definition that somebody has seen: looked at where it is removed.

use std::sync::atomic::{AtomicUsize, Ordering};

use sortie_server::manage::definition::{Defined, remove_seen};
use sortie_store::Definitions;

use crate::fixture::{Fixture, both_databases, name, say};

both_databases! {
    what_is_another_than_was_seen_stays,
}

async fn what_is_another_than_was_seen_stays(fixture: Fixture) {
    fixture.apply("permission_sets: [{name: Callers, label: Before}]").await;
    let (looked, defined) = (AtomicUsize::new(0), Defined::PermissionSet(name("Callers")));
    let is_labelled = |label: &'static str| {
        let looked = &looked;
        move |now: &Definitions| {
            looked.fetch_add(1, Ordering::Relaxed);
            now.permission_sets.iter().any(|set| set.label.as_str() == label)
        }
    };
    // Somebody changes it after it was read.
    fixture.apply("permission_sets: [{name: Callers, label: After}]").await;
    let generation = fixture.generation().await;
    let error = remove_seen(&fixture.manage(), &defined, &is_labelled("Before")).await.unwrap_err();
    assert_eq!((error.code(), fixture.generation().await), ("stale", generation));
    assert_eq!(say(&remove_seen(&fixture.manage(), &defined, &is_labelled("After")).await.unwrap()), "deleted permission_set Callers");
    assert_eq!(looked.into_inner(), 2);
    assert_eq!(remove_seen(&fixture.manage(), &defined, &|_| true).await.unwrap_err().code(), "permission_set_unknown");
}
