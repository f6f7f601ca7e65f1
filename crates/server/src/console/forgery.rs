//! Requests that another site makes in a signed-in browser ("cross-site request forgery").

use http::header::{HeaderMap, ORIGIN};
use http::{HeaderName, Method};

use crate::public_url::PublicUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request comes from one of our own pages, or changes nothing. Without a word about where it comes from, it does not (UI-04, UI-05).
pub(crate) fn is_ours(method: &Method, headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let origin = headers.get(ORIGIN);
    let is_our_origin = origin.is_some_and(|origin| origin.as_bytes() == public_url.origin().as_bytes());
    match headers.get(SEC_FETCH_SITE) {
        // Our pages say `Referrer-Policy: no-referrer`, and so browsers send the origin of their forms as `null` (Fetch, section 3.2).
        Some(site) => site == "same-origin" && (is_our_origin || origin.is_none_or(|origin| origin == "null")),
        None => is_our_origin,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_our_own_pages_change_anything() {
        let url = PublicUrl::parse("https://sortie.test").unwrap();
        let judge = |site: Option<&'static str>, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            site.map(|site| headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site)));
            origin.map(|origin| headers.insert(ORIGIN, HeaderValue::from_static(origin)));
            assert!(is_ours(&Method::GET, &headers, &url));
            is_ours(&Method::POST, &headers, &url)
        };
        let ours = "https://sortie.test";
        for (site, origin) in
            [(Some("same-origin"), Some(ours)), (Some("same-origin"), Some("null")), (Some("same-origin"), None), (None, Some(ours))]
        {
            assert!(judge(site, origin), "{site:?} {origin:?}");
        }
        for (site, origin) in [
            (None, None),
            (None, Some("null")),
            (None, Some("https://sortie.test.evil.test")),
            (None, Some("http://sortie.test")),
            (None, Some("https://sortie.test:8443")),
            (Some("cross-site"), Some(ours)),
            (Some("same-site"), Some(ours)),
            (Some("none"), None),
            (Some("same-origin"), Some("https://evil.test")),
            (Some("cross-site"), Some("null")),
        ] {
            assert!(!judge(site, origin), "{site:?} {origin:?}");
        }
    }
}
