//! Types of values, and sets of them.

use std::fmt;

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Unicode text.
    Text,
    /// A decimal number of up to 28 digits.
    Number,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// A day of the calendar.
    Date,
    /// A moment, in UTC, to the millisecond.
    DateTime,
    /// A time of day, to the millisecond.
    Time,
    /// Bytes.
    Blob,
    /// The type of `NULL`, which every parameter accepts.
    Null,
}

impl Type {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 8] = [Self::Text, Self::Number, Self::Boolean, Self::Date, Self::DateTime, Self::Time, Self::Blob, Self::Null];

    /// As messages and the reference say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "date/time",
            Self::Time => "time",
            Self::Blob => "blob",
            Self::Null => "null",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A set of types, such as those that a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// Everything that has a text: not a blob.
    pub const PRINTABLE: Self = Self::of(&[Type::Text, Type::Number, Type::Boolean, Type::Date, Type::DateTime, Type::Time]);
    /// Everything.
    pub const ANY: Self = Self(u8::MAX);

    /// The set of these types.
    pub const fn of(types: &[Type]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < types.len() {
            set |= 1 << types[index] as u8;
            index += 1;
        }
        Self(set)
    }

    /// Whether a value of this type may stand here. `NULL` may stand everywhere.
    pub const fn accepts(self, found: Type) -> bool {
        matches!(found, Type::Null) || self.0 & (1 << found as u8) != 0
    }
}

impl fmt::Display for Types {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return formatter.write_str("any type");
        }
        let names: Vec<_> = Type::ALL.into_iter().filter(|one| self.0 & (1 << *one as u8) != 0).map(Type::name).collect();
        match names.as_slice() {
            [] => formatter.write_str("nothing"),
            [one] => formatter.write_str(one),
            [first @ .., last] => write!(formatter, "{} or {last}", first.join(", ")),
        }
    }
}
