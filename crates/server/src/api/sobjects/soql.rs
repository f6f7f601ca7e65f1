//! As much of SOQL as asks for rows by their fields: `SELECT Id, Name FROM PermissionSet WHERE Name = 'X' AND Label IN ('A', 'B') LIMIT 1`.

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// As written.
    pub(super) fields: Vec<String>,
    pub(super) object: String,
    /// All must hold.
    pub(super) conditions: Vec<Condition>,
    /// The first counts most.
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
}

/// A field has one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) values: Vec<String>,
}

/// Rows are sorted by a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) field: String,
    pub(super) is_descending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a keyword or a number.
    Word(String),
    Text(String),
    Sign(char),
}

impl Query {
    /// Reads a question; what is beyond it says in words what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens(tokens(text)?.into_iter().peekable());
        tokens.keyword("SELECT")?;
        let fields = tokens.list(|tokens| tokens.word("a field"))?;
        tokens.keyword("FROM")?;
        let object = tokens.word("an object")?;
        let mut conditions = Vec::new();
        if tokens.takes("WHERE") {
            conditions.push(tokens.condition()?);
            while tokens.takes("AND") {
                conditions.push(tokens.condition()?);
            }
        }
        let mut order = Vec::new();
        if tokens.takes("ORDER") {
            tokens.keyword("BY")?;
            order = tokens.list(Tokens::order)?;
        }
        let limit = if tokens.takes("LIMIT") {
            Some(tokens.word("a number")?.parse().map_err(|_| "expected a number after LIMIT".to_owned())?)
        } else {
            None
        };
        match tokens.0.next() {
            None => Ok(Self { fields, object, conditions, order, limit }),
            Some(_) => Err("only SELECT, FROM, WHERE with = and IN joined by AND, ORDER BY and LIMIT are understood".to_owned()),
        }
    }
}

struct Tokens(std::iter::Peekable<std::vec::IntoIter<Token>>);

impl Tokens {
    fn takes(&mut self, keyword: &str) -> bool {
        self.0.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))).is_some()
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), String> {
        if self.takes(keyword) { Ok(()) } else { Err(format!("expected {keyword}")) }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.0.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        match self.0.next() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(format!("expected {what}")),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.0.next() {
            Some(Token::Text(text)) => Ok(text),
            Some(Token::Word(word)) if ["true", "false"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                Ok(word.to_ascii_lowercase())
            }
            _ => Err("expected a text in single quotes, true or false".to_owned()),
        }
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut all = vec![one(self)?];
        while self.sign(',') {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn order(&mut self) -> Result<Order, String> {
        let field = self.word("a field")?;
        let is_descending = self.takes("DESC");
        let _ = !is_descending && self.takes("ASC");
        Ok(Order { field, is_descending })
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let field = self.word("a field")?;
        if self.sign('=') {
            return Ok(Condition { field, values: vec![self.value()?] });
        }
        if self.takes("IN") && self.sign('(') {
            let values = self.list(Self::value)?;
            if self.sign(')') {
                return Ok(Condition { field, values });
            }
        }
        Err(format!("expected = or IN (…) after {field}"))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            blank if blank.is_whitespace() => {}
            '\'' => {
                let mut value = String::new();
                loop {
                    match rest.next() {
                        None => return Err("a text is not closed".to_owned()),
                        Some('\'') => break,
                        Some('\\') => value.extend(rest.next()),
                        Some(other) => value.push(other),
                    }
                }
                found.push(Token::Text(value));
            }
            ',' | '(' | ')' | '=' => found.push(Token::Sign(character)),
            first if first.is_ascii_alphanumeric() => {
                let mut word = String::from(first);
                while let Some(next) = rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_' || *next == '.') {
                    word.push(next);
                }
                found.push(Token::Word(word));
            }
            _ => return Err("this sign is not understood".to_owned()),
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_scripts_ask_is_understood() {
        let query =
            Query::parse("select Id, Name from PermissionSet where Name = 'O\\'Neil' and IsOwnedByProfile = FALSE order by Name limit 1")
                .unwrap();
        assert_eq!(
            (query.fields, query.object.as_str(), query.limit),
            (vec!["Id".to_owned(), "Name".to_owned()], "PermissionSet", Some(1))
        );
        let conditions: Vec<_> = query.conditions.iter().map(|one| (one.field.as_str(), one.values.join("|"))).collect();
        assert_eq!(conditions, [("Name", "O'Neil".to_owned()), ("IsOwnedByProfile", "false".to_owned())]);
        let query = Query::parse("SELECT Id FROM SetupEntityAccess WHERE ParentId IN ('a','b')").unwrap();
        assert_eq!(query.conditions[0].values, ["a", "b"]);
    }

    #[test]
    fn what_is_beyond_it_is_refused() {
        for text in [
            "",
            "SELECT",
            "SELECT Id",
            "SELECT Id FROM",
            "SELECT Id FROM A WHERE",
            "SELECT Id FROM A WHERE b > 'c'",
            "SELECT Id FROM A WHERE b = 'c' OR d = 'e'",
            "SELECT Id FROM A WHERE b = 'c",
            "SELECT (SELECT Id FROM B) FROM A",
            "SELECT Id FROM A LIMIT x",
            "SELECT Id FROM A; DROP TABLE A",
        ] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }
}
