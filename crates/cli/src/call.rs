//! `sortie call`: one callout through a running gateway, from the shell.

use std::io::{Read as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::Method;
use sortie_client::{Answer, Client, ClientError};
use sortie_model::Secret;

use crate::arguments::Remote;

/// An hour: how long a callout may take is for the gateway to say, which has a limit for each name.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Make a callout through the gateway.
///
/// Exit status: 0 if the service answered (whatever its status), 1 if Sortie refused the callout or no answer came, 22 with --fail if the
/// service answered with a status of 400 or more.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  SORTIE_KEY=$(cat key) sortie call callout:Billing/invoices?open=true\n  sortie call callout:Billing/invoices -X POST -H 'Content-Type: application/json' -d '{\"amount\":5}' --key-file key\n  sortie call callout:Files/report.pdf -o report.pdf"
)]
pub(crate) struct CallArguments {
    /// What to call: callout:Name/path?query
    target: String,
    /// Method; POST if there is a body, else GET
    #[arg(short = 'X', long)]
    method: Option<String>,
    /// Header to send, as 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Body to send; @FILE reads a file, @- standard input
    #[arg(short, long)]
    data: Option<String>,
    /// Show the answer's status and headers too
    #[arg(short, long)]
    include: bool,
    /// Write the answer's body to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// End with status 22 if the service answers with 400 or more
    #[arg(short, long)]
    fail: bool,
    /// Where the gateway listens: an address, or https://… where TLS stands in front of it
    #[arg(long, env = "SORTIE_GATEWAY", default_value = "127.0.0.1:8585", value_name = "ADDRESS")]
    gateway: String,
}

/// Why a call was not made, or not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Not a callout.
    #[error("the target must begin with `callout:`")]
    Target,
    /// Not a method, not a header.
    #[error("{0}")]
    Argument(String),
    /// A file cannot be read or written.
    #[error("cannot use {what}")]
    File {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The key, the gateway, or the way there.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl CallError {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Target => "target_invalid",
            Self::Argument(_) => "argument_invalid",
            Self::File { .. } => "file_unusable",
            Self::Client(ClientError::Unreachable { .. }) => "gateway_unreachable",
            Self::Client(ClientError::Lost { .. }) => "answer_broken_off",
            Self::Client(error) => error.code(),
        }
    }

    /// What to do.
    pub(crate) fn next_step(&self) -> &str {
        match self {
            Self::Target => "write it as callout:Name/path?query",
            Self::Argument(_) => "see `sortie call --help`",
            Self::File { .. } => "check the path and its permissions",
            Self::Client(ClientError::Unreachable { .. }) => "start it with `sortie serve`, or give its address with --gateway",
            Self::Client(ClientError::Lost { .. }) => "try again; what was written of the body is not complete",
            Self::Client(error) => error.next_step(),
        }
    }
}

/// Makes the call. `key` is what the environment says.
///
/// # Errors
/// A [`CallError`].
pub(crate) async fn run(arguments: &CallArguments, remote: &Remote, key: Option<Secret>, is_json: bool) -> Result<u8, CallError> {
    let client = client(arguments, remote, key)?;
    let answer = send(arguments, &client).await?;
    let (status, is_refusal) = (answer.status(), answer.is_refusal());
    write_answer(arguments, answer, is_json).await?;
    Ok(match () {
        () if is_refusal => 1,
        () if arguments.fail && status.as_u16() >= 400 => 22,
        () => 0,
    })
}

fn client(arguments: &CallArguments, remote: &Remote, key: Option<Secret>) -> Result<Client, CallError> {
    let builder =
        remote.builder(key).map_err(|(path, source)| CallError::File { what: format!("the key file {}", path.display()), source })?;
    Ok(builder.gateway(&arguments.gateway).callout_limit(PATIENCE).build().map_err(ClientError::from)?)
}

async fn send(arguments: &CallArguments, client: &Client) -> Result<Answer, CallError> {
    if !arguments.target.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("callout:")) {
        return Err(CallError::Target);
    }
    let body = arguments.data.as_deref().map(read_body).transpose()?;
    let method = arguments.method.as_deref().unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| CallError::Argument(format!("`{method}` is no method")))?;
    let mut callout = client.callout(method, &arguments.target);
    for text in &arguments.headers {
        let (name, value) =
            text.split_once(':').ok_or_else(|| CallError::Argument(format!("`{text}` is no header: write 'Name: value'")))?;
        callout = callout.header(name.trim(), value.trim());
    }
    if let Some(body) = body {
        callout = callout.body(body);
    }
    // A refusal is shown as it came.
    Ok(callout.send_untouched().await?)
}

fn read_body(data: &str) -> Result<Bytes, CallError> {
    let read = match data.strip_prefix('@') {
        None => return Ok(Bytes::copy_from_slice(data.as_bytes())),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
        Some(path) => std::fs::read(path),
    };
    read.map(Bytes::from).map_err(|source| CallError::File { what: format!("the body from {data}"), source })
}

/// Streams the answer out. With `--json` a refusal by Sortie stays the JSON that it is, and goes to standard output like any answer.
async fn write_answer(arguments: &CallArguments, mut answer: Answer, is_json: bool) -> Result<(), CallError> {
    let unwritable = |source| CallError::File { what: "the output".to_owned(), source };
    let mut output: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(std::fs::File::create(path).map_err(|source| CallError::File { what: path.display().to_string(), source })?),
        None => Box::new(std::io::stdout().lock()),
    };
    if arguments.include {
        let head = head(&answer, is_json);
        output.write_all(head.as_bytes()).map_err(unwritable)?;
    }
    while let Some(piece) = answer.chunk().await? {
        // As it comes: somebody may be watching.
        match output.write_all(&piece).and_then(|()| output.flush()) {
            // Whoever closed the pipe does not want more.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(unwritable)?,
        }
    }
    Ok(())
}

fn head(answer: &Answer, is_json: bool) -> String {
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    if is_json {
        let headers: Vec<(&str, String)> = headers.collect();
        return format!("{}\n", serde_json::json!({ "status": answer.status().as_u16(), "headers": headers }));
    }
    let lines: String = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("HTTP/1.1 {}\n{lines}\n", answer.status())
}
