//! Credentials, providers and certificates as they are defined.

use std::collections::BTreeMap;

use sortie_client::{
    Action, ApplyMode, Applying, CustomHeader, IdentityProviderParameter, NewExternalCredential, NewIdentityProvider, NewNamedCredential,
    NewPrincipal, PrincipalType, ProviderToDiscover, Secret,
};

use crate::witness::{Witness, code};

pub(crate) async fn external_credentials(witness: &Witness) {
    let credentials = witness.client.external_credentials();
    let principal = |name: &str, sequence_number| NewPrincipal {
        parameters: Vec::new(),
        principal_name: name.to_owned(),
        principal_type: PrincipalType::Named,
        sequence_number,
    };
    let header = CustomHeader { header_name: "X-Own".to_owned(), header_value: "1".to_owned(), id: None, sequence_number: 1 };
    let new = NewExternalCredential {
        authentication_protocol: "Basic".to_owned(),
        custom_headers: vec![header],
        developer_name: "Billing".to_owned(),
        master_label: "Billing".to_owned(),
        principals: vec![principal("Service", 1), principal("Other", 2)],
        ..NewExternalCredential::default()
    };
    let made = credentials.create(&new).await.unwrap();
    witness.is_whole(&made.value);
    // What was seen goes back as it is, and changes nothing.
    let mut again = NewExternalCredential::from(made.value.clone());
    assert_eq!(credentials.replace(&again, Some(&made.etag)).await.unwrap().etag, made.etag);
    again.principals.pop();
    let replaced = credentials.replace(&again, Some(&made.etag)).await.unwrap();
    assert_eq!(replaced.principals.len(), 1);
    assert_eq!(code(credentials.replace(&again, Some(&made.etag)).await), "precondition_failed");
    assert_eq!(credentials.show("billing").await.unwrap().etag, replaced.etag);
    let tied = NewExternalCredential { principals: vec![principal("A", 1), principal("B", 1)], ..again };
    let error = credentials.replace(&tied, None).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().faults[0].pointer, "/principals/1/sequenceNumber");
    witness.is_whole_at("externalCredentials", &credentials.list().await.unwrap());
    for name in ["Pay", "Own", "Calendar", "Files", "Good"] {
        witness.is_whole(&credentials.show(name).await.unwrap().value);
    }
    assert_eq!(code(credentials.remove("Pay", None).await), "in_use");
    credentials.remove("Billing", Some(&replaced.etag)).await.unwrap();
}

pub(crate) async fn named_credentials(witness: &Witness) {
    let credentials = witness.client.named_credentials();
    let new = NewNamedCredential {
        callout_url: "https://billing.test/v1".to_owned(),
        description: "Bills".to_owned(),
        developer_name: "Billing".to_owned(),
        external_credential: "Pay".to_owned(),
        master_label: "Billing".to_owned(),
        ..NewNamedCredential::default()
    };
    let made = credentials.create(&new).await.unwrap();
    witness.is_whole(&made.value);
    let mut again = NewNamedCredential::from(made.value.clone());
    assert_eq!(again, new);
    assert_eq!(credentials.replace(&again, Some(&made.etag)).await.unwrap().etag, made.etag);
    again.callout_options.allow_merge_fields_in_body = true;
    let replaced = credentials.replace(&again, Some(&made.etag)).await.unwrap();
    assert!(replaced.callout_options.allow_merge_fields_in_body);
    witness.is_whole(&credentials.show("Billing").await.unwrap().value);
    witness.is_whole_at("namedCredentials", &credentials.list().await.unwrap());
    let missing = NewNamedCredential { client_certificate: Some("Nobody".to_owned()), ..again.clone() };
    let error = credentials.replace(&missing, None).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().faults[0].pointer, "/parameters/0/parameterValue");
    let bank = sortie_client::NewCertificate { name: "Bank".to_owned(), ..sortie_client::NewCertificate::default() };
    witness.client.certificates().create(&bank).await.unwrap();
    again.client_certificate = Some("Bank".to_owned());
    let presenting = credentials.replace(&again, None).await.unwrap();
    assert_eq!(presenting.value.client_certificate(), Some("Bank"));
    witness.is_whole(&credentials.show("Billing").await.unwrap().value);
    assert_eq!(NewNamedCredential::from(presenting.value.clone()), again);
    assert_eq!(code(credentials.remove("Billing", Some(&made.etag)).await), "precondition_failed");
    credentials.remove("Billing", None).await.unwrap();
    assert_eq!(code(credentials.show("Billing").await), "named_credential_unknown");
}

pub(crate) async fn identity_providers(witness: &Witness) {
    let providers = witness.client.identity_providers();
    let audience = IdentityProviderParameter {
        parameter_name: "audience".to_owned(),
        parameter_type: "TokenRequestBodyParameter".to_owned(),
        parameter_value: "all".to_owned(),
        sequence_number: Some(1),
    };
    let new = NewIdentityProvider {
        authentication_flow: "ClientCredentials".to_owned(),
        client_authentication: Some("ClientSecretPost".to_owned()),
        full_name: "Login".to_owned(),
        label: "Login".to_owned(),
        parameters: vec![audience],
        token_url: "https://login.test/token".to_owned(),
        ..NewIdentityProvider::default()
    };
    let made = providers.create(&new).await.unwrap();
    witness.is_whole(&made.value);
    let mut again = NewIdentityProvider::from(made.value.clone());
    assert_eq!(again, new);
    again.description = "For robots".to_owned();
    let replaced = providers.replace(&again, Some(&made.etag)).await.unwrap();
    assert_eq!(replaced.description, "For robots");
    witness.is_whole(&providers.show("Login").await.unwrap().value);
    witness.is_whole_at("externalAuthIdentityProviders", &providers.list().await.unwrap());
    let (id, secret) = (Secret::new("robot"), Secret::new("SECRET-client"));
    let stored = providers.create_credentials("Login", &id, Some(&secret)).await.unwrap();
    witness.is_whole_at("credentials", &stored);
    assert_eq!(stored.len(), 2);
    assert_eq!(code(providers.create_credentials("Login", &id, Some(&secret)).await), "already_exists");
    providers.replace_credentials("Login", &id, Some(&secret)).await.unwrap();
    assert_eq!(providers.credentials("Login").await.unwrap(), stored);
    providers.remove("Login", None).await.unwrap();
    assert_eq!(code(providers.credentials("Login").await), "provider_unknown");
}

pub(crate) async fn providers(witness: &Witness) {
    let google = "auth_providers: [{name: Google, type: google}]";
    witness.client.definitions().apply(google, Applying::default()).await.unwrap();
    let providers = witness.client.providers();
    let listed = providers.list().await.unwrap();
    witness.is_whole_at("providers", &listed);
    assert!(listed.iter().any(|one| one.auth_provider_type.as_deref() == Some("google")));
    let values = BTreeMap::from(["client_id", "client_secret"].map(|name| (name.to_owned(), Secret::new(format!("SECRET-{name}")))));
    let shown = providers.put_values("Google", &values).await.unwrap();
    witness.is_whole(&shown);
    assert!(shown.missing_values.is_empty() && shown.auth_provider.is_some());
    let shown = providers.show("Idp").await.unwrap();
    witness.is_whole(&shown);
    assert!(shown.auth_provider.is_none());
    providers.remove("Google").await.unwrap();
    assert_eq!(code(providers.show("Google").await), "provider_unknown");
    assert_eq!(code(providers.remove("Idp").await), "in_use");
}

pub(crate) async fn discovery(witness: &Witness) {
    let issuer = witness.upstream.url();
    let wanted =
        ProviderToDiscover { issuer: issuer.clone(), flow: Some("client_credentials".to_owned()), ..ProviderToDiscover::default() };
    let found = witness.client.providers().discover(&wanted).await.unwrap();
    witness.is_whole(&found);
    assert_eq!((found.token_endpoint, found.pkce), (format!("{issuer}/token"), false));
    assert!(found.definition.contains("- name: Provider_127_0_0_1\n"), "{}", found.definition);
    let wanted = ProviderToDiscover { issuer: format!("{issuer}/nobody"), ..ProviderToDiscover::default() };
    assert_eq!(code(witness.client.providers().discover(&wanted).await), "metadata_not_found");
}

pub(crate) async fn apply(witness: &Witness) {
    let definitions = witness.client.definitions();
    let text = "external_credentials: [{name: Fresh, protocol: basic, principals: [{name: A, sequence_number: 1}]}]";
    let would = definitions.apply(text, Applying { mode: ApplyMode::DryRun, ..Applying::default() }).await.unwrap();
    witness.is_whole_at("changes", &would);
    assert_eq!(code(witness.client.status().show("Fresh").await), "external_credential_unknown");
    let done = definitions.apply(text, Applying::default()).await.unwrap();
    assert_eq!(done, would);
    let again = definitions.apply(text, Applying::default()).await.unwrap();
    assert!(again.iter().all(|change| change.action == Action::Unchanged));
    let error = definitions.apply("external_credentials: [{name: Bad name}]", Applying::default()).await.unwrap_err();
    assert_eq!(error.code(), "request_invalid");
    assert!(error.refusal().unwrap().faults.iter().all(|fault| fault.pointer == "/definition"));
    witness.client.external_credentials().remove("Fresh", None).await.unwrap();
}
