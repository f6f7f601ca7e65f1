//! `sortie presign`.

use std::time::Duration;

use clap::Args;
use http::Method;
use serde::Serialize;
use sortie_model::UserName;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::site::Site;

/// Print a URL that anybody can use for a while
///
/// For services that take AWS Signature Version 4: the signature stands in the URL, and whoever has it sends the request themselves. It is made under the same
/// permissions as a callout of the user, and recorded in the audit before.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie presign callout:Files/bucket/report.pdf --as alice\n  sortie presign callout:Files/bucket/upload.bin --as alice --method PUT --expires 1h\n\nA URL ends with the temporary key behind it, if that is earlier."
)]
pub(crate) struct PresignArguments {
    /// What may be called: callout:Name/path?query
    target: String,
    /// Under whose permissions; over HTTP the key's own user, if left out
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// How it may be called
    #[arg(long, default_value = "GET")]
    method: Method,
    /// For how long it is good: 90s, 15m, 12h; at most 7d
    #[arg(long, default_value = "15m", value_name = "DURATION")]
    expires: String,
}

#[derive(Serialize)]
struct Printed<'a> {
    url: &'a str,
    /// RFC 3339.
    expires_at: String,
}

pub(crate) async fn run(arguments: &PresignArguments, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let lifetime = read_lifetime(&arguments.expires)
        .ok_or_else(|| Failure::new("lifetime_invalid", "--expires must be from 1s to 7d", "write it like 90s, 15m, 12h or 7d"))?;
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let (url, expires_at) = site.presign(&arguments.target, user.as_ref(), &arguments.method, lifetime).await?;
    if printer.is_json() {
        printer.json(&Printed { url: url.expose(), expires_at });
    } else {
        printer.line(url.expose());
    }
    Ok(0)
}

/// A whole number with its unit.
fn read_lifetime(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=7 * 86_400).contains(seconds))?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_with_their_unit_and_bounded() {
        for (text, seconds) in [("90s", Some(90)), ("15m", Some(900)), ("12h", Some(43_200)), ("7d", Some(604_800))] {
            assert_eq!(read_lifetime(text).map(|lifetime| lifetime.as_secs()), seconds, "{text}");
        }
        for text in ["", "s", "0s", "8d", "15", "-1m", "1.5h", "18446744073709551615d", "5 m", "5ü"] {
            assert_eq!(read_lifetime(text), None, "{text}");
        }
    }
}
