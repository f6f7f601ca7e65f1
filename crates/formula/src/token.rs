//! Tokens: the words and signs of an expression.

use rust_decimal::Decimal;

use crate::error::{Problem, Span};

/// A word or sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Number(Decimal),
    Text(String),
    /// A name with its dots: a function, a constant, or a variable.
    Name(String),
    Sign(&'static str),
    End,
}

/// Longer signs first.
const SIGNS: &[&str] = &["==", "<>", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "^", "&", "=", "<", ">", "!", "(", ")", ",", "}"];

/// Cuts a source into tokens, one at a time.
pub(crate) struct Tokens<'a> {
    source: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) const fn new(source: &'a str, position: usize) -> Self {
        Self { source, position }
    }

    /// The next token and its place.
    pub(crate) fn next(&mut self) -> Result<(Token, Span), Problem> {
        self.skip_blanks_and_comments()?;
        let start = self.position;
        let rest = &self.source[start..];
        let token = match rest.bytes().next() {
            None => Token::End,
            Some(b'0'..=b'9') => self.number(rest)?,
            Some(b'\'' | b'"') => self.text(rest)?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'$') => self.name(rest),
            Some(_) => self.sign(rest)?,
        };
        Ok((token, Span::new(start, self.position)))
    }

    /// Where the next token would be looked for.
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), Problem> {
        loop {
            let rest = &self.source[self.position..];
            let trimmed = rest.trim_start();
            self.position += rest.len() - trimmed.len();
            if !trimmed.starts_with("/*") {
                return Ok(());
            }
            let span = Span::new(self.position, self.position + 2);
            let end = trimmed[2..].find("*/").ok_or_else(|| Problem::syntax(span, "this comment is never closed by `*/`"))?;
            self.position += end + 4;
        }
    }

    /// `12` or `12.5`; no exponents, no lone point.
    fn number(&mut self, rest: &str) -> Result<Token, Problem> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = digits(rest);
        if rest[length..].starts_with('.') && rest[length + 1..].starts_with(|next: char| next.is_ascii_digit()) {
            length += 1 + digits(&rest[length + 1..]);
        }
        let start = self.position;
        self.position += length;
        let span = Span::new(start, self.position);
        let number = Decimal::from_str_exact(&rest[..length]);
        number.map(Token::Number).map_err(|_| Problem::limit(span, "this number has more digits than the 28 that can be kept"))
    }

    /// Escapes are `\n \r \t \" \' \\`, in either case; another backslash is an error, so that nobody's meaning is guessed.
    fn text(&mut self, rest: &str) -> Result<Token, Problem> {
        let start = self.position;
        let quote = rest.chars().next().expect("the caller has seen a quote");
        let mut text = String::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.position = start + at + 1;
                    return Ok(Token::Text(text));
                }
                '\\' => match characters.next() {
                    Some((_, 'n' | 'N')) => text.push('\n'),
                    Some((_, 'r' | 'R')) => text.push('\r'),
                    Some((_, 't' | 'T')) => text.push('\t'),
                    Some((_, same @ ('"' | '\'' | '\\'))) => text.push(same),
                    Some((next, other)) => {
                        let span = Span::new(start + at, start + next + other.len_utf8());
                        let rather = "a backslash itself is written `\\\\`".to_owned();
                        return Err(Problem::syntax(span, "this escape is not one of \\n \\r \\t \\\" \\' \\\\").or_rather(Some(rather)));
                    }
                    None => break,
                },
                _ => text.push(character),
            }
        }
        Err(Problem::syntax(Span::new(start, start + 1), format!("this text is never closed by {quote}")))
    }

    fn name(&mut self, rest: &str) -> Token {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"$_.:#".contains(byte)).count();
        self.position += length;
        Token::Name(rest[..length].to_owned())
    }

    fn sign(&mut self, rest: &str) -> Result<Token, Problem> {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.position += sign.len();
            return Ok(Token::Sign(sign));
        }
        let found = rest.chars().next().unwrap_or_default();
        let span = Span::new(self.position, self.position + found.len_utf8());
        let rather = match found {
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => Some("use straight quotes, ' or \"".to_owned()),
            '%' => Some("for a remainder write `MOD(number, divisor)`".to_owned()),
            '|' => Some("did you mean `||`?".to_owned()),
            _ => None,
        };
        Err(Problem::syntax(span, format!("`{}` means nothing here", found.escape_debug())).or_rather(rather))
    }
}
