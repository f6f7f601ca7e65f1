//! `sortie demo`: the whole product in one command and no configuration. A real server on the embedded database, a real upstream and a real token server on loopback;
//! every step says what should happen and checks that it did. All that an admin does here goes through the same commands that a reader would type.

mod services;
mod teller;

use std::path::PathBuf;
use std::process::Stdio;

use http::StatusCode;
use sortie_client::{Client, ClientError, Secret};
use sortie_server::{Config, ConfigError, HouseConfig, Server, StartError, new_id};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use self::services::{Expected, Services};
use self::teller::Teller;

/// The definitions, with `UPSTREAM` and `TOKEN_SERVER` where the addresses go.
const DEFINITIONS: &str = include_str!("definitions.yaml");

/// Everything on loopback, on ports of the system's choice.
const CONFIGURATION: &str = "[gateway]\nlisten = \"127.0.0.1:0\"\n\n[admin]\nlisten = \"127.0.0.1:0\"\n\n[egress]\n# The demo's upstream and token server are on this machine, without TLS.\nallow = [\"127.0.0.0/8\"]\n";

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A file or a process of the demo's own.
    #[error("the demo cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The configuration that the demo wrote.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A callout got no answer at all.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// A command that should work ended with an error.
    #[error("`sortie {command}` failed: {output}")]
    Command {
        /// Which.
        command: String,
        /// What it said.
        output: String,
    },
}

impl DemoError {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::System { .. } => "demo_system",
            Self::Config(error) => error.code(),
            Self::Start(error) => error.code(),
            Self::Call(error) => error.code(),
            Self::Command { .. } => "demo_command",
        }
    }

    fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

struct Demo {
    program: PathBuf,
    directory: PathBuf,
    services: Services,
    server: Server,
    teller: Teller,
    key: String,
    bobs_key: String,
}

/// What came back of a callout.
struct Answer {
    status: StatusCode,
    code: Option<String>,
}

/// Runs the demo. With `ends` it stops after the last step, else it keeps serving until it is interrupted. True if every promise was kept.
///
/// # Errors
/// A [`DemoError`].
pub(crate) async fn run(ends: bool) -> Result<bool, DemoError> {
    let mut demo = Demo::prepare().await?;
    demo.four_protocols().await?;
    demo.one_token_for_many().await?;
    demo.a_revoked_token().await?;
    demo.somebody_else().await?;
    demo.a_broken_thing().await?;
    demo.the_audit().await?;
    let Demo { teller, server, directory, key, .. } = demo;
    let is_kept = teller.broken() == 0;
    teller.say(&format!("\n{} promises kept, {} broken.", teller.kept(), teller.broken()));
    if !ends {
        invite(&teller, &server, &directory.display().to_string(), &key);
        let _ = tokio::signal::ctrl_c().await;
    }
    server.stop().await;
    std::fs::remove_dir_all(&directory).map_err(DemoError::system("remove its data directory"))?;
    Ok(is_kept)
}

fn invite(teller: &Teller, server: &Server, directory: &str, key: &str) {
    let gateway = server.gateway();
    teller.say("\nSortie keeps running. From another terminal:\n");
    teller.say(&format!("   curl -H 'Proxy-Authorization: Bearer {key}' 'http://{gateway}/callout/Billing/2026?open=true'"));
    teller.say(&format!("   curl -H 'Authorization: Bearer {key}' http://{gateway}/callout/Maps/tiles/7/66/42"));
    teller.say(&format!("   sortie --data-dir {directory} status"));
    teller.say(&format!("   sortie --data-dir {directory} explain callout:Billing/x --as bob"));
    teller.say("\nCtrl-C ends it and removes its data.");
}

impl Demo {
    async fn prepare() -> Result<Self, DemoError> {
        let mut teller = Teller::default();
        let program = std::env::current_exe().map_err(DemoError::system("find its own program"))?;
        let directory = std::env::temp_dir().join(format!("sortie-demo-{}", new_id()));
        std::fs::create_dir(&directory).map_err(DemoError::system("make its data directory"))?;
        let expected = Expected {
            username: "clerk".to_owned(),
            password: random_word("pw"),
            api_key: random_word("key"),
            client_id: "sortie-demo".to_owned(),
            client_secret: random_word("secret"),
        };
        let services = Services::start(expected.clone(), || random_word("token")).await.map_err(DemoError::system("listen on loopback"))?;
        teller.say("Sortie makes authenticated outbound calls by name. The caller never sees the endpoint or the secret.");
        teller.say(&format!("upstream     http://{}   (checks what it is shown)", services.upstream));
        teller.say(&format!("token server http://{}   (OAuth 2.0, client credentials)", services.token_server));
        teller.say(&format!("data         {}   (embedded database, key file, audit)", directory.display()));

        std::fs::write(directory.join("sortie.toml"), CONFIGURATION).map_err(DemoError::system("write its configuration"))?;
        let definitions =
            DEFINITIONS.replace("TOKEN_SERVER", &services.token_server.to_string()).replace("UPSTREAM", &services.upstream.to_string());
        let file = directory.join("definitions.yaml");
        std::fs::write(&file, definitions).map_err(DemoError::system("write its definitions"))?;
        let config = Config::load(None, &directory)?;
        let setup = HouseConfig { data_directory: directory.clone(), config, database: None, root_key: None };
        let commands = Commands { program: &program, directory: &directory };
        teller.step("An admin defines credentials, and stores secrets that nothing will ever show again");
        let file = file.display().to_string();
        teller.command(&["apply", "-f", "definitions.yaml"], &commands.run(&["apply", "-f", &file], "").await?);
        for (principal, field, value) in [
            ("Orders/Clerk", "username", &expected.username),
            ("Orders/Clerk", "password", &expected.password),
            ("Maps/Shop", "Key", &expected.api_key),
            ("Billing/Service", "client_id", &expected.client_id),
            ("Billing/Service", "client_secret", &expected.client_secret),
        ] {
            let arguments = ["secret", "set", principal, field, "--stdin"];
            teller.command(&arguments, &commands.run(&arguments, value).await?);
        }
        let key = commands.key_of("alice").await?;
        let bobs_key = commands.key_of("bob").await?;
        let shown = format!("{}… (shown once, given to alice's program)", key.chars().take(20).collect::<String>());
        teller.command(&["key", "create", "--user", "alice"], &shown);
        let server = Server::start(&setup).await?;
        teller.say(&format!("   the gateway listens on http://{}", server.gateway()));
        Ok(Self { program, directory, services, server, teller, key, bobs_key })
    }

    /// One callout through the real gateway, told.
    async fn callout(&mut self, method: &str, target: &str, key: &str) -> Result<Answer, DemoError> {
        let answer = self.send(method, target, key).await?;
        let short_key: String = key.chars().take(20).collect();
        let sent = [
            format!("{method} /callout/{target}"),
            format!("host: {}", self.server.gateway()),
            format!("proxy-authorization: Bearer {short_key}…"),
        ];
        self.teller.beside(&sent, self.services.take_received().last());
        Ok(answer)
    }

    async fn send(&self, method: &str, target: &str, key: &str) -> Result<Answer, DemoError> {
        let client = Client::builder().gateway(self.server.gateway().to_string()).key(Secret::new(key)).build();
        let answer = client.map_err(ClientError::from)?.callout(method.parse().unwrap_or_default(), format!("callout:{target}"));
        let answer = answer.send_untouched().await?;
        let code = answer.headers().get("sortie-error").map(|code| String::from_utf8_lossy(code.as_bytes()).into_owned());
        let status = answer.status();
        // To its end, so that its record is closed.
        let _ = answer.bytes().await;
        Ok(Answer { status, code })
    }

    async fn four_protocols(&mut self) -> Result<(), DemoError> {
        let key = self.key.clone();
        for (title, method, target) in [
            ("No authentication: only the permission is checked", "GET", "Weather/today?city=Graz"),
            ("Basic: user name and password are added", "POST", "Orders/new"),
            ("Custom: a key in a header, by formula", "GET", "Maps/tiles/7/66/42"),
            ("OAuth 2.0 client credentials: a token is fetched, kept and added", "GET", "Billing/2026?open=true"),
        ] {
            self.teller.step(title);
            let answer = self.callout(method, target, &key).await?;
            self.teller.promise(
                &format!("the upstream welcomes the callout (status {})", answer.status.as_u16()),
                answer.status == StatusCode::OK,
            );
        }
        Ok(())
    }

    async fn one_token_for_many(&mut self) -> Result<(), DemoError> {
        self.teller.step("Twenty more callouts use the same token");
        let key = self.key.clone();
        let mut good = 0;
        for number in 0..20 {
            good += u32::from(self.send("GET", &format!("Billing/{number}"), &key).await?.status == StatusCode::OK);
        }
        self.services.take_received();
        let requests = self.services.token_requests();
        self.teller.promise(&format!("{good} of 20 answered, with {requests} token request in all"), good == 20 && requests == 1);
        Ok(())
    }

    async fn a_revoked_token(&mut self) -> Result<(), DemoError> {
        self.teller.step("The provider revokes the token: Sortie renews it once and sends the request again");
        self.services.revoke_all_tokens();
        let key = self.key.clone();
        let answer = self.send("GET", "Billing/2026", &key).await?;
        let attempts = self.services.take_received().len();
        let requests = self.services.token_requests();
        self.teller.say(&format!("   the upstream saw {attempts} requests: one refused with 401, one with the new token"));
        self.teller.promise("the caller noticed nothing", answer.status == StatusCode::OK && attempts == 2 && requests == 2);
        Ok(())
    }

    async fn somebody_else(&mut self) -> Result<(), DemoError> {
        self.teller.step("Bob has a key, but no permission");
        let key = self.bobs_key.clone();
        let forbidden = self.callout("GET", "Billing/2026", &key).await?;
        let unknown = self.send("GET", "No_Such_Name/2026", &key).await?;
        let is_same = (forbidden.status, &forbidden.code) == (unknown.status, &unknown.code);
        self.teller.promise("refused before anything was sent (not_permitted)", forbidden.code.as_deref() == Some("not_permitted"));
        self.teller.promise("a name that does not exist looks the same to bob", is_same && self.services.take_received().is_empty());
        Ok(())
    }

    async fn a_broken_thing(&mut self) -> Result<(), DemoError> {
        self.teller.step("Something breaks: the client secret is gone, and `explain` says what to do");
        let secret = "SECRET-that-is-not-the-right-one";
        let set = ["secret", "set", "Billing/Service", "client_secret", "--stdin"];
        let key = self.key.clone();
        let remove = ["secret", "remove", "Billing/Service", "client_secret"];
        self.command(&remove, "").await?;
        self.settle().await;
        let answer = self.callout("GET", "Billing/2026", &key).await?;
        self.teller.promise(
            "the callout is refused with a code of its own (credential_not_configured)",
            answer.code.as_deref() == Some("credential_not_configured"),
        );
        let explained = self.explain("callout:Billing/2026", "alice").await?;
        let names_step = explained.contains("credential_not_configured") && explained.contains("client_secret");
        self.teller.promise("explain names the missing value and the next step", names_step);
        let commands = Commands { program: &self.program, directory: &self.directory };
        commands.run(&set, secret).await?;
        self.settle().await;
        let answer = self.send("GET", "Billing/2026", &key).await?;
        self.teller.promise(
            &format!("with a wrong secret the code is another ({})", answer.code.as_deref().unwrap_or("none")),
            answer.code.as_deref() == Some("token_refused"),
        );
        Ok(())
    }

    async fn the_audit(&mut self) -> Result<(), DemoError> {
        self.teller.step("Everything is in the audit, and nobody can change it unseen");
        // Results that nobody waits for are written within a tenth of a second.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let verified = self.command(&["audit", "verify"], "").await?;
        self.teller.promise("the chain of records is unbroken", !verified.is_empty());
        Ok(())
    }

    /// Runs a command and tells it.
    async fn command(&self, arguments: &[&str], input: &str) -> Result<String, DemoError> {
        let output = Commands { program: &self.program, directory: &self.directory }.run(arguments, input).await?;
        self.teller.command(arguments, &output);
        Ok(output)
    }

    /// `explain` ends with status 1 when the callout would fail, and here it should.
    async fn explain(&self, target: &str, user: &str) -> Result<String, DemoError> {
        let arguments = ["explain", target, "--as", user];
        let (_, output) = Commands { program: &self.program, directory: &self.directory }.finish(&arguments, "").await?;
        self.teller.command(&arguments, &output);
        Ok(output)
    }

    /// Waits until the running server has the newest definitions in force: another process changed them.
    async fn settle(&self) {
        let Some(node) = self.server.node() else { return };
        for _ in 0..200 {
            let newest = node.house().store().generation().await.map_or(0, |generation| generation.as_i64());
            if node.snapshot().generation() >= newest {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Runs this program's own commands against the demo's data directory, as a reader would.
struct Commands<'a> {
    program: &'a PathBuf,
    directory: &'a PathBuf,
}

impl Commands<'_> {
    async fn run(&self, arguments: &[&str], input: &str) -> Result<String, DemoError> {
        let (is_good, output) = self.finish(arguments, input).await?;
        if is_good { Ok(output) } else { Err(DemoError::Command { command: arguments.join(" "), output }) }
    }

    async fn finish(&self, arguments: &[&str], input: &str) -> Result<(bool, String), DemoError> {
        let failed = |source| DemoError::System { what: "run one of its own commands", source };
        let mut command = Command::new(self.program);
        // Whatever the environment says of another house or server is not meant.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"SORTIE_")) {
            command.env_remove(name);
        }
        command.arg("--data-dir").arg(self.directory).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads nothing may be gone already.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }

    async fn key_of(&self, user: &str) -> Result<String, DemoError> {
        let output = self.run(&["--json", "key", "create", "--user", user], "").await?;
        let key: serde_json::Value = serde_json::from_str(&output).unwrap_or_default();
        match key["key"].as_str() {
            Some(key) => Ok(key.to_owned()),
            None => Err(DemoError::Command { command: format!("key create --user {user}"), output: "no key in its output".to_owned() }),
        }
    }
}

/// A word that no other run has.
fn random_word(prefix: &str) -> String {
    format!("demo-{prefix}-{}", new_id().simple())
}
