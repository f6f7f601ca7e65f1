//! Objects to store. Every field has a value that no default would give it.

use sortie_model::{
    ApiKey, ApiKeyId, ApiName, CallerFormulas, CustomHeader, Endpoint, ExternalCredential, ExternalCredentialId, IdentityType, Label,
    NamedCredential, NamedCredentialId, PermissionSet, PermissionSetId, Principal, PrincipalId, Profile, ProfileId, RenewalRule,
    StatusCodes, SystemPermission, Timeouts, Timestamp, User, UserId, UserName,
};
use uuid::Uuid;

pub(crate) fn name(text: &str) -> ApiName {
    ApiName::parse(text).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(crate) fn user_name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub(crate) fn external_credential(text: &str) -> ExternalCredential {
    let settings =
        serde_json::json!({ "token_endpoint": "https://id.test/token", "scope": "\t", "depth": { "n": 1.5, "list": [true, null, "ü😀"] } });
    ExternalCredential {
        id: ExternalCredentialId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label(&format!("Label of {text} — ü")),
        description: "What it is for:\n\t\"quotes\", 'ticks', \\ and 😀".to_owned(),
        protocol: "oauth_client_credentials".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        additional_status_codes: StatusCodes::parse(vec![403, 498]).unwrap(),
        renewal_rules: vec![
            RenewalRule::of_pointer(200, "/errors/0/code", "602").unwrap(),
            RenewalRule::of_header(403, "X-State", "stale").unwrap(),
        ],
        headers: vec![header("x-first", "{!$Credential.Crm.Key}", 1), header("x-second", "plain", 7)],
        revision: -1,
    }
}

fn header(name: &str, value: &str, sequence_number: u32) -> CustomHeader {
    CustomHeader::parse(name, value, sequence_number).unwrap()
}

pub(crate) fn principal(credential: &ExternalCredential, text: &str, sequence_number: u32) -> Principal {
    Principal {
        id: PrincipalId::from_uuid(Uuid::now_v7()),
        external_credential: credential.id,
        name: label(text),
        identity_type: if sequence_number.is_multiple_of(2) { IdentityType::PerUser } else { IdentityType::Named },
        sequence_number,
        settings: serde_json::from_value(serde_json::json!({ "scope": "{!$User.Department}" })).unwrap(),
    }
}

pub(crate) fn named_credential(credential: &ExternalCredential, text: &str) -> NamedCredential {
    NamedCredential {
        id: NamedCredentialId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("Label"),
        description: "Description,\tin two parts".to_owned(),
        url: Endpoint::parse("https://api.up.test:8443/v1").unwrap(),
        external_credential: credential.id,
        client_certificate: None,
        is_enabled: true,
        generate_authorization_header: false,
        allow_formulas_in_header: CallerFormulas::Evaluated,
        allow_formulas_in_body: CallerFormulas::Literal,
        forwarded_headers: vec!["cookie".to_owned(), "x-ms-version".to_owned()],
        headers: vec![header("accept-language", "de", 3)],
        timeouts: Timeouts { connect_ms: 1, answer_ms: 2, idle_ms: 3 },
    }
}

pub(crate) fn permission_set(text: &str) -> PermissionSet {
    PermissionSet {
        id: PermissionSetId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("A set"),
        description: "Who is in it".to_owned(),
        permissions: [SystemPermission::ViewSetup, SystemPermission::ManageUsers].into(),
    }
}

pub(crate) fn profile(text: &str) -> Profile {
    Profile {
        id: ProfileId::from_uuid(Uuid::now_v7()),
        name: name(text),
        label: label("A profile"),
        description: "Who has it".to_owned(),
        permissions: [SystemPermission::ViewAudit, SystemPermission::ViewSetup].into(),
    }
}

pub(crate) fn user(text: &str, profile: Option<ProfileId>) -> User {
    User {
        id: UserId::from_uuid(Uuid::now_v7()),
        name: user_name(text),
        profile,
        is_active: true,
        attributes: [("Email".to_owned(), format!("{text}@example.test")), ("Department".to_owned(), "Köln".to_owned())].into(),
    }
}

pub(crate) fn api_key(user: &User, id: &str) -> ApiKey {
    ApiKey {
        id: ApiKeyId::parse(id).unwrap(),
        user: user.id,
        label: "laptop".to_owned(),
        secret_hash: [0xA5; 32],
        created_at: Timestamp::from_millis(1_790_000_000_123),
        expires_at: Some(Timestamp::from_millis(1_890_000_000_456)),
        revoked_at: None,
    }
}
