//! How things are.

use serde_json::Value;
use sortie_client::{FormulaTrial, Presign, TokenState};

use crate::witness::{Witness, code};

pub(crate) async fn status(witness: &Witness) {
    let status = witness.client.status();
    let overview = status.overview().await.unwrap();
    witness.is_whole(&overview);
    assert_eq!((overview.spool.waiting, &overview.spool.problem), (0, &None));
    let listed = status.list().await.unwrap();
    assert_eq!(listed.len(), 6);
    let one = status.show("calendar").await.unwrap();
    witness.is_whole(&one);
    assert!(one.managed_by.is_some() && !one.principals[0].missing.is_empty());
    let snapshot = status.snapshot().await.unwrap();
    witness.is_whole(&snapshot);
    assert!(snapshot.in_force > 0 && snapshot.stored >= snapshot.in_force);
}

pub(crate) async fn explain(witness: &Witness) {
    let refused = witness.client.explain("callout:Pay/x", Some("alice")).await.unwrap();
    witness.is_whole(&refused);
    assert_eq!((refused.user.as_str(), refused.refusal.unwrap().code.as_str()), ("alice", "credential_not_configured"));
    let signed = witness.client.explain("callout:Files/x", None).await.unwrap();
    witness.is_whole(&signed);
    assert!(signed.signature.is_some() && signed.refusal.is_none());
    assert_eq!((signed.user.as_str(), signed.token), ("admin", Some(TokenState::NotNeeded)));
    assert_eq!(code(witness.client.explain("callout:Pay/x", Some("eve")).await), "user_unknown");
    let fetched = witness.client.explain("callout:Good/x", None).await.unwrap();
    assert_eq!(fetched.token, Some(TokenState::WouldBeFetched));
    assert_eq!(witness.client.get("callout:Good/x").send().await.unwrap().status(), 200);
    let kept = witness.client.explain("callout:Good/x", None).await.unwrap();
    witness.is_whole(&kept);
    assert!(matches!(&kept.token, Some(TokenState::Good { expires_at }) if expires_at.ends_with('Z')), "{kept:?}");
    assert_eq!(code(witness.client.get("callout:Bad/x").send().await), "token_refused");
    let failed = witness.client.explain("callout:Bad/x", None).await.unwrap();
    witness.is_whole(&failed);
    assert!(failed.last_failure.is_some() || failed.refusal.is_some(), "{failed:?}");
    assert!(failed.last_failure.is_none_or(|failure| failure.at.ends_with('Z')));
}

pub(crate) async fn formulas(witness: &Witness) {
    let formulas = witness.client.formulas();
    let found = formulas.check("{!$User.Email}").await.unwrap();
    witness.is_whole(&found);
    assert_eq!(found.variables, ["$User.Email"]);
    let error = formulas.check("{!NOPE(}").await.unwrap_err();
    let faults = &error.refusal().unwrap().faults;
    assert!(faults[0].pointer == "/formula" && faults[0].code.starts_with("formula_"), "{faults:?}");
}

pub(crate) async fn trials(witness: &Witness) {
    let formulas = witness.client.formulas();
    let trial =
        |formula: &str| FormulaTrial { formula: formula.to_owned(), target: Some("callout:Good/x".to_owned()), ..FormulaTrial::default() };
    let found = formulas.evaluate(&trial("{!$User.UserName}")).await.unwrap();
    witness.is_whole(&found);
    assert_eq!((found.result.as_deref(), found.characters), (Some("admin"), Some(5)));
    let of_alice = FormulaTrial { user: Some("alice".to_owned()), body: "ab".to_owned(), ..trial("HEX($Credential.Good.Body)") };
    assert_eq!(formulas.evaluate(&of_alice).await.unwrap().result.as_deref(), Some("6162"));
    let secret = formulas.evaluate(&trial("$Credential.Good.client_secret")).await.unwrap();
    witness.is_whole(&secret);
    assert_eq!((secret.secret, secret.result, secret.characters), (true, None, None));
    let error = formulas.evaluate(&trial("TEXT(LEN($Credential.Good.client_secret))")).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().faults[0].code, "formula_inspects_secret");
}

pub(crate) async fn presign(witness: &Witness) {
    let wanted = Presign { target: "callout:Files/bucket/x".to_owned(), method: Some("PUT".to_owned()), expires_seconds: Some(60) };
    let made = witness.client.presign(&wanted).await.unwrap();
    assert!(made.url.expose().starts_with("https://files.test/bucket/x?") && !format!("{made:?}").contains("Signature"));
    let other = Presign { target: "callout:Pay/x".to_owned(), ..Presign::default() };
    assert_eq!(code(witness.client.presign(&other).await), "not_presignable");
}

pub(crate) async fn audit(witness: &Witness) {
    let audit = witness.client.audit();
    let (mut page, mut count) = (audit.first(10).await.unwrap(), 0);
    while !page.records.is_empty() {
        count += page.records.len();
        assert!(page.records.iter().all(|record| record.read::<Value>().unwrap()["at"].is_string()));
        page = audit.behind(&page).await.unwrap();
    }
    assert!(count > 50, "{count}");
    let verified = audit.verify().await.unwrap();
    witness.is_whole(&verified);
    assert!(verified.intact && verified.lanes.len() > 1, "{verified:?}");
    let last = audit.last(3).await.unwrap();
    assert_eq!(last.records.len(), 3);
    witness.client.users().assign("alice", "Everything").await.unwrap();
    let fresh = audit.behind(&last).await.unwrap();
    assert!(fresh.records.iter().any(|record| record.text().contains("user alice")), "{fresh:?}");
    let one = audit.behind_up_to(&last, 1).await.unwrap();
    assert_eq!(one.records.len(), 1);
    assert_eq!(audit.behind_up_to(&last, 1_000).await.unwrap().records[0].text(), one.records[0].text());
    witness.client.users().unassign("alice", "Everything").await.unwrap();
}
