//! Sortie as a newcomer would set it up: by its own program, with definitions, a user, a key and stored secrets.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::callgrind::Callgrind;
use super::machine::MEASURED_CORE;
use super::nginx::{self, Upstream};
use super::server::Server;
use crate::dist;
use crate::process::{Failure, during, output};

/// The program that is measured.
pub(super) struct Sortie {
    program: PathBuf,
}

/// A server that is ready, and a key that it takes.
pub(super) struct Running {
    pub(super) server: Server,
    pub(super) address: SocketAddr,
    pub(super) key: String,
}

/// What an audit record survives before a credential leaves; `Process` is Sortie's default.
#[derive(Clone, Copy, Debug)]
pub(super) enum Durability {
    Process,
    Machine,
}

impl Sortie {
    /// Builds the program as it is shipped, unless there is one already.
    pub(super) fn build(program: Option<&Path>) -> Result<Self, Failure> {
        if let Some(program) = program {
            let program = program.canonicalize().map_err(during(&format!("cannot find {}", program.display())))?;
            return Ok(Self { program });
        }
        Ok(Self { program: dist::build()? })
    }

    /// Where it is.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// `sortie 0.1.0`
    pub(super) fn version(&self) -> Result<String, Failure> {
        let shown = output(Command::new(&self.program).arg("--version"))?;
        Ok(String::from_utf8_lossy(&shown).trim().to_owned())
    }

    /// Sets a server up in a new directory and starts it.
    pub(super) fn start(&self, directory: &Path, upstream: &Upstream, durability: Durability) -> Result<Running, Failure> {
        let house = self.prepare(directory, upstream, durability, &[])?;
        house.serve(Command::new(&self.program))
    }

    /// The same under callgrind.
    pub(super) fn start_under(&self, callgrind: &Callgrind, directory: &Path, upstream: &Upstream) -> Result<Running, Failure> {
        let house = self.prepare(directory, upstream, Durability::Process, &[])?;
        house.serve(callgrind.command(&self.program, "sortie"))
    }

    /// The same with 1,000 named credentials more, each with an external credential of its own; says their names.
    pub(super) fn start_with_thousand(&self, directory: &Path, upstream: &Upstream) -> Result<(Running, Vec<String>), Failure> {
        let names: Vec<String> = (0..1_000).map(|number| format!("Service{number}")).collect();
        let house = self.prepare(directory, upstream, Durability::Process, &names)?;
        Ok((house.serve(Command::new(&self.program))?, names))
    }

    fn prepare(&self, directory: &Path, upstream: &Upstream, durability: Durability, more: &[String]) -> Result<House<'_>, Failure> {
        fs::create_dir_all(directory).map_err(during("cannot make a directory"))?;
        let write = |name: &str, text: &str| fs::write(directory.join(name), text).map_err(during("cannot write a file"));
        write("sortie.toml", &configuration(upstream, durability))?;
        write("bench.yaml", &definitions(upstream, more))?;
        write("key", nginx::KEY)?;
        write("password", nginx::PASSWORD)?;
        let house = House { program: &self.program, directory: directory.to_owned() };
        house.run(&["apply", "-f", "bench.yaml"])?;
        Ok(house)
    }
}

/// A data directory that is filled.
struct House<'a> {
    program: &'a Path,
    directory: PathBuf,
}

impl House<'_> {
    fn run(&self, words: &[&str]) -> Result<String, Failure> {
        let said = output(self.at_home(&mut Command::new(self.program)).args(words))?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// Adds what makes a command work on this house and on no other, whatever the environment says.
    fn at_home<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env_remove("SORTIE_DATABASE_URL").env_remove("SORTIE_DATABASE_URL_FILE");
        command.current_dir(&self.directory).args(["--data-dir", "data", "--config", "sortie.toml"])
    }

    fn serve(&self, mut program: Command) -> Result<Running, Failure> {
        let said = self.run(&["key", "create", "--user", "bench"])?;
        let key =
            said.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).find(|word| word.starts_with("sortie_"));
        let key = key.ok_or_else(|| Failure::new("`sortie key create` shows no key"))?.to_owned();
        let log = self.directory.join("log");
        let file = fs::File::create(&log).map_err(during("cannot write a file"))?;
        let program = self.at_home(&mut program).args(["serve", "--json"]).stdout(Stdio::piped()).stderr(file);
        let mut server = Server::start("Sortie", MEASURED_CORE, program)?;
        let line = server.first_line().map_err(|Failure { message, status }| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            Failure { message: format!("{message}\n{log}"), status }
        })?;
        let ready: serde_json::Value = serde_json::from_str(&line).map_err(during(&format!("`sortie serve` says `{}`", line.trim())))?;
        let gateway = ready["gateway"].as_str().and_then(|gateway| gateway.strip_prefix("http://")?.parse().ok());
        let address = gateway.ok_or_else(|| Failure::new(format!("`sortie serve` does not say where it listens: {}", line.trim())))?;
        Ok(Running { server, address, key })
    }
}

fn configuration(upstream: &Upstream, durability: Durability) -> String {
    let durability = match durability {
        Durability::Process => "process",
        Durability::Machine => "machine",
    };
    format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\ncores = 1\n[admin]\nlisten = \"127.0.0.1:0\"\n[egress]\nallow = [\"127.0.0.0/8\"]\n\
         [trust]\nroots = \"only_ca_files\"\nca_files = [\"{}\"]\n[audit]\ndurability = \"{durability}\"\n",
        upstream.authority.display()
    )
}

fn definitions(upstream: &Upstream, more: &[String]) -> String {
    let Upstream { plain, secure, .. } = upstream;
    let (header, user) = (nginx::KEY_HEADER, nginx::USER);
    let principal = "principals: [{name: Service, sequence_number: 1, enabled_for: {permission_sets: [Callers]}";
    let custom = |name: &str| {
        format!(
            "  - {{name: {name}, protocol: custom, headers: [{{name: {header}, value: '{{!$Credential.{name}.Key}}'}}], \
             {principal}, values: {{Key: {{from_file: key}}}}}}]}}\n"
        )
    };
    let mut text = format!(
        "permission_sets: [{{name: Callers}}]
users: [{{name: bench, permission_sets: [Callers]}}]
external_credentials:
  - {{name: Open, protocol: no_authentication, {principal}}}]}}
  - {{name: Basic, protocol: basic, {principal}, values: {{username: {user}, password: {{from_file: password}}}}}}]}}
  - {{name: Token, protocol: oauth_client_credentials, settings: {{token_endpoint: 'http://{plain}/token'}},
     {principal}, values: {{client_id: bench, client_secret: {{from_file: password}}}}}}]}}
  - {{name: Signed, protocol: aws_access_key, settings: {{region: eu-central-1, service: execute-api}},
     {principal}, values: {{access_key_id: bench, secret_access_key: {{from_file: password}}}}}}]}}
"
    );
    text.push_str(&custom("Custom"));
    more.iter().for_each(|name| text.push_str(&custom(name)));
    text.push_str("named_credentials:\n");
    let places = [
        ("Open", format!("http://{plain}/none"), "Open"),
        ("Basic", format!("http://{plain}/basic"), "Basic"),
        ("Token", format!("http://{plain}/bearer"), "Token"),
        ("Signed", format!("http://{plain}/signed"), "Signed"),
        ("Custom", format!("http://{plain}/custom"), "Custom"),
        ("Secure", format!("https://{secure}/custom"), "Custom"),
    ];
    let thousand = more.iter().map(|name| (name.as_str(), format!("http://{plain}/custom"), name.as_str()));
    for (name, url, credential) in places.into_iter().chain(thousand) {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  - {{name: {name}, url: '{url}', external_credential: {credential}}}");
    }
    text
}
