//! Callouts through the gateway.

use sortie_client::{Client, CredentialPlace, CredentialValues, PrincipalType, Secret};

use crate::witness::{Witness, code};

#[test]
fn a_callout_is_answered_by_the_service_or_refused_by_sortie() {
    let witness = Witness::new();
    let client = &witness.client;
    witness.run(async {
        let error = client.get("callout:Pay/invoices").send().await.unwrap_err();
        assert_eq!(error.code(), "credential_not_configured");
        let refusal = error.refusal().unwrap();
        assert!(refusal.status == 424 && refusal.callout.is_some() && !refusal.next_step.is_empty(), "{refusal:?}");
        assert_eq!(code(client.get("callout:Nothing/x").send().await), "not_permitted");
        assert_eq!(code(client.head("callout:Nothing/x").send().await), "not_permitted", "its header says it");
        assert_eq!(code(client.get("callout:Pay/../x").send().await), "target_invalid");

        let place = CredentialPlace {
            external_credential: "Pay".to_owned(),
            principal_name: Some("Main".to_owned()),
            principal_type: PrincipalType::Named,
        };
        let values = CredentialValues::from([("username", Secret::new("robot")), ("password", Secret::new("SECRET-pay"))]);
        client.credentials().create(&place, &values).await.unwrap();
        let answer = client.post("callout:Pay/invoices").query("open", true).header("X-Own", "1").body("body").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["x-upstream"].to_str().unwrap()), (200, "1"));
        assert_eq!(answer.text().await.unwrap(), "hello");
    });
    let received = witness.upstream.requests();
    let [request] = received.as_slice() else { panic!("one request: {received:?}") };
    assert_eq!((request.request_line.as_str(), request.body.as_slice()), ("POST /invoices?open=true HTTP/1.1", &b"body"[..]));
    assert_eq!((request.header("proxy-authorization"), request.header("x-own")), (None, Some("1")));
}

#[test]
fn a_key_that_is_none_is_refused_by_both() {
    let witness = Witness::new();
    let stranger = Client::builder().url(witness.client_url()).gateway(&witness.gateway).key(Secret::new("sortie_SECRET-none"));
    let stranger = stranger.build().unwrap();
    witness.run(async {
        assert_eq!(code(stranger.get("callout:Pay/x").send().await), "unauthenticated");
        assert_eq!(code(stranger.users().all().await), "unauthenticated");
    });
}
