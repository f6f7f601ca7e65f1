//! Variables: what a formula can read.

use std::fmt;

use crate::error::{Problem, Span};
use crate::suggest::nearest;
use crate::types::Type;

/// One value that a formula reads. Names are compared without regard to ASCII case and shown as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `$User.<Field>`: an attribute of the user who calls.
    User(String),
    /// `$Profile.Name`: the name of the caller's profile.
    ProfileName,
    /// `$Organization.<Field>`: a setting of this installation.
    Organization(String),
    /// `$Credential.<External Credential>.<Parameter>`: a value stored for the chosen principal.
    Credential {
        /// Developer name of the external credential, with its namespace and two underscores before it if it has one.
        external_credential: String,
        /// Name of the parameter.
        parameter: String,
    },
    /// `$Credential.<External Credential>.Body`: the body of the request as it will be sent, as a blob.
    Body {
        /// Developer name of the external credential.
        external_credential: String,
    },
    /// `$Credential.Endpoint.URL`: where the request goes.
    EndpointUrl,
    /// `$Credential.<Field>`, from the time before external credentials: reads the chosen principal's.
    Legacy(LegacyField),
}

/// The fields of `$Credential` that name no external credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyField {
    /// The user name, of password authentication.
    UserName,
    /// The password, of password authentication.
    Password,
    /// The access token, of OAuth.
    OAuthToken,
    /// `Basic`, `Bearer`, or null.
    AuthorizationMethod,
    /// What stands behind the method in the `Authorization` header, or null.
    AuthorizationHeaderValue,
    /// The client id, of OAuth.
    OAuthConsumerKey,
}

impl LegacyField {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::UserName,
        Self::Password,
        Self::OAuthToken,
        Self::AuthorizationMethod,
        Self::AuthorizationHeaderValue,
        Self::OAuthConsumerKey,
    ];

    /// As it is written behind `$Credential.`
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserName => "UserName",
            Self::Password => "Password",
            Self::OAuthToken => "OAuthToken",
            Self::AuthorizationMethod => "AuthorizationMethod",
            Self::AuthorizationHeaderValue => "AuthorizationHeaderValue",
            Self::OAuthConsumerKey => "OAuthConsumerKey",
        }
    }
}

/// The fields of Salesforce's User object that callouts are likely to need (Object Reference, User). An attribute under any of these names may be
/// missing from a user; an attribute under another name must be known to somebody, or end in `__c`, to be accepted when a formula is saved.
pub const STANDARD_USER_FIELDS: &[&str] = &[
    "AboutMe",
    "Alias",
    "City",
    "CommunityNickname",
    "CompanyName",
    "Country",
    "CountryCode",
    "Department",
    "Division",
    "Email",
    "EmployeeNumber",
    "Extension",
    "Fax",
    "FederationIdentifier",
    "FirstName",
    "Id",
    "LanguageLocaleKey",
    "LastName",
    "LocaleSidKey",
    "ManagerId",
    "MiddleName",
    "MobilePhone",
    "Name",
    "Phone",
    "PostalCode",
    "ProfileId",
    "State",
    "StateCode",
    "Street",
    "Suffix",
    "TimeZoneSidKey",
    "Title",
    "UserName",
    "UserRoleId",
    "UserType",
];

/// The fields of `$Organization`.
const ORGANIZATION_FIELDS: &[&str] = &["Id", "Name"];

impl Variable {
    /// Reads a name that begins with `$`.
    pub(crate) fn parse(written: &str, span: Span) -> Result<Self, Problem> {
        let unknown = |message: String| Problem::new("formula_unknown_variable", span, message);
        let parts: Vec<&str> = written.split('.').collect();
        if let Some(bad) = parts.iter().skip(1).find(|part| !is_name(part)) {
            return Err(unknown(format!("`{written}` has `{bad}` where a name must stand")));
        }
        let global = parts[0];
        match (global.to_ascii_lowercase().as_str(), &parts[1..]) {
            ("$user", [field]) => Ok(Self::User((*field).to_owned())),
            ("$profile", [field]) if field.eq_ignore_ascii_case("Name") => Ok(Self::ProfileName),
            ("$profile", [_]) => {
                Err(unknown(format!("`$Profile` has no field like `{written}`"))
                    .or_rather(Some("its one field is `$Profile.Name`".to_owned())))
            }
            ("$organization", [field]) => match ORGANIZATION_FIELDS.iter().find(|known| known.eq_ignore_ascii_case(field)) {
                Some(known) => Ok(Self::Organization((*known).to_owned())),
                None => {
                    let fields = "its fields are `$Organization.Id` and `$Organization.Name`".to_owned();
                    Err(unknown(format!("`$Organization` has no field `{field}`")).or_rather(Some(fields)))
                }
            },
            ("$credential", rest) => Self::parse_credential(rest, written, span),
            ("$user" | "$profile" | "$organization", _) => {
                Err(unknown(format!("`{global}` takes one field name, such as `{global}.Name`")))
            }
            _ => {
                let near = nearest(global, ["$User", "$Profile", "$Organization", "$Credential"]);
                Err(unknown(format!("there is no `{global}`")).or_rather(near.map(|near| format!("did you mean `{near}`?"))))
            }
        }
    }

    fn parse_credential(rest: &[&str], written: &str, span: Span) -> Result<Self, Problem> {
        let unknown = |message: String| Problem::new("formula_unknown_variable", span, message);
        match rest {
            [endpoint, url] if endpoint.eq_ignore_ascii_case("Endpoint") && url.eq_ignore_ascii_case("URL") => Ok(Self::EndpointUrl),
            [credential, body] if body.eq_ignore_ascii_case("Body") => Ok(Self::Body { external_credential: (*credential).to_owned() }),
            [credential, parameter] => {
                Ok(Self::Credential { external_credential: (*credential).to_owned(), parameter: (*parameter).to_owned() })
            }
            [field] => match LegacyField::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(field)) {
                Some(known) => Ok(Self::Legacy(known)),
                None => {
                    let near = nearest(field, LegacyField::ALL.map(LegacyField::name));
                    let rather = near.map_or_else(
                        || format!("write `$Credential.<External Credential>.{field}`"),
                        |near| format!("did you mean `$Credential.{near}`?"),
                    );
                    Err(unknown(format!("`$Credential` has no field `{field}` of its own")).or_rather(Some(rather)))
                }
            },
            _ => Err(unknown(format!("`{written}` is not `$Credential.<External Credential>.<Parameter>`"))),
        }
    }

    /// The type of its value.
    pub(crate) const fn value_type(&self) -> Type {
        match self {
            Self::Body { .. } => Type::Blob,
            Self::User(_) | Self::ProfileName | Self::Organization(_) | Self::Credential { .. } | Self::EndpointUrl | Self::Legacy(_) => {
                Type::Text
            }
        }
    }

    /// Whether its value must never be shown. What a formula makes of a secret is a secret.
    pub const fn is_secret(&self) -> bool {
        match self {
            Self::Credential { .. } => true,
            Self::Legacy(field) => !matches!(field, LegacyField::AuthorizationMethod),
            Self::User(_) | Self::ProfileName | Self::Organization(_) | Self::Body { .. } | Self::EndpointUrl => false,
        }
    }
}

/// A developer name, a custom field (`Region__c`) or a name with a namespace (`ns__Name`).
fn is_name(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_alphabetic()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(field) => write!(formatter, "$User.{field}"),
            Self::ProfileName => formatter.write_str("$Profile.Name"),
            Self::Organization(field) => write!(formatter, "$Organization.{field}"),
            Self::Credential { external_credential, parameter } => write!(formatter, "$Credential.{external_credential}.{parameter}"),
            Self::Body { external_credential } => write!(formatter, "$Credential.{external_credential}.Body"),
            Self::EndpointUrl => formatter.write_str("$Credential.Endpoint.URL"),
            Self::Legacy(field) => write!(formatter, "$Credential.{}", field.name()),
        }
    }
}
