//! The snapshot: all definitions, compiled for the data plane, so that a callout parses, allocates and looks up as little as possible.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use foldhash::fast::RandomState;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use sortie_model::{
    ApiName, AuthProvider, AuthorizationServer, CallerFormulas, CertificateId, CustomHeader, Endpoint, ExternalAuthIdentityProvider,
    ExternalCredential, ExternalCredentialId, Grantee, IdentityProvider, IdentityProviderKind, IdentityType, MAX_NAME_LENGTH,
    NamedCredential, NamedCredentialId, Organization, Principal, PrincipalAccess, PrincipalId, RenewalRule, RenewalSign, StatusCodes,
    Timeouts,
};
use sortie_protocol::{Protocol, provider_setting};

use crate::apply::Prepared;
use crate::client_certificate::{ClientCertificate, ClientCertificateFault, ClientIdentity};
use crate::obtain::{GrantKey, Grants};
use crate::personal::PrincipalSettings;
use crate::slot::Slot;

/// What a snapshot is made of.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Counts changes; two snapshots of the same generation are the same.
    pub generation: i64,
    /// All external auth identity providers.
    pub external_auth_identity_providers: Vec<ExternalAuthIdentityProvider>,
    /// All auth providers.
    pub auth_providers: Vec<AuthProvider>,
    /// All external credentials.
    pub external_credentials: Vec<ExternalCredential>,
    /// All their principals.
    pub principals: Vec<Principal>,
    /// Who may use which principal.
    pub principal_access: Vec<PrincipalAccess>,
    /// All named credentials.
    pub named_credentials: Vec<NamedCredential>,
    /// Those that named credentials present.
    pub client_certificates: BTreeMap<CertificateId, Arc<ClientCertificate>>,
    /// Whose Sortie this is.
    pub organization: Organization,
}

/// All definitions of one generation.
pub struct Snapshot {
    generation: i64,
    /// By their names in lower case.
    named: Arc<NamedByName>,
    /// External credentials, likewise.
    credentials: Arc<CredentialsByName>,
    organization: Arc<Organization>,
}

type NamedByName = HashMap<Box<[u8]>, Arc<Named>, RandomState>;
type CredentialsByName = HashMap<Box<str>, Arc<Credential>, RandomState>;

/// A named credential, compiled.
pub struct Named {
    /// Identity.
    pub id: NamedCredentialId,
    /// Name, as written.
    pub name: ApiName,
    /// Switched on.
    pub is_enabled: bool,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// What the `Host` header says.
    pub host: HeaderValue,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// How it authenticates.
    pub credential: Arc<Credential>,
    /// What it presents where the connection is made.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    pub(crate) generate_authorization_header: bool,
    /// What `{!…}` means in what callers send.
    pub(crate) formulas_in_header: CallerFormulas,
    pub(crate) formulas_in_body: CallerFormulas,
    pub(crate) forwarded_headers: Vec<String>,
    /// Headers of both kinds, merged and in order of sending.
    pub(crate) headers: Vec<CustomHeader>,
    /// The certificates that the headers sign with.
    pub(crate) certificates: Box<[String]>,
    /// Whether one of the headers is made of the request's body.
    pub(crate) headers_read_body: bool,
    /// Whether the headers may differ from callout to callout although principal and grant are the same.
    pub(crate) headers_vary: bool,
    /// Whose Sortie this is, for formulas.
    pub(crate) organization: Arc<Organization>,
    /// For each principal of the credential, the headers to add, as last made.
    pub(crate) prepared: Box<[ArcSwapOption<Prepared>]>,
    /// What the upstream wants in the next proof of a token that is bound to a key (RFC 9449, section 9), as it said last.
    pub(crate) proof_nonce: ArcSwapOption<HeaderValue>,
}

/// An external credential, compiled.
pub struct Credential {
    /// Identity.
    pub id: ExternalCredentialId,
    /// Name, as written.
    pub name: ApiName,
    /// How identity is proven.
    pub protocol: &'static dyn Protocol,
    /// The provider that its settings name, if they name one that is there.
    pub(crate) provider: Option<Arc<IdentityProvider>>,
    /// Extra statuses that mean "the token is stale".
    pub additional_status_codes: StatusCodes,
    /// Other answers that mean it too.
    pub renewal_rules: Box<[RenewalRule]>,
    /// Whether one of them looks into bodies, which must come uncompressed then.
    pub(crate) reads_answers: bool,
    /// Lowest sequence number first.
    pub principals: Box<[ChosenPrincipal]>,
}

/// A principal, compiled.
pub struct ChosenPrincipal {
    /// Identity.
    pub id: PrincipalId,
    /// Name, as written.
    pub name: Box<str>,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// Its place in the order.
    pub sequence_number: u32,
    /// Position among its credential's principals.
    pub(crate) index: usize,
    /// The protocol's settings for it.
    pub(crate) settings: PrincipalSettings,
    /// Who may use it, sorted.
    pub(crate) grantees: Box<[Grantee]>,
    /// What its grants are kept under; a Per User principal's get the user added.
    pub(crate) key: GrantKey,
    /// What the values are kept under that it is lent, if the protocol has them lent.
    pub(crate) lender: Option<GrantKey>,
    /// The grant of a Named principal.
    pub(crate) slot: Arc<Slot>,
}

impl Credential {
    /// The provider that its settings name, if it is there.
    pub fn provider(&self) -> Option<&IdentityProvider> {
        self.provider.as_deref()
    }

    /// The authorization server behind that provider.
    pub fn server(&self) -> Option<&AuthorizationServer> {
        self.provider().map(IdentityProvider::server)
    }
}

impl Named {
    /// What it presents at this moment; `None` if it presents nothing.
    pub(crate) fn client_identity(&self, grants: &Grants) -> Result<Option<&Arc<ClientIdentity>>, ClientCertificateFault> {
        self.client_certificate.as_ref().map(|certificate| certificate.at(grants.now())).transpose()
    }

    /// Whether a request is made in the same way, and goes to the same place, as far as this says; the external credential's revision says the rest.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let of = |named: &Self| {
            (
                (named.id, named.generate_authorization_header, named.formulas_in_header, named.formulas_in_body),
                (named.credential.id, named.timeouts),
            )
        };
        let presents_the_same = match (&self.client_certificate, &other.client_certificate) {
            (Some(one), Some(other)) => one.is_same_as(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        presents_the_same
            && of(self) == of(other)
            && self.endpoint == other.endpoint
            && self.forwarded_headers == other.forwarded_headers
            && self.headers == other.headers
    }

    /// Whether requests are signed: not if the header of the signature is somebody else's to make.
    pub(crate) fn signs_requests(&self) -> bool {
        self.credential.protocol.signs_requests() && self.places_authorization()
    }

    /// Whether the protocol's own `Authorization` is sent: not if an admin wants none, or writes another.
    pub(crate) fn places_authorization(&self) -> bool {
        self.generate_authorization_header && !self.headers.iter().any(|custom| custom.name == AUTHORIZATION)
    }
}

impl Snapshot {
    /// Compiles definitions. Grants that are still good under them are carried over.
    ///
    /// A named credential whose external credential speaks a protocol that this program does not know is left out, with a
    /// warning: callouts through it are refused as unknown.
    pub fn compile(definitions: Definitions, grants: &Grants) -> Self {
        let Definitions {
            generation,
            external_auth_identity_providers,
            auth_providers,
            external_credentials,
            principals,
            principal_access,
            named_credentials,
            client_certificates,
            organization,
        } = definitions;
        let providers = external_auth_identity_providers.into_iter().map(IdentityProvider::from);
        let providers = providers.chain(auth_providers.into_iter().map(IdentityProvider::from));
        let providers: Providers = providers.map(|provider| ((provider.kind(), provider.name().folded()), Arc::new(provider))).collect();
        let organization = Arc::new(organization);
        let mut access: HashMap<PrincipalId, Vec<Grantee>, RandomState> = with_room_for(principals.len());
        for grant in principal_access {
            access.entry(grant.principal).or_default().push(grant.grantee);
        }
        let mut principals_of: HashMap<ExternalCredentialId, Vec<Principal>, RandomState> = with_room_for(external_credentials.len());
        for principal in principals {
            principals_of.entry(principal.external_credential).or_default().push(principal);
        }
        let mut credentials: HashMap<_, _, RandomState> = with_room_for(external_credentials.len());
        for mut external in external_credentials {
            let principals = principals_of.remove(&external.id).unwrap_or_default();
            match sortie_protocol::find(&external.protocol) {
                Some(protocol) => {
                    let headers = std::mem::take(&mut external.headers);
                    credentials.insert(
                        external.id,
                        (Arc::new(compile_credential(external, protocol, &providers, principals, &mut access, grants)), headers),
                    );
                }
                None => {
                    tracing::warn!(credential = %external.name, protocol = %external.protocol, "unknown protocol: `{}` is left out", external.name)
                }
            }
        }
        let mut compiled: NamedByName = with_room_for(named_credentials.len());
        for named in named_credentials {
            let Some((credential, headers)) = credentials.get(&named.external_credential) else { continue };
            let client_certificate = named.client_certificate.map(|id| client_certificates.get(&id).cloned());
            if let Some(None) = client_certificate {
                // The database refuses it too. Without it callouts would go out as those of nobody.
                tracing::error!(name = %named.name, "the client certificate of `{}` is not there: the name is left out", named.name);
                continue;
            }
            let named = compile_named(named, Arc::clone(credential), client_certificate.flatten(), headers, &organization);
            compiled.insert(named.name.folded().into_bytes().into_boxed_slice(), Arc::new(named));
        }
        grants
            .forget_all_but(credentials.values().flat_map(|(credential, _)| credential.principals.iter().map(|principal| &principal.key)));
        let mut by_name: CredentialsByName = with_room_for(credentials.len());
        by_name.extend(credentials.into_values().map(|(credential, _)| (credential.name.folded().into_boxed_str(), credential)));
        Self { generation, named: Arc::new(compiled), credentials: Arc::new(by_name), organization }
    }

    /// The same definitions at a later generation: what has changed meanwhile is not part of them.
    #[must_use]
    pub fn at(&self, generation: i64) -> Self {
        let Self { named, credentials, organization, .. } = self;
        let (named, credentials, organization) = (Arc::clone(named), Arc::clone(credentials), Arc::clone(organization));
        Self { generation, named, credentials, organization }
    }

    /// Which generation this is.
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// The named credential of this name, compared without regard to ASCII case. Allocates nothing.
    pub fn named(&self, name: &str) -> Option<&Arc<Named>> {
        let mut buffer = [0; MAX_NAME_LENGTH];
        let folded = buffer.get_mut(..name.len())?;
        folded.copy_from_slice(name.as_bytes());
        folded.make_ascii_lowercase();
        self.named.get(&*folded)
    }

    /// The external credential of this name, compared without regard to ASCII case. Not on the way of a callout.
    pub fn credential(&self, name: &str) -> Option<&Arc<Credential>> {
        self.credentials.get(&*name.to_ascii_lowercase())
    }

    /// Any named credential with the external credential of this name. Not on the way of a callout: it looks through all of them.
    pub fn named_with(&self, credential: &str) -> Option<&Arc<Named>> {
        self.named.values().find(|named| named.credential.name.as_str().eq_ignore_ascii_case(credential))
    }

    /// All external credentials, in no order.
    pub fn all_credentials(&self) -> impl Iterator<Item = &Arc<Credential>> {
        self.credentials.values()
    }

    /// Whose Sortie this is.
    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// All named credentials, in no order.
    pub fn all_named(&self) -> impl Iterator<Item = &Arc<Named>> {
        self.named.values()
    }
}

fn with_room_for<K, V>(count: usize) -> HashMap<K, V, RandomState> {
    HashMap::with_capacity_and_hasher(count, RandomState::default())
}

/// By kind, and by name in lower case.
type Providers = HashMap<(IdentityProviderKind, String), Arc<IdentityProvider>>;

fn compile_credential(
    external: ExternalCredential,
    protocol: &'static dyn Protocol,
    providers: &Providers,
    mut principals: Vec<Principal>,
    access: &mut HashMap<PrincipalId, Vec<Grantee>, RandomState>,
    grants: &Grants,
) -> Credential {
    let settings = Arc::new(external.settings);
    principals.sort_by_key(|principal| principal.sequence_number);
    let key_of = |principal: &Principal| GrantKey {
        credential: external.id,
        principal: principal.id,
        user: None,
        revision: external.revision,
        variant: None,
    };
    // Whoever lends their values is never chosen.
    let lender = protocol.lender().and_then(|name| principals.iter().position(|principal| principal.name.as_str() == name));
    let lender = lender.map(|at| key_of(&principals.remove(at)));
    let principals = principals.into_iter().enumerate().map(|(index, principal)| {
        let mut grantees = access.remove(&principal.id).unwrap_or_default();
        grantees.sort_unstable();
        let key = key_of(&principal);
        ChosenPrincipal {
            settings: PrincipalSettings::compile(&settings, &principal.settings, protocol),
            id: principal.id,
            name: principal.name.as_str().into(),
            identity_type: principal.identity_type,
            sequence_number: principal.sequence_number,
            index,
            grantees: grantees.into(),
            key,
            lender,
            slot: grants.shared_slot(key),
        }
    });
    let principals = principals.collect();
    let provider = provider_setting(protocol, &settings)
        .and_then(|setting| providers.get(&(setting.kind, setting.name.to_ascii_lowercase())))
        .cloned();
    let ExternalCredential { id, name, additional_status_codes, renewal_rules, .. } = external;
    let reads_answers = renewal_rules.iter().any(|rule| matches!(rule.sign, RenewalSign::Pointer { .. }));
    let renewal_rules = renewal_rules.into();
    Credential { id, name, protocol, provider, additional_status_codes, renewal_rules, reads_answers, principals }
}

fn compile_named(
    named: NamedCredential,
    credential: Arc<Credential>,
    client_certificate: Option<Arc<ClientCertificate>>,
    credential_headers: &[CustomHeader],
    organization: &Arc<Organization>,
) -> Named {
    let host = HeaderValue::try_from(named.url.authority()).expect("an endpoint's authority is plain ASCII");
    let prepared = credential.principals.iter().map(|_| ArcSwapOption::empty()).collect();
    let headers = merge_headers(&named.headers, credential_headers);
    let NamedCredential { id, name, url, is_enabled, generate_authorization_header, forwarded_headers, timeouts, .. } = named;
    let (formulas_in_header, formulas_in_body) = (named.allow_formulas_in_header, named.allow_formulas_in_body);
    Named {
        id,
        name,
        is_enabled,
        endpoint: url,
        host,
        timeouts,
        credential,
        client_certificate,
        generate_authorization_header,
        formulas_in_header,
        formulas_in_body,
        forwarded_headers,
        certificates: headers.iter().flat_map(|header| header.value.certificates()).cloned().collect(),
        headers_read_body: headers.iter().any(|header| header.value.reads().body),
        headers_vary: headers.iter().any(|header| header.value.reads().is_per_callout()),
        headers,
        prepared,
        proof_nonce: ArcSwapOption::empty(),
        organization: Arc::clone(organization),
    }
}

/// Headers of the named credential first, then those of the external credential; by sequence number within each. A name that the named
/// credential has replaces the external credential's; duplicates within one of them are all sent (`domain` rules for custom headers).
fn merge_headers(named: &[CustomHeader], external: &[CustomHeader]) -> Vec<CustomHeader> {
    let is_replaced = |header: &&CustomHeader| named.iter().any(|other| other.name == header.name);
    let mut first = named.to_vec();
    let mut second: Vec<CustomHeader> = external.iter().filter(|header| !is_replaced(header)).cloned().collect();
    first.sort_by_key(|header| header.sequence_number);
    second.sort_by_key(|header| header.sequence_number);
    first.append(&mut second);
    first
}
