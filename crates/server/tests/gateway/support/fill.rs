//! A house with very many users, each with a login of their own. Also for `examples/fill_grants.rs`, which is measured.

use sortie_metadata::Definition;
use sortie_model::{ApiKey, ApiKeyId, Secret, Timestamp, User, UserId, UserName};
use sortie_protocol::Grant;
use sortie_server::manage::Manage;
use sortie_server::manage::apply::{self, Mode, Surroundings, Unlisted};
use sortie_server::manage::key::NewKey;
use sortie_server::{House, new_id};
use sortie_store::{GrantIdentity, Identity, SealedGrant};
use sortie_vault::{SealContext, operating_system_random};

/// In one transaction: enough that its end costs little, and not so many that they take much memory.
const AT_ONCE: usize = 10_000;

/// The name `Cal`, whose upstream is at `url`, with a Per User principal that the profile `Staff` enables.
fn definitions(url: &str) -> String {
    format!(
        "
profiles: [{{name: Staff}}]
external_auth_identity_providers:
- name: Idp
  flow: authorization_code
  authorize_endpoint: https://idp.test/authorize
  token_endpoint: https://idp.test/token
  values: {{client_id: client, client_secret: {{from_environment: CLIENT_SECRET}}}}
external_credentials:
- name: Cal
  protocol: oauth_browser
  settings: {{external_auth_identity_provider: Idp}}
  principals: [{{name: Own, sequence_number: 1, identity_type: per_user, enabled_for: {{profiles: [Staff]}}}}]
named_credentials: [{{name: Cal, url: '{url}', external_credential: Cal}}]
"
    )
}

/// Fills an empty house with `count` users with a grant each, sealed as every grant is. The first `callers` of them have keys, which are given back.
pub(crate) async fn fill(house: &House, url: &str, count: usize, callers: usize) -> Vec<Secret> {
    let store = house.store();
    let now = store.now().await.unwrap();
    let definition = Definition::parse("many.yaml", &definitions(url)).unwrap();
    let variable = |_: &str| Some(Secret::new("SECRET-client"));
    let surroundings = Surroundings { variable: &variable, world: None, directory: std::path::Path::new(".") };
    let manage = Manage::of(house, "operator:filler", now);
    apply::apply(&manage, &definition, &surroundings, Mode::Store, Unlisted::Leave).await.unwrap();
    let definitions = store.definitions().await.unwrap();
    let (principal, revision) = (definitions.principals[0].id, definitions.external_credentials[0].revision);
    let profile = definitions.profiles[0].id;
    let mut keys = Vec::new();
    for first in (0..count).step_by(AT_ONCE) {
        let mut grants = Vec::new();
        let mut change = store.change().await.unwrap();
        for number in first..count.min(first + AT_ONCE) {
            let id = UserId::from_uuid(new_id());
            let name = UserName::parse(&format!("user-{number}")).unwrap();
            let user = User { id, name, profile: Some(profile), is_active: true, attributes: Default::default() };
            change.users().insert(&user).await.unwrap();
            if number < callers {
                let made = NewKey::generate(operating_system_random).unwrap();
                change.api_keys().insert(&api_key(made.id, id, made.secret_hash, now)).await.unwrap();
                keys.push(made.text);
            }
            let of = GrantIdentity::from(Identity::of_user(principal, id));
            let row = new_id();
            let context = SealContext { table: "grants", row, field: "sealed", owner: Some(id), version: 1, destination: [0; 32] };
            let sealed = house.vault().seal(&context, &grant(number).to_bytes()).unwrap();
            let expires_at = Some(now.after(std::time::Duration::from_secs(86_400)));
            grants.push((of, row, SealedGrant { revision, sealed, issued_at: now, expires_at, dies_at: None }));
        }
        change.commit().await.unwrap();
        store.grants().fill(grants).await.unwrap();
    }
    keys
}

/// As long as what providers give: a signed access token of some 800 bytes.
fn grant(number: usize) -> Grant {
    let access_token = format!("SECRET-access-{number}-{}", "x".repeat(800));
    let parts = [
        ("access_token", access_token.as_str()),
        ("refresh_token", &format!("SECRET-refresh-{number}")),
        ("login_token_endpoint", "https://idp.test/token"),
        ("login_client_id", "client"),
        ("login_scope", ""),
    ];
    Grant { parts: parts.into_iter().map(|(name, part)| (name.to_owned(), Secret::new(part))).collect(), lifetime: None }
}

fn api_key(id: ApiKeyId, user: UserId, secret_hash: [u8; 32], created_at: Timestamp) -> ApiKey {
    ApiKey { id, user, label: String::new(), secret_hash, created_at, expires_at: None, revoked_at: None }
}
