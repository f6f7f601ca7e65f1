//! What a stored value is bound to beside its row: where it may be sent.

use aws_lc_rs::digest;
use sortie_model::Settings;
use sortie_protocol::Kind;

/// SHA-256 over the protocol and all its settings that are URLs, each with its length in front. A value that was sealed under one destination does not open under
/// another: editing a token endpoint in the database sends no client secret there.
pub fn destination(protocol: &str, settings: &Settings) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    add(protocol);
    let fields = sortie_protocol::find(protocol).map(|protocol| protocol.fields()).unwrap_or_default();
    for field in fields.iter().filter(|field| field.place.is_setting() && field.kind == Kind::Url) {
        add(field.name);
        add(settings.get(field.name).and_then(serde_json::Value::as_str).unwrap_or_default());
    }
    let mut destination = [0; 32];
    destination.copy_from_slice(context.finish().as_ref());
    destination
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decides_where_a_value_goes_changes_its_destination() {
        let settings =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect::<Settings>();
        let of = |pairs: &[(&str, &str)]| destination("oauth_client_credentials", &settings(pairs));
        let base = of(&[("token_endpoint", "https://idp.test/token")]);
        assert_eq!(base, of(&[("token_endpoint", "https://idp.test/token"), ("scope", "read")]));
        assert_ne!(base, of(&[("token_endpoint", "https://evil.test/token")]));
        assert_ne!(base, destination("basic", &Settings::new()));
    }
}
