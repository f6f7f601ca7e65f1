//! Values, while a formula is evaluated. What is borrowed is not copied; what was made on the way is wiped when it is dropped.

use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use zeroize::Zeroizing;

use crate::types::Type;

/// Text: somebody else's, or made on the way.
#[derive(Clone)]
pub enum Text<'a> {
    /// Of the formula itself, or of the scope.
    Borrowed(&'a str),
    /// Made on the way; wiped when dropped, since it may hold a secret.
    Owned(Zeroizing<String>),
}

/// Bytes: somebody else's, or made on the way.
#[derive(Clone)]
pub enum Blob<'a> {
    /// Of the scope.
    Borrowed(&'a [u8]),
    /// Made on the way; wiped when dropped, since they may hold a secret.
    Owned(Zeroizing<Vec<u8>>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl Deref for Blob<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The same characters, wherever they live.
impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

/// The same bytes, wherever they live.
impl PartialEq for Blob<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Blob<'_> {}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Owned(Zeroizing::new(text))
    }
}

impl From<Vec<u8>> for Blob<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(Zeroizing::new(bytes))
    }
}

/// One value. Has no `Display` and shows only its type in `Debug`: it may be a secret.
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing; where a text is wanted, the empty text.
    Null,
    /// Text.
    Text(Text<'a>),
    /// A decimal number.
    Number(Decimal),
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A day.
    Date(Date),
    /// A moment.
    DateTime(Timestamp),
    /// A time of day.
    Time(Time),
    /// Bytes.
    Blob(Blob<'a>),
}

impl<'a> Value<'a> {
    /// A text made on the way.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::from(text.into()))
    }

    /// A text that lives elsewhere.
    pub const fn borrowed(text: &'a str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    /// Bytes made on the way.
    pub fn blob(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Blob(Blob::from(bytes.into()))
    }

    /// Its type.
    pub const fn value_type(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Text(_) => Type::Text,
            Self::Number(_) => Type::Number,
            Self::Boolean(_) => Type::Boolean,
            Self::Date(_) => Type::Date,
            Self::DateTime(_) => Type::DateTime,
            Self::Time(_) => Type::Time,
            Self::Blob(_) => Type::Blob,
        }
    }

    /// Null or the empty text; a blank space is something (Salesforce Help, ISBLANK).
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// As text, the way `TEXT` writes it; `None` for a blob, which has none.
    pub fn into_text(self) -> Option<Text<'a>> {
        Some(match self {
            Self::Null => Text::Borrowed(""),
            Self::Text(text) => text,
            Self::Number(number) => Text::from(number_text(number)),
            Self::Boolean(true) => Text::Borrowed("TRUE"),
            Self::Boolean(false) => Text::Borrowed("FALSE"),
            Self::Date(date) => Text::from(date.to_string()),
            Self::DateTime(moment) => Text::from(moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
            Self::Time(time) => Text::from(time.strftime("%H:%M:%S.").to_string() + &format!("{:03}", time.millisecond())),
            Self::Blob(_) => return None,
        })
    }
}

/// Plain digits without exponent, grouping or trailing zeros.
pub(crate) fn number_text(number: Decimal) -> String {
    // Normalising turns -0 into 0 too.
    number.normalize().to_string()
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({})", self.value_type())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Text(***)")
    }
}

impl fmt::Debug for Blob<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Blob(***)")
    }
}
