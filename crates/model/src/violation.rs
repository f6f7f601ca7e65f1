//! A violation: one thing an admin wrote that a rule forbids.

use std::fmt;

use serde::Serialize;

/// One broken rule of one field. Every refusal of input names both, so that the reader knows what to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Violation {
    /// Where: `name`, `principals[0].sequence_number`, `settings.token_endpoint`.
    pub field: String,
    /// Which rule, as a stable code: `name_format`, `required`, `immutable`.
    pub rule: &'static str,
    /// What is wrong and what would be right, in words.
    pub message: String,
}

impl Violation {
    /// Names the field, the rule and what would be right.
    pub fn new(field: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), rule, message: message.into() }
    }

    /// The field is required and absent.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, "required", "is required")
    }

    /// The field is no formula that can be saved. Shows the place in it.
    pub fn of_formula(field: impl Into<String>, error: &sortie_formula::FormulaError) -> Self {
        Self::new(field, error.code(), format!("{error}\n{}", error.picture()))
    }

    /// The same violation, seen from the object that holds the field: `name` becomes `principals[0].name`.
    pub fn within(mut self, holder: &str) -> Self {
        self.field = if self.field.is_empty() {
            holder.to_owned()
        } else if self.field.starts_with('[') {
            format!("{holder}{}", self.field)
        } else {
            format!("{holder}.{}", self.field)
        };
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {}", self.field, self.message)
    }
}

/// Several violations at once: an admin sees all that is wrong, not the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The value if nothing was found, else what was found.
    ///
    /// # Errors
    /// All violations found.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Keeps the value of a check, or its violation.
    pub fn keep<T>(&mut self, checked: Result<T, Violation>) -> Option<T> {
        checked.map_err(|violation| self.0.push(violation)).ok()
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "{violation}")?;
        }
        Ok(())
    }
}
