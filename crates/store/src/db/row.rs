//! What comes out of a statement: one row, read column by column, with errors that say which column was wrong.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sortie_model::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::{Fault, FaultKind};

/// One row of an answer.
pub(crate) struct Row {
    table: &'static str,
    cells: Cells,
}

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(super) const fn sqlite(table: &'static str, row: SqliteRow) -> Self {
        Self { table, cells: Cells::Sqlite(row) }
    }

    pub(super) const fn postgres(table: &'static str, row: PgRow) -> Self {
        Self { table, cells: Cells::Postgres(row) }
    }

    /// A text, or `None` for NULL.
    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        self.cell(column)
    }

    /// A text that must be there.
    pub(crate) fn text(&self, column: &'static str) -> Result<String, Fault> {
        self.cell(column)?.ok_or_else(|| self.unreadable(column, "is absent"))
    }

    /// A number, or `None` for NULL.
    pub(crate) fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        self.cell(column)
    }

    /// A number that must be there.
    pub(crate) fn integer(&self, column: &'static str) -> Result<i64, Fault> {
        self.cell(column)?.ok_or_else(|| self.unreadable(column, "is absent"))
    }

    /// A number that fits its type, such as a sequence number.
    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Fault> {
        T::try_from(self.integer(column)?).map_err(|_| self.unreadable(column, "is out of range"))
    }

    /// A truth value, stored as 0 or 1.
    pub(crate) fn boolean(&self, column: &'static str) -> Result<bool, Fault> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.unreadable(column, "is neither 0 nor 1")),
        }
    }

    /// A moment, stored in milliseconds.
    pub(crate) fn timestamp(&self, column: &'static str) -> Result<Timestamp, Fault> {
        self.integer(column).map(Timestamp::from_millis)
    }

    /// A moment, or `None` for NULL.
    pub(crate) fn optional_timestamp(&self, column: &'static str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.optional_integer(column)?.map(Timestamp::from_millis))
    }

    /// Bytes, or `None` for NULL.
    pub(crate) fn optional_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        self.cell(column)
    }

    /// Bytes that must be there.
    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, Fault> {
        self.cell(column)?.ok_or_else(|| self.unreadable(column, "is absent"))
    }

    /// An identity.
    pub(crate) fn id<T: FromStr>(&self, column: &'static str) -> Result<T, Fault> {
        self.parsed(column, |text| text.parse())
    }

    /// An identity, or `None` for NULL.
    pub(crate) fn optional_id<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, Fault> {
        let Some(text) = self.optional_text(column)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.unreadable(column, "is not an identity"))
    }

    /// A text that a parser of the model takes: the rule is checked on the way out as on the way in.
    pub(crate) fn parsed<T, E>(&self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Fault> {
        self.parse(column, self.str(column)?, parse)
    }

    /// A value stored as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Fault> {
        self.parse_json(column, self.str(column)?)
    }

    /// The fields of a row that a [`packed!`] statement has read.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, Fault> {
        Ok(Fields { row: self, left: Some(self.str("fields")?) })
    }

    /// Says that a column of this row cannot be understood. `why` never holds what was found there.
    pub(crate) const fn unreadable(&self, column: &'static str, why: &'static str) -> Fault {
        Fault::new(FaultKind::Unreadable { column, why }, self.table)
    }

    fn str(&self, column: &'static str) -> Result<&str, Fault> {
        self.cell(column)?.ok_or_else(|| self.unreadable(column, "is absent"))
    }

    fn parse<T, E>(&self, column: &'static str, text: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Fault> {
        parse(text).map_err(|_| self.unreadable(column, "breaks the rule of its type"))
    }

    fn parse_json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T, Fault> {
        serde_json::from_str(text).map_err(|_| self.unreadable(column, "is not the JSON of its type"))
    }

    fn cell<'r, T>(&'r self, column: &'static str) -> Result<Option<T>, Fault>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let read = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        read.map_err(|error| {
            let why = if matches!(error, sqlx::Error::ColumnNotFound(_)) { "is not part of the answer" } else { "is of another type" };
            self.unreadable(column, why)
        })
    }
}

/// The fields of a packed row, to be read in the order in which the statement names them. What is asked of each is what a cell of a [`Row`] is asked.
pub(crate) struct Fields<'r> {
    row: &'r Row,
    left: Option<&'r str>,
}

impl<'r> Fields<'r> {
    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, Fault> {
        let left = self.left.ok_or_else(|| self.row.unreadable(column, "is absent"))?;
        let (field, rest) = left.split_once('\t').map_or((left, None), |(field, rest)| (field, Some(rest)));
        self.left = rest;
        Ok(field)
    }

    /// The last field: it may hold anything.
    pub(crate) fn rest(mut self, column: &'static str) -> Result<String, Fault> {
        self.left.take().map(str::to_owned).ok_or_else(|| self.row.unreadable(column, "is absent"))
    }

    pub(crate) fn id<T: FromStr>(&mut self, column: &'static str) -> Result<T, Fault> {
        self.parsed(column, str::parse)
    }

    /// An identity, or `None` for an empty field.
    pub(crate) fn optional_id<T: FromStr>(&mut self, column: &'static str) -> Result<Option<T>, Fault> {
        let text = self.text(column)?;
        if text.is_empty() { Ok(None) } else { self.row.parse(column, text, str::parse).map(Some) }
    }

    pub(crate) fn number<T: FromStr>(&mut self, column: &'static str) -> Result<T, Fault> {
        self.parsed(column, str::parse)
    }

    pub(crate) fn boolean(&mut self, column: &'static str) -> Result<bool, Fault> {
        match self.text(column)? {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(self.row.unreadable(column, "is neither 0 nor 1")),
        }
    }

    pub(crate) fn parsed<T, E>(&mut self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Fault> {
        let text = self.text(column)?;
        self.row.parse(column, text, parse)
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<T, Fault> {
        let text = self.text(column)?;
        self.row.parse_json(column, text)
    }
}
