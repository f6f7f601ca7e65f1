//! What goes into a statement: the three types that both databases share, each of them nullable.

use sortie_model::{
    ApiKeyId, ApiName, AuthProviderId, CertificateId, CertificateVersionId, ExternalAuthIdentityProviderId, ExternalCredentialId, Label,
    NamedCredentialId, PermissionSetId, PrincipalId, ProfileId, Timestamp, UserId, UserName,
};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use super::{Fault, FaultKind};

/// One bound parameter. It has no `Debug`, so that no log and no error can ever hold one.
#[derive(Clone)]
pub(crate) enum Value {
    /// TEXT: names, JSON, and identities in their hyphenated form.
    Text(Option<String>),
    /// BIGINT: numbers, milliseconds, and booleans as 0 and 1.
    Integer(Option<i64>),
    /// BLOB or BYTEA: hashes and sealed bytes.
    Bytes(Option<Vec<u8>>),
}

/// PostgreSQL cannot store U+0000 in text; refusing it here makes both databases refuse the same.
fn check(values: &[Value], table: &'static str) -> Result<(), Fault> {
    let is_storable = |value: &Value| match value {
        Value::Text(Some(text)) => !text.contains('\0'),
        Value::Text(None) | Value::Integer(_) | Value::Bytes(_) => true,
    };
    if values.iter().all(is_storable) { Ok(()) } else { Err(Fault::new(FaultKind::NulInText, table)) }
}

pub(super) fn sqlite(values: Vec<Value>, table: &'static str) -> Result<SqliteArguments, Fault> {
    check(&values, table)?;
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => Arguments::add(&mut arguments, text),
            Value::Integer(number) => Arguments::add(&mut arguments, number),
            Value::Bytes(bytes) => Arguments::add(&mut arguments, bytes),
        };
        added.map_err(|_| Fault::new(FaultKind::Other, table))?;
    }
    Ok(arguments)
}

pub(super) fn postgres(values: Vec<Value>, table: &'static str) -> Result<PgArguments, Fault> {
    check(&values, table)?;
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => Arguments::add(&mut arguments, text),
            Value::Integer(number) => Arguments::add(&mut arguments, number),
            Value::Bytes(bytes) => Arguments::add(&mut arguments, bytes),
        };
        added.map_err(|_| Fault::new(FaultKind::Other, table))?;
    }
    Ok(arguments)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(Some(number.into()))
    }
}

impl From<bool> for Value {
    fn from(is_set: bool) -> Self {
        Self::Integer(Some(is_set.into()))
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Integer(Some(at.as_millis()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Integer(at.map(Timestamp::as_millis))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

impl From<Uuid> for Value {
    fn from(uuid: Uuid) -> Self {
        Self::Text(Some(uuid.to_string()))
    }
}

macro_rules! written_as_text {
    ($($name:ty)+) => {$(
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }

        impl From<Option<$name>> for Value {
            fn from(value: Option<$name>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        }
    )+};
}

written_as_text! {
    UserId ProfileId PermissionSetId AuthProviderId ExternalAuthIdentityProviderId ExternalCredentialId PrincipalId NamedCredentialId CertificateId CertificateVersionId
    ApiKeyId &ApiName &UserName &Label
}
