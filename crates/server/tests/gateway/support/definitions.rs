//! What a house under test is filled with, through the store, as an admin would.

use sortie_model::{
    ApiKey, ApiKeyId, ApiName, CallerFormulas, CustomHeader, Endpoint, ExternalCredential, ExternalCredentialId, Grantee, IdentityType,
    Label, NamedCredential, NamedCredentialId, PermissionSet, PermissionSetId, Principal, PrincipalAccess, PrincipalId, Secret,
    SecretBytes, Settings, StatusCodes, Timeouts, Timestamp, User, UserId, UserName,
};
use sortie_server::manage::{key::NewKey, secret::destination};
use sortie_server::new_id;
use sortie_store::{Change, Identity, Store};
use sortie_vault::{SealContext, operating_system_random};

use super::TestServer;

/// What an external credential under test is like.
pub(crate) struct Credential<'a> {
    pub(crate) name: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) settings: &'a [(&'a str, &'a str)],
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) additional_status_codes: &'a [u16],
}

impl<'a> Credential<'a> {
    pub(crate) fn new(name: &'a str, protocol: &'a str) -> Self {
        Self { name, protocol, settings: &[], headers: &[], additional_status_codes: &[] }
    }
}

impl TestServer {
    /// One change, as another process on the same database makes it.
    pub(crate) fn change(&self, make: impl AsyncFnOnce(&mut Change<'_>)) {
        self.change_in(self.house.store(), make);
    }

    pub(crate) fn change_in(&self, store: &Store, make: impl AsyncFnOnce(&mut Change<'_>)) {
        self.runtime.block_on(async {
            let mut change = store.change().await.unwrap();
            make(&mut change).await;
            change.commit().await.unwrap();
        });
    }

    pub(crate) fn permission_set(&self, name: &str) -> PermissionSetId {
        let id = PermissionSetId::from_uuid(new_id());
        let set = PermissionSet {
            id,
            name: ApiName::parse(name).unwrap(),
            label: Label::parse(name).unwrap(),
            description: String::new(),
            permissions: [].into(),
        };
        self.change(async |change| change.permission_sets().insert(&set).await.unwrap());
        id
    }

    /// A user with these permission sets, and a key.
    pub(crate) fn user(&self, name: &str, sets: &[PermissionSetId]) -> (UserId, Secret) {
        let id = UserId::from_uuid(new_id());
        let user = User { id, name: UserName::parse(name).unwrap(), profile: None, is_active: true, attributes: Default::default() };
        self.change(async |change| {
            change.users().insert(&user).await.unwrap();
            for set in sets {
                change.users().assign(id, *set).await.unwrap();
            }
        });
        (id, self.key(id, None))
    }

    pub(crate) fn key(&self, user: UserId, expires_at: Option<Timestamp>) -> Secret {
        let key = NewKey::generate(operating_system_random).unwrap();
        let (label, created_at) = ("test".to_owned(), Timestamp::from_millis(0));
        let stored = ApiKey { id: key.id, user, label, secret_hash: key.secret_hash, created_at, expires_at, revoked_at: None };
        self.change(async |change| change.api_keys().insert(&stored).await.unwrap());
        self.keys.lock().unwrap().push(Secret::new(key.text.expose()));
        key.text
    }

    pub(crate) fn external_credential(&self, credential: &Credential<'_>) -> ExternalCredential {
        let headers = credential.headers.iter().zip(1..).map(|((name, value), number)| CustomHeader::parse(name, value, number).unwrap());
        let external = ExternalCredential {
            id: ExternalCredentialId::from_uuid(new_id()),
            name: ApiName::parse(credential.name).unwrap(),
            label: Label::parse(credential.name).unwrap(),
            description: String::new(),
            protocol: credential.protocol.to_owned(),
            settings: credential.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect::<Settings>(),
            additional_status_codes: StatusCodes::parse(credential.additional_status_codes.to_vec()).unwrap(),
            renewal_rules: Vec::new(),
            headers: headers.collect(),
            revision: 0,
        };
        self.change(async |change| change.external_credentials().insert(&external).await.unwrap());
        external
    }

    pub(crate) fn principal(
        &self,
        external: &ExternalCredential,
        name: &str,
        sequence_number: u32,
        identity_type: IdentityType,
        sets: &[PermissionSetId],
    ) -> PrincipalId {
        let id = PrincipalId::from_uuid(new_id());
        let name = Label::parse(name).unwrap();
        let principal = Principal { id, external_credential: external.id, name, identity_type, sequence_number, settings: Settings::new() };
        self.change(async |change| {
            change.principals().insert(&principal).await.unwrap();
            for set in sets {
                change.principal_access().insert(PrincipalAccess { principal: id, grantee: Grantee::PermissionSet(*set) }).await.unwrap();
            }
        });
        id
    }

    pub(crate) fn value(&self, external: &ExternalCredential, identity: Identity, name: &str, value: &str) {
        let row = new_id();
        let destination = destination(&external.protocol, &external.settings);
        let context = SealContext { table: "credential_values", row, field: name, owner: identity.owner, version: 1, destination };
        let sealed = self.house.vault().seal(&context, &SecretBytes::new(value.as_bytes())).unwrap();
        self.change(async |change| change.credential_values().insert(identity, row, name, &sealed).await.unwrap());
    }

    pub(crate) fn named_credential(&self, name: &str, url: &str, external: &ExternalCredential) -> NamedCredential {
        self.named_credential_with(name, url, external, |_| {})
    }

    pub(crate) fn named_credential_with(
        &self,
        name: &str,
        url: &str,
        external: &ExternalCredential,
        adjust: impl FnOnce(&mut NamedCredential),
    ) -> NamedCredential {
        let mut named = NamedCredential {
            id: NamedCredentialId::from_uuid(new_id()),
            name: ApiName::parse(name).unwrap(),
            label: Label::parse(name).unwrap(),
            description: String::new(),
            url: Endpoint::parse(url).unwrap(),
            external_credential: external.id,
            client_certificate: None,
            is_enabled: true,
            generate_authorization_header: true,
            allow_formulas_in_header: CallerFormulas::Refused,
            allow_formulas_in_body: CallerFormulas::Refused,
            forwarded_headers: Vec::new(),
            headers: Vec::new(),
            timeouts: Timeouts::default(),
        };
        adjust(&mut named);
        self.change(async |change| change.named_credentials().insert(&named).await.unwrap());
        named
    }

    /// External credential `Pay` (custom, `X-Api-Key: SECRET-pay-key`), which these permission sets enable; named credential `Pay` at `url`.
    pub(crate) fn pay(&self, url: &str, sets: &[PermissionSetId]) -> Pay {
        let external = self
            .external_credential(&Credential { headers: &[("X-Api-Key", "{!$Credential.Pay.Key}")], ..Credential::new("Pay", "custom") });
        let principal = self.principal(&external, "Main", 1, IdentityType::Named, sets);
        self.value(&external, Identity::shared(principal), "Key", "SECRET-pay-key");
        let named = self.named_credential("Pay", url, &external);
        Pay { external, principal, named }
    }

    /// Permission set `Callers`, user `alice` with a key, and [`TestServer::pay`].
    pub(crate) fn with_pay(&self, url: &str) -> Secret {
        let callers = self.permission_set("Callers");
        let (_, key) = self.user("alice", &[callers]);
        self.pay(url, &[callers]);
        key
    }
}

/// What [`TestServer::pay`] made.
pub(crate) struct Pay {
    pub(crate) external: ExternalCredential,
    pub(crate) principal: PrincipalId,
    pub(crate) named: NamedCredential,
}

/// The public part of a key.
pub(crate) fn key_id(key: &Secret) -> ApiKeyId {
    ApiKeyId::parse(key.expose().split('_').nth(1).unwrap()).unwrap()
}
