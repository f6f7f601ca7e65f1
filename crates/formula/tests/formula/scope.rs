//! The scope of the examples in the reference.

use sortie_formula::{Fault, LegacyField, Scope, SignFault, Value, Variable};

/// What the examples see: it is 2026-11-22 06:24:36.789 UTC, a Sunday, and Alice of Finance calls through the external credential `Billing`.
pub(crate) struct Examples;

/// The one stored value.
pub(crate) const SECRET: &str = "SECRET-k3y";

const ATTRIBUTES: [(&str, &str); 4] =
    [("UserName", "alice"), ("Email", "alice@example.com"), ("Department", "Finance"), ("FirstName", "Alice")];

impl Scope for Examples {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(match variable {
            Variable::User(field) => {
                let known = ATTRIBUTES.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
                known.map(|(_, value)| Value::borrowed(value))
            }
            Variable::ProfileName => Some(Value::borrowed("Standard")),
            Variable::Organization(_) => Some(Value::borrowed("Example Inc")),
            Variable::Credential { external_credential, parameter } => (external_credential.eq_ignore_ascii_case("Billing")
                && parameter.eq_ignore_ascii_case("Key"))
            .then_some(Value::borrowed(SECRET)),
            Variable::Body { .. } => Some(Value::blob(*b"{\"amount\":12}")),
            Variable::EndpointUrl => Some(Value::borrowed("https://billing.example.com/v1/invoices")),
            Variable::Legacy(LegacyField::AuthorizationMethod) => Some(Value::Null),
            Variable::Legacy(_) => None,
        })
    }

    fn now_millis(&self) -> i64 {
        1_795_328_676_789
    }

    fn sign_with_certificate(&self, _algorithm: &str, _input: &[u8], _certificate: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}
