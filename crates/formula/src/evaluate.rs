//! Evaluation: a program becomes a value. It has no loops, so that its cost is bounded by its size; the texts it makes are bounded here.

use std::borrow::Cow;
use std::cell::Cell;

use jiff::Timestamp;
use jiff::civil::Time;
use regex::Regex;
use rust_decimal::Decimal;
use zeroize::Zeroizing;

use crate::error::Fault;
use crate::expression::BinaryOperator;
use crate::function::Function;
use crate::operator;
use crate::program::Node;
use crate::scope::Scope;
use crate::value::{Blob, Text, Value};
use crate::variable::Variable;

/// Bytes that one text or blob may have: room for any body that is buffered, written in hexadecimal.
pub(crate) const MAX_VALUE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that one evaluation may write, all values on the way counted: a few milliseconds of work.
const MAX_WORK_BYTES: usize = 16 * 1024 * 1024;

/// One evaluation.
pub(crate) struct Evaluator<'a> {
    scope: &'a dyn Scope,
    now: Cell<Option<Timestamp>>,
    work: Cell<usize>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(scope: &'a dyn Scope) -> Self {
        Self { scope, now: Cell::new(None), work: Cell::new(0) }
    }

    pub(crate) fn evaluate(&self, node: &'a Node) -> Result<Value<'a>, Fault> {
        match node {
            Node::Constant(constant) => Ok(shorten(constant)),
            Node::Variable { variable, may_be_missing } => self.variable(variable, *may_be_missing),
            Node::Join(parts) => self.join(parts).map(Value::Text),
            Node::Unary(operator, operand) => Ok(operator::unary(*operator, &self.evaluate(operand)?)),
            Node::Binary(operator, operands) => self.binary(*operator, operands),
            Node::Call(function, nodes) => {
                let value = (function.evaluate)(&Arguments { evaluator: self, function, nodes })?;
                self.account(&value)?;
                Ok(value)
            }
            Node::Pattern(regex) => Ok(Value::borrowed(regex.as_str())),
        }
    }

    /// The result of a program whose type has a text.
    pub(crate) fn text(&self, node: &'a Node) -> Result<Text<'a>, Fault> {
        self.evaluate(node)?.into_text().ok_or(Fault::Value { function: "a formula", problem: "its result is a blob, which has no text" })
    }

    /// The moment of this evaluation, the same for all of it.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.get().unwrap_or_else(|| {
            // A clock beyond the year 9999 is no clock.
            let now = Timestamp::from_millisecond(self.scope.now_millis()).unwrap_or(Timestamp::UNIX_EPOCH);
            self.now.set(Some(now));
            now
        })
    }

    fn variable(&self, variable: &'a Variable, may_be_missing: bool) -> Result<Value<'a>, Fault> {
        match self.scope.value(variable)? {
            Some(value) => Ok(value),
            None if may_be_missing => Ok(Value::Null),
            None => Err(Fault::Unresolved { variable: variable.to_string() }),
        }
    }

    fn binary(&self, operator: BinaryOperator, [left, right]: &'a [Node; 2]) -> Result<Value<'a>, Fault> {
        let left = self.evaluate(left)?;
        match operator {
            BinaryOperator::And if !operator::is_true(&left) => Ok(Value::Boolean(false)),
            BinaryOperator::Or if operator::is_true(&left) => Ok(Value::Boolean(true)),
            _ => operator::binary(operator, &left, &self.evaluate(right)?),
        }
    }

    /// Texts one behind the other: all are made before any is copied, so that the result is allocated once, at its size, and leaves no half behind.
    fn join(&self, nodes: &'a [Node]) -> Result<Text<'a>, Fault> {
        const FEW: usize = 8;
        if nodes.len() > FEW {
            let texts = nodes.iter().map(|node| self.text(node)).collect::<Result<Vec<_>, _>>()?;
            return self.concatenate(&texts);
        }
        let mut texts = [const { Text::Borrowed("") }; FEW];
        for (text, node) in texts.iter_mut().zip(nodes) {
            *text = self.text(node)?;
        }
        self.concatenate(&texts[..nodes.len()])
    }

    fn concatenate(&self, texts: &[Text<'a>]) -> Result<Text<'a>, Fault> {
        let length = texts.iter().map(|text| text.len()).sum();
        self.charge(length)?;
        let mut whole = Zeroizing::new(String::with_capacity(length));
        for text in texts {
            whole.push_str(text);
        }
        Ok(Text::Owned(whole))
    }

    fn account(&self, value: &Value<'_>) -> Result<(), Fault> {
        match value {
            Value::Text(text) => self.charge(text.len()),
            Value::Blob(blob) => self.charge(blob.len()),
            _ => Ok(()),
        }
    }

    /// Counts bytes that are written or looked through.
    fn charge(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > MAX_VALUE_BYTES {
            return Err(Fault::Limit { what: "a value" });
        }
        self.charge_work(bytes)
    }

    fn charge_work(&self, bytes: usize) -> Result<(), Fault> {
        let work = self.work.get().saturating_add(bytes);
        self.work.set(work);
        if work > MAX_WORK_BYTES { Err(Fault::Limit { what: "the work" }) } else { Ok(()) }
    }
}

/// A constant as a value that borrows from it.
fn shorten<'a>(constant: &'a Value<'static>) -> Value<'a> {
    match constant {
        Value::Null => Value::Null,
        Value::Text(text) => Value::borrowed(text),
        Value::Number(number) => Value::Number(*number),
        Value::Boolean(truth) => Value::Boolean(*truth),
        Value::Date(date) => Value::Date(*date),
        Value::DateTime(moment) => Value::DateTime(*moment),
        Value::Time(time) => Value::Time(*time),
        Value::Blob(blob) => Value::Blob(Blob::Borrowed(blob)),
    }
}

/// The arguments of one call, each evaluated when it is asked for.
pub(crate) struct Arguments<'e, 'a> {
    evaluator: &'e Evaluator<'a>,
    function: &'static Function,
    nodes: &'a [Node],
}

impl<'a> Arguments<'_, 'a> {
    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Argument `index`, whatever it is.
    pub(crate) fn value(&self, index: usize) -> Result<Value<'a>, Fault> {
        self.evaluator.evaluate(&self.nodes[index])
    }

    /// Argument `index` as text; null is the empty text. Looking through it is work.
    pub(crate) fn text(&self, index: usize) -> Result<Text<'a>, Fault> {
        let text = self.evaluator.text(&self.nodes[index])?;
        self.charge(text.len())?;
        Ok(text)
    }

    /// Argument `index` as a condition; null does not hold.
    pub(crate) fn boolean(&self, index: usize) -> Result<bool, Fault> {
        Ok(operator::is_true(&self.value(index)?))
    }

    /// Argument `index` as a number.
    pub(crate) fn number(&self, index: usize) -> Result<Option<Decimal>, Fault> {
        match self.value(index)? {
            Value::Number(number) => Ok(Some(number)),
            _ => Ok(None),
        }
    }

    /// Argument `index` as a time of day.
    pub(crate) fn time(&self, index: usize) -> Result<Option<Time>, Fault> {
        match self.value(index)? {
            Value::Time(time) => Ok(Some(time)),
            _ => Ok(None),
        }
    }

    /// Argument `index` as bytes; null is no byte.
    pub(crate) fn blob(&self, index: usize) -> Result<Blob<'a>, Fault> {
        match self.value(index)? {
            Value::Blob(blob) => {
                self.charge(blob.len())?;
                Ok(blob)
            }
            _ => Ok(Blob::Borrowed(&[])),
        }
    }

    /// Argument `index` as a regular expression, compiled before if it was written out.
    pub(crate) fn pattern(&self, index: usize) -> Result<Cow<'a, Regex>, Fault> {
        if let Node::Pattern(regex) = &self.nodes[index] {
            return Ok(Cow::Borrowed(regex));
        }
        let text = self.text(index)?;
        crate::functions::pattern(&text).map(Cow::Owned).map_err(|_| self.wrong("the pattern is no regular expression, or too large"))
    }

    /// The moment of this evaluation.
    pub(crate) fn now(&self) -> Timestamp {
        self.evaluator.now()
    }

    /// The scope, for what only it can do.
    pub(crate) const fn scope(&self) -> &'a dyn Scope {
        self.evaluator.scope
    }

    /// Counts work that is like writing so many bytes.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), Fault> {
        self.evaluator.charge_work(bytes)
    }

    /// Announces a result of `bytes` bytes before it is made, so that nothing too large is ever allocated.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > MAX_VALUE_BYTES { Err(Fault::Limit { what: "a value" }) } else { Ok(()) }
    }

    /// A fault of this function. The words hold no value.
    pub(crate) const fn wrong(&self, problem: &'static str) -> Fault {
        Fault::Value { function: self.function.name, problem }
    }
}
