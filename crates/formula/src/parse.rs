//! Parsing: tokens become an expression. Every token is looked at once; nothing is ever read a second time in another way.

use crate::error::{FormulaError, Problem, Span};
use crate::expression::{BinaryOperator, Expression, Kind, UnaryOperator};
use crate::token::{Token, Tokens};
use crate::variable::Variable;

/// Levels of a tree. A chain of operators grows by one level with each.
const MAX_DEPTH: u32 = 128;

/// Levels of parentheses and calls inside each other: each takes a dozen stack frames while it is read.
const MAX_NESTING: u32 = 48;

/// Reads an expression that stands alone, without braces.
///
/// # Errors
/// A [`FormulaError`] at the first thing that is not understood.
pub fn parse_expression(source: &str) -> Result<Expression, FormulaError> {
    crate::template::check_length(source)?;
    let read = || {
        let mut parser = Parser::new(source, 0)?;
        let expression = parser.expression(0)?;
        match &parser.token {
            Token::End => Ok(expression),
            _ => Err(parser.unexpected("an operator, or the end")),
        }
    };
    read().map_err(|problem| FormulaError::new(problem, source))
}

/// Reads the expression that begins at `start`, up to the brace that ends it, and says where the text goes on behind that.
pub(crate) fn parse_in_braces(source: &str, start: usize) -> Result<(Expression, usize), Problem> {
    let mut parser = Parser::new(source, start)?;
    let expression = parser.expression(0)?;
    match &parser.token {
        Token::Sign("}") => Ok((expression, parser.tokens.position())),
        Token::End => Err(unclosed(start)),
        _ => Err(parser.unexpected("an operator, or the closing `}`")),
    }
}

fn unclosed(start: usize) -> Problem {
    Problem::new("formula_unclosed", Span::new(start - 2, start), "this `{!` is never closed by `}`")
}

/// One token ahead.
struct Parser<'a> {
    tokens: Tokens<'a>,
    source: &'a str,
    token: Token,
    span: Span,
    nesting: u32,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, start: usize) -> Result<Self, Problem> {
        let mut tokens = Tokens::new(source, start);
        let (token, span) = tokens.next()?;
        Ok(Self { tokens, source, token, span, nesting: 0 })
    }

    fn advance(&mut self) -> Result<(Token, Span), Problem> {
        let (next, span) = self.tokens.next()?;
        let before = std::mem::replace(&mut self.token, next);
        Ok((before, std::mem::replace(&mut self.span, span)))
    }

    /// Operands, joined by operators that bind at least as strongly as `least` (precedence climbing).
    fn expression(&mut self, least: u8) -> Result<Expression, Problem> {
        let mut left = self.operand()?;
        while let Token::Sign(sign) = self.token {
            let Some(operator) = BinaryOperator::of_sign(sign).filter(|operator| operator.strength() >= least) else { break };
            self.advance()?;
            let right = self.expression(operator.strength() + 1)?;
            let span = left.span.to(right.span);
            left = self.limited(Expression::at(Kind::Binary(operator, Box::new(left), Box::new(right)), span))?;
        }
        Ok(left)
    }

    /// A constant, a variable, a call, something in parentheses, or one of these behind `-`, `+`, `!` or `NOT`.
    fn operand(&mut self) -> Result<Expression, Problem> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(too_deep(self.span, MAX_NESTING));
        }
        let expression = self.operand_within()?;
        self.nesting -= 1;
        self.limited(expression)
    }

    fn operand_within(&mut self) -> Result<Expression, Problem> {
        match &self.token {
            Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Sign("(" | "-" | "+" | "!") => {}
            _ => return Err(self.unexpected("a value")),
        }
        let (token, span) = self.advance()?;
        match token {
            Token::Number(number) => Ok(Expression::at(Kind::Number(number), span)),
            Token::Text(text) => Ok(Expression::at(Kind::Text(text), span)),
            Token::Sign("(") => {
                let inner = self.expression(0)?;
                self.expect(")", span)?;
                Ok(inner)
            }
            Token::Sign(sign) => self.unary(
                if sign == "-" {
                    UnaryOperator::Minus
                } else if sign == "+" {
                    UnaryOperator::Plus
                } else {
                    UnaryOperator::Not
                },
                span,
            ),
            Token::Name(name) => self.named(name, span),
            Token::End => Err(self.unexpected("a value")),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, span: Span) -> Result<Expression, Problem> {
        let operand = self.operand()?;
        let span = span.to(operand.span);
        Ok(Expression::at(Kind::Unary(operator, Box::new(operand)), span))
    }

    fn named(&mut self, name: String, span: Span) -> Result<Expression, Problem> {
        if name.starts_with('$') {
            return Ok(Expression::at(Kind::Variable(Variable::parse(&name, span)?), span));
        }
        if self.token == Token::Sign("(") {
            return self.call(name, span);
        }
        match name.to_ascii_uppercase().as_str() {
            "TRUE" => Ok(Expression::at(Kind::Boolean(true), span)),
            "FALSE" => Ok(Expression::at(Kind::Boolean(false), span)),
            "NULL" => Ok(Expression::at(Kind::Null, span)),
            "NOT" => self.unary(UnaryOperator::Not, span),
            _ => {
                let rather = if crate::functions::find(&name).is_some() {
                    format!("a function is called with parentheses, `{}(…)`", name.to_ascii_uppercase())
                } else {
                    "text stands in quotes, a variable begins with `$User`, `$Credential`, `$Profile` or `$Organization`".to_owned()
                };
                let problem = Problem::new("formula_unknown_variable", span, format!("`{name}` is no variable"));
                Err(problem.or_rather(Some(rather)))
            }
        }
    }

    fn call(&mut self, function: String, name: Span) -> Result<Expression, Problem> {
        let (_, open) = self.advance()?;
        let mut arguments = Vec::new();
        if self.token != Token::Sign(")") {
            loop {
                arguments.push(self.expression(0)?);
                if self.token != Token::Sign(",") {
                    break;
                }
                self.advance()?;
            }
        }
        let close = self.expect(")", open)?;
        Ok(Expression::at(Kind::Call { function, arguments }, name.to(close)))
    }

    fn expect(&mut self, sign: &'static str, open: Span) -> Result<Span, Problem> {
        if self.token == Token::Sign(sign) {
            return Ok(self.advance()?.1);
        }
        match self.token {
            Token::End | Token::Sign("}") => Err(Problem::syntax(open, "this `(` is never closed by `)`")),
            _ => Err(self.unexpected("an operator, `,` or `)`")),
        }
    }

    fn limited(&self, expression: Expression) -> Result<Expression, Problem> {
        if expression.depth > MAX_DEPTH { Err(too_deep(expression.span, MAX_DEPTH)) } else { Ok(expression) }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match &self.token {
            Token::End => "the end".to_owned(),
            _ => {
                let text: String = self.source[self.span.start as usize..self.span.end as usize].chars().take(40).collect();
                format!("`{}`", text.escape_debug())
            }
        };
        Problem::syntax(self.span, format!("found {found} where {wanted} must stand"))
    }
}

fn too_deep(span: Span, limit: u32) -> Problem {
    Problem::limit(span, format!("this is nested more than {limit} levels deep"))
}
