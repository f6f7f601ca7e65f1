//! `sortie call`: one callout through a running gateway, from the shell.

use std::io::{Read as _, Write};
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use sortie_model::Secret;

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
    /// Where the gateway listens
    #[arg(long, env = "SORTIE_GATEWAY", default_value = "127.0.0.1:8585", value_name = "ADDRESS")]
    gateway: String,
    /// File with the API key; else the environment variable SORTIE_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
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
    /// No key.
    #[error("no API key: set SORTIE_KEY, or give --key-file")]
    NoKey,
    /// A file cannot be read or written.
    #[error("cannot use {what}")]
    File {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// No gateway there.
    #[error("cannot reach the gateway at {address}: {reason}")]
    Gateway {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    BrokeOff(String),
}

impl CallError {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Target => "target_invalid",
            Self::Argument(_) => "argument_invalid",
            Self::NoKey => "unauthenticated",
            Self::File { .. } => "file_unusable",
            Self::Gateway { .. } => "gateway_unreachable",
            Self::BrokeOff(_) => "answer_broken_off",
        }
    }

    /// What to do.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::Target => "write it as callout:Name/path?query",
            Self::Argument(_) => "see `sortie call --help`",
            Self::NoKey => "make one: sortie key create --user NAME",
            Self::File { .. } => "check the path and its permissions",
            Self::Gateway { .. } => "start it with `sortie serve`, or give its address with --gateway",
            Self::BrokeOff(_) => "try again; what was written of the body is not complete",
        }
    }
}

/// Makes the call. `key` is what the environment says.
///
/// # Errors
/// A [`CallError`].
pub(crate) async fn run(arguments: &CallArguments, key: Option<Secret>, is_json: bool) -> Result<u8, CallError> {
    let request = request(arguments, key)?;
    let answer = send(&arguments.gateway, request).await?;
    let (status, is_refusal) = (answer.status(), answer.headers().contains_key("sortie-error"));
    write_answer(arguments, answer, is_json).await?;
    Ok(match () {
        () if is_refusal => 1,
        () if arguments.fail && status.as_u16() >= 400 => 22,
        () => 0,
    })
}

fn request(arguments: &CallArguments, key: Option<Secret>) -> Result<Request<Full<Bytes>>, CallError> {
    let target = match arguments.target.split_at_checked(8) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("callout:") => rest,
        _ => return Err(CallError::Target),
    };
    let body = arguments.data.as_deref().map(read_body).transpose()?;
    let method = arguments.method.as_deref().unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| CallError::Argument(format!("`{method}` is no method")))?;
    let uri = http::uri::PathAndQuery::try_from(format!("/callout/{target}"))
        .map_err(|_| CallError::Argument("the target is no path: percent-encode it".to_owned()))?;
    let mut request = Request::new(Full::from(body.unwrap_or_default()));
    *request.method_mut() = method;
    *request.uri_mut() = uri.into();
    let headers = request.headers_mut();
    for text in &arguments.headers {
        let (name, value) =
            text.split_once(':').ok_or_else(|| CallError::Argument(format!("`{text}` is no header: write 'Name: value'")))?;
        let name =
            HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| CallError::Argument(format!("`{name}` is no header name")))?;
        let value =
            HeaderValue::from_str(value.trim()).map_err(|_| CallError::Argument(format!("the value of `{name}` cannot be sent")))?;
        headers.append(name, value);
    }
    headers.insert(header::PROXY_AUTHORIZATION, authorization(arguments, key)?);
    headers.insert(
        header::HOST,
        HeaderValue::from_str(&arguments.gateway).map_err(|_| CallError::Argument("the gateway's address is not understood".to_owned()))?,
    );
    Ok(request)
}

fn authorization(arguments: &CallArguments, key: Option<Secret>) -> Result<HeaderValue, CallError> {
    let key = match &arguments.key_file {
        Some(path) => Secret::new(
            std::fs::read_to_string(path).map_err(|source| CallError::File { what: format!("the key file {}", path.display()), source })?,
        ),
        None => key.ok_or(CallError::NoKey)?,
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose().trim())).map_err(|_| CallError::NoKey)?;
    value.set_sensitive(true);
    Ok(value)
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

pub(crate) async fn send(gateway: &str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
    let unreachable = |reason: String| CallError::Gateway { address: gateway.to_owned(), reason };
    let address = gateway.strip_prefix("http://").unwrap_or(gateway).trim_end_matches('/');
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| unreachable(error.to_string()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("the connection to the gateway ended: {error}");
        }
    });
    sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))
}

/// Streams the answer out. With `--json` a refusal by Sortie stays the JSON that it is, and goes to standard output like any answer.
async fn write_answer(arguments: &CallArguments, answer: Response<Incoming>, is_json: bool) -> Result<(), CallError> {
    let unwritable = |source| CallError::File { what: "the output".to_owned(), source };
    let mut output: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(std::fs::File::create(path).map_err(|source| CallError::File { what: path.display().to_string(), source })?),
        None => Box::new(std::io::stdout().lock()),
    };
    if arguments.include {
        let head = head(&answer, is_json);
        output.write_all(head.as_bytes()).map_err(unwritable)?;
    }
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CallError::BrokeOff(error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            output.write_all(data).map_err(unwritable)?;
        }
    }
    output.flush().map_err(unwritable)
}

fn head(answer: &Response<Incoming>, is_json: bool) -> String {
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    if is_json {
        let headers: Vec<(&str, String)> = headers.collect();
        return format!("{}\n", serde_json::json!({ "status": answer.status().as_u16(), "headers": headers }));
    }
    let lines: String = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("HTTP/1.1 {}\n{lines}\n", answer.status())
}
