//! A real server on loopback with a house of its own, filled through the store, and a raw client that sends bytes as they are.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sortie_model::{
    ApiKey, ApiName, CustomHeader, Endpoint, ExternalCredential, ExternalCredentialId, Grantee, IdentityType, Label, NamedCredential,
    NamedCredentialId, PermissionSet, PermissionSetId, Principal, PrincipalAccess, PrincipalId, Secret, SecretBytes, Settings, StatusCodes,
    Timeouts, Timestamp, User, UserId, UserName,
};
use sortie_server::manage::{key::NewKey, secret::destination};
use sortie_server::{Config, House, HouseConfig, Server, new_id};
use sortie_store::Identity;
use sortie_vault::{SealContext, operating_system_random};

/// A server under test, with the runtime that it shares with nothing else.
pub(crate) struct TestServer {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) setup: HouseConfig,
    pub(crate) house: House,
    server: Option<Server>,
    _directory: tempfile::TempDir,
}

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
    /// A house with loopback allowed, nothing in it, and nothing listening yet.
    pub(crate) fn new() -> Self {
        Self::with_database(None)
    }

    pub(crate) fn with_database(database: Option<String>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.gateway.listen = "127.0.0.1:0".parse().unwrap();
        config.gateway.cores = 1;
        config.admin.listen = "127.0.0.1:0".parse().unwrap();
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        let setup =
            HouseConfig { data_directory: directory.path().join("data"), config, database: database.map(Secret::new), root_key: None };
        let house = runtime.block_on(House::open(&setup)).unwrap();
        Self { runtime, setup, house, server: None, _directory: directory }
    }

    /// Starts to listen.
    pub(crate) fn start(&mut self) {
        self.server = Some(self.runtime.block_on(Server::start(&self.setup)).unwrap());
    }

    /// Stops in order, so that all records are written.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("started")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server().gateway()
    }

    /// Waits until the running server has the newest definitions in force.
    pub(crate) fn settle(&self) {
        let newest = self.runtime.block_on(self.house.store().generation()).unwrap().as_i64();
        let node = self.server().node().expect("unsealed").clone();
        self.runtime.block_on(async {
            let settled = async {
                while node.snapshot().generation() < newest {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(5), settled).await.expect("P17: a change binds within 5 s");
        });
    }

    pub(crate) fn permission_set(&self, name: &str) -> PermissionSetId {
        let id = PermissionSetId::from_uuid(new_id());
        let set = PermissionSet { id, name: ApiName::parse(name).unwrap(), label: Label::parse(name).unwrap(), description: String::new() };
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.permission_sets().insert(&set).await.unwrap();
            change.commit().await.unwrap();
        });
        id
    }

    /// A user with these permission sets, and a key.
    pub(crate) fn user(&self, name: &str, sets: &[PermissionSetId]) -> (UserId, Secret) {
        let id = UserId::from_uuid(new_id());
        let user = User { id, name: UserName::parse(name).unwrap(), profile: None, is_active: true, attributes: Default::default() };
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.users().insert(&user).await.unwrap();
            for set in sets {
                change.users().assign(id, *set).await.unwrap();
            }
            change.commit().await.unwrap();
        });
        (id, self.key(id, None))
    }

    pub(crate) fn key(&self, user: UserId, expires_at: Option<Timestamp>) -> Secret {
        let key = NewKey::generate(operating_system_random).unwrap();
        let stored = ApiKey {
            id: key.id,
            user,
            label: "test".to_owned(),
            secret_hash: key.secret_hash,
            created_at: Timestamp::from_millis(0),
            expires_at,
            revoked_at: None,
        };
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.api_keys().insert(&stored).await.unwrap();
            change.commit().await.unwrap();
        });
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
            headers: headers.collect(),
            revision: 0,
        };
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.external_credentials().insert(&external).await.unwrap();
            change.commit().await.unwrap();
        });
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
        let principal =
            Principal { id, external_credential: external.id, name: Label::parse(name).unwrap(), identity_type, sequence_number };
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.principals().insert(&principal).await.unwrap();
            for set in sets {
                change.principal_access().insert(PrincipalAccess { principal: id, grantee: Grantee::PermissionSet(*set) }).await.unwrap();
            }
            change.commit().await.unwrap();
        });
        id
    }

    pub(crate) fn value(&self, external: &ExternalCredential, identity: Identity, name: &str, value: &str) {
        let row = new_id();
        let destination = destination(&external.protocol, &external.settings);
        let context = SealContext { table: "credential_values", row, field: name, owner: identity.owner, version: 1, destination };
        let sealed = self.house.vault().seal(&context, &SecretBytes::new(value.as_bytes())).unwrap();
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.credential_values().insert(identity, row, name, &sealed).await.unwrap();
            change.commit().await.unwrap();
        });
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
            is_enabled: true,
            generate_authorization_header: true,
            allow_formulas_in_header: false,
            allow_formulas_in_body: false,
            forwarded_headers: Vec::new(),
            headers: Vec::new(),
            timeouts: Timeouts::default(),
        };
        adjust(&mut named);
        self.runtime.block_on(async {
            let mut change = self.house.store().change().await.unwrap();
            change.named_credentials().insert(&named).await.unwrap();
            change.commit().await.unwrap();
        });
        named
    }

    /// Permission set `Callers`, user `alice` with a key, external credential `Pay` (custom, `X-Api-Key: SECRET-pay-key`), named credential `Pay` at `url`.
    pub(crate) fn with_pay(&self, url: &str) -> Secret {
        let callers = self.permission_set("Callers");
        let (_, key) = self.user("alice", &[callers]);
        let external = self
            .external_credential(&Credential { headers: &[("X-Api-Key", "{!$Credential.Pay.Key}")], ..Credential::new("Pay", "custom") });
        let principal = self.principal(&external, "Main", 1, IdentityType::Named, &[callers]);
        self.value(&external, Identity::shared(principal), "Key", "SECRET-pay-key");
        self.named_credential("Pay", url, &external);
        key
    }

    /// Sends raw bytes on a new connection and reads until the server closes it or says nothing for a second.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// One request with `Connection: close`, as raw text; `headers` end with CRLF each.
    pub(crate) fn request(&self, key: &Secret, method: &str, target: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {}\r\nConnection: close\r\n{length}{headers}\r\n{body}",
            key.expose()
        );
        Answer::parse(&self.raw(text.as_bytes()))
    }

    pub(crate) fn get(&self, key: &Secret, target: &str) -> Answer {
        self.request(key, "GET", target, "", "")
    }

    /// Every line of the audit, after a stop.
    pub(crate) fn audit(&self) -> String {
        let files = sortie_server::audit::files(self.house.audit_directory()).unwrap();
        files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A gateway's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sortie's own code, if Sortie refused.
    pub(crate) fn code(&self) -> Option<&str> {
        self.header("sortie-error")
    }
}
