//! Definitions, users and stored values, as many nodes share them.

use std::sync::Arc;

use sortie_callout::{Caller, Definitions};
use sortie_model::{
    ApiName, Attributes, CallerFormulas, CustomHeader, Endpoint, ExternalCredential, ExternalCredentialId, Grantee, IdentityType, Label,
    NamedCredential, NamedCredentialId, PermissionSetId, Principal, PrincipalAccess, PrincipalId, Settings, StatusCodes, Timeouts, UserId,
    UserName,
};
use uuid::Uuid;

use super::{Clock, MemoryCustody, Node, Provider};

/// The permission set that everybody in a scene has, unless a test says otherwise.
pub(crate) const EVERYBODY: u128 = 0xA11;

/// A deployment: what its nodes have in common.
pub(crate) struct Scene {
    pub(crate) clock: Clock,
    pub(crate) custody: Arc<MemoryCustody>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) definitions: Definitions,
    next_id: u128,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let clock = Clock::new();
        let custody = Arc::new(MemoryCustody::new(clock));
        Self { clock, custody, provider: Arc::new(Provider::new()), definitions: Definitions::default(), next_id: 0x1000 }
    }

    /// A scene with one OAuth credential `Idp`, its principal `Main` with a client's id and secret, and the name `Pay`.
    pub(crate) fn oauth() -> (Self, PrincipalId) {
        let mut scene = Self::new();
        let (credential, principal) = scene.oauth_credential("Idp");
        scene.name("Pay", "https://up.test/v1/base", credential);
        (scene, principal)
    }

    /// A scene with one credential of another protocol, its principal `Main` and the name `Pay`.
    pub(crate) fn of(protocol: &str, values: &[(&str, &str)]) -> (Self, PrincipalId) {
        let mut scene = Self::new();
        let credential = scene.credential("Ec", protocol);
        let principal = scene.principal(credential, "Main", IdentityType::Named, 1);
        scene.custody.store(principal, None, values);
        scene.enable(principal, EVERYBODY);
        scene.name("Pay", "https://up.test/v1/base", credential);
        (scene, principal)
    }

    pub(crate) fn oauth_credential(&mut self, name: &str) -> (ExternalCredentialId, PrincipalId) {
        let credential = self.credential(name, "oauth_client_credentials");
        self.change(credential, |credential| {
            credential.settings.insert("token_endpoint".to_owned(), "https://idp.test/token".into());
        });
        let principal = self.principal(credential, "Main", IdentityType::Named, 1);
        self.custody.store(principal, None, &[("client_id", "client"), ("client_secret", "SECRET-client")]);
        self.enable(principal, EVERYBODY);
        (credential, principal)
    }

    fn uuid(&mut self) -> Uuid {
        self.next_id += 1;
        // Spread, as the random bits of real ones are.
        Uuid::from_u128(self.next_id.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
    }

    pub(crate) fn credential(&mut self, name: &str, protocol: &str) -> ExternalCredentialId {
        let id = ExternalCredentialId::from_uuid(self.uuid());
        self.definitions.external_credentials.push(ExternalCredential {
            id,
            name: ApiName::parse(name).unwrap(),
            label: Label::parse(name).unwrap(),
            description: String::new(),
            protocol: protocol.to_owned(),
            settings: Settings::new(),
            additional_status_codes: StatusCodes::default(),
            renewal_rules: Vec::new(),
            headers: Vec::new(),
            revision: 1,
        });
        self.custody.set_revision(id, 1);
        id
    }

    /// Changes a credential without moving its revision.
    pub(crate) fn change(&mut self, id: ExternalCredentialId, change: impl FnOnce(&mut ExternalCredential)) {
        change(self.definitions.external_credentials.iter_mut().find(|credential| credential.id == id).unwrap());
    }

    /// Edits the only credential so that its tokens are void.
    pub(crate) fn revise(&mut self, change: impl FnOnce(&mut ExternalCredential)) {
        let credential = self.definitions.external_credentials.first_mut().unwrap();
        change(credential);
        credential.revision += 1;
        self.definitions.generation += 1;
        self.custody.set_revision(credential.id, credential.revision);
    }

    pub(crate) fn principal(
        &mut self,
        external_credential: ExternalCredentialId,
        name: &str,
        identity_type: IdentityType,
        sequence_number: u32,
    ) -> PrincipalId {
        let id = PrincipalId::from_uuid(self.uuid());
        let name = Label::parse(name).unwrap();
        self.definitions.principals.push(Principal {
            id,
            external_credential,
            name,
            identity_type,
            sequence_number,
            settings: Settings::new(),
        });
        id
    }

    pub(crate) fn enable(&mut self, principal: PrincipalId, permission_set: u128) {
        self.definitions.principal_access.push(PrincipalAccess { principal, grantee: permission_set_of(permission_set) });
    }

    pub(crate) fn name(&mut self, name: &str, url: &str, external_credential: ExternalCredentialId) -> NamedCredentialId {
        let id = NamedCredentialId::from_uuid(self.uuid());
        self.definitions.named_credentials.push(NamedCredential {
            id,
            name: ApiName::parse(name).unwrap(),
            label: Label::parse(name).unwrap(),
            description: String::new(),
            url: Endpoint::parse(url).unwrap(),
            external_credential,
            client_certificate: None,
            is_enabled: true,
            generate_authorization_header: true,
            allow_formulas_in_header: CallerFormulas::Refused,
            allow_formulas_in_body: CallerFormulas::Refused,
            forwarded_headers: Vec::new(),
            headers: Vec::new(),
            timeouts: Timeouts::default(),
        });
        id
    }

    /// The named credential that was defined last.
    pub(crate) fn last_named(&mut self) -> &mut NamedCredential {
        self.definitions.named_credentials.last_mut().unwrap()
    }

    /// A user with the permission set that everybody has.
    pub(crate) fn user(&mut self, name: &str) -> Caller {
        self.user_with(name, &[EVERYBODY])
    }

    pub(crate) fn user_with(&mut self, name: &str, permission_sets: &[u128]) -> Caller {
        let grantees = permission_sets.iter().copied().map(permission_set_of).collect();
        Caller::new(UserId::from_uuid(self.uuid()), UserName::parse(name).unwrap(), None, Attributes::new(), grantees)
    }

    /// A node of this deployment. Renewals run on the runtime that this is called on.
    pub(crate) fn node(&self) -> Node {
        self.node_on(&tokio::runtime::Handle::current())
    }

    /// A node whose renewals run elsewhere.
    pub(crate) fn node_on(&self, renewals: &tokio::runtime::Handle) -> Node {
        Node::start(self, self.clock, renewals)
    }

    /// A node whose clock is wrong.
    pub(crate) fn skewed_node(&self, skew_millis: i64) -> Node {
        Node::start(self, self.clock.skewed(skew_millis), &tokio::runtime::Handle::current())
    }
}

fn permission_set_of(number: u128) -> Grantee {
    Grantee::PermissionSet(PermissionSetId::from_uuid(Uuid::from_u128(number)))
}

pub(crate) fn custom_header(name: &str, value: &str, sequence_number: u32) -> CustomHeader {
    CustomHeader::parse(name, value, sequence_number).unwrap()
}
