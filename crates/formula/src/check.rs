//! Checking: every function, argument and type is looked at once, when a formula is saved or loaded; evaluation relies on it.

use crate::error::{Problem, Span};
use crate::expression::{BinaryOperator, Expression, Kind, UnaryOperator};
use crate::function::{Alike, Constant, Function, Gives, Parameter};
use crate::functions;
use crate::operator;
use crate::program::Node;
use crate::suggest::nearest;
use crate::template::Reads;
use crate::types::{Type, Types};
use crate::value::{Text, Value};
use crate::variable::Variable;

/// Turns expressions into programs, and notes what they read.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) variables: Vec<(Variable, Span)>,
    pub(crate) reads: Reads,
    /// The first place where the course or success of the evaluation depends on what a secret is.
    pub(crate) inspects_secret: Option<Span>,
    /// Names of certificates that it signs with, and where the first is.
    pub(crate) certificates: Vec<String>,
    pub(crate) signs: Option<Span>,
}

/// A checked expression.
struct Checked {
    node: Node,
    found: Type,
    /// Whether it is made of a secret.
    is_secret: bool,
}

impl Checked {
    const fn new(node: Node, found: Type) -> Self {
        Self { node, found, is_secret: false }
    }
}

impl Checker {
    /// An expression whose result will stand in a text.
    pub(crate) fn printable(&mut self, expression: &Expression) -> Result<Node, Problem> {
        let Checked { node, found, .. } = self.check(expression)?;
        if Types::PRINTABLE.accepts(found) {
            return Ok(node);
        }
        let problem = Problem::type_mismatch(expression.span, format!("this gives a {found}, which has no text"));
        Err(problem.or_rather(Some("wrap it in `BASE64ENCODE(…)` or `HEX(…)`".to_owned())))
    }

    /// An expression of any type.
    fn check(&mut self, expression: &Expression) -> Result<Checked, Problem> {
        match &expression.kind {
            Kind::Null => Ok(Checked::new(Node::Constant(Value::Null), Type::Null)),
            Kind::Boolean(value) => Ok(Checked::new(Node::Constant(Value::Boolean(*value)), Type::Boolean)),
            Kind::Number(value) => Ok(Checked::new(Node::Constant(Value::Number(*value)), Type::Number)),
            Kind::Text(value) => Ok(Checked::new(Node::Constant(Value::text(value.as_str())), Type::Text)),
            Kind::Variable(variable) => Ok(self.variable(variable, expression.span, false)),
            Kind::Unary(operator, operand) => self.unary(*operator, operand),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right),
            Kind::Call { function, arguments } => self.call(function, arguments, expression.span),
        }
    }

    fn variable(&mut self, variable: &Variable, span: Span, may_be_missing: bool) -> Checked {
        self.reads.note(variable);
        self.variables.push((variable.clone(), span));
        let node = Node::Variable { variable: variable.clone(), may_be_missing };
        Checked { node, found: variable.value_type(), is_secret: variable.is_secret() }
    }

    fn note_inspection(&mut self, is_secret: bool, span: Span) {
        if is_secret {
            self.inspects_secret.get_or_insert(span);
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expression) -> Result<Checked, Problem> {
        let Checked { node, found, is_secret } = self.check(operand)?;
        self.note_inspection(is_secret, operand.span);
        let wanted = if operator == UnaryOperator::Not { Type::Boolean } else { Type::Number };
        expect(Types::of(&[wanted]), found, operand.span, "this operator")?;
        Ok(Checked { node: Node::Unary(operator, Box::new(node)), found: wanted, is_secret })
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression) -> Result<Checked, Problem> {
        let Checked { node: left_node, found: left_type, is_secret: is_left_secret } = self.check(left)?;
        let Checked { node: right_node, found: right_type, is_secret: is_right_secret } = self.check(right)?;
        let Some(gives) = operator::result_type(operator, left_type, right_type) else {
            return Err(mismatch(operator, (left, left_type), (right, right_type)));
        };
        let is_secret = is_left_secret || is_right_secret;
        if gives == Type::Text {
            // One join for a whole chain, so that its result is written once.
            let mut parts = Vec::new();
            for node in [left_node, right_node] {
                match node {
                    Node::Join(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            return Ok(Checked { node: Node::Join(parts.into()), found: gives, is_secret });
        }
        self.note_inspection(is_secret, left.span.to(right.span));
        Ok(Checked { node: Node::Binary(operator, Box::new([left_node, right_node])), found: gives, is_secret })
    }

    fn call(&mut self, name: &str, arguments: &[Expression], span: Span) -> Result<Checked, Problem> {
        let name_span = Span { start: span.start, end: span.start + u32::try_from(name.len()).unwrap_or(0) };
        let Some(function) = functions::find(name) else {
            let near = nearest(name, functions::CATALOGUE.iter().map(|function| function.name));
            let rather = near.map(|near| format!("did you mean `{near}`?")).or_else(|| functions::why_absent(name).map(str::to_owned));
            return Err(Problem::new("formula_unknown_function", name_span, format!("there is no function `{name}`")).or_rather(rather));
        };
        let Some(parameters) = function.parameters_for(arguments.len()) else {
            let message = format!("`{}` cannot take {}", function.name, count(arguments.len()));
            let rather = format!("it is `{}`", function.signature());
            return Err(Problem::new("formula_argument_count", name_span, message).or_rather(Some(rather)));
        };
        self.reads.note_function(function.name);
        self.note_certificate(function, arguments)?;
        let mut alike = Likeness::default();
        let mut nodes = Vec::with_capacity(arguments.len());
        let mut is_secret = false;
        for (parameter, argument) in parameters.into_iter().zip(arguments) {
            let checked = self.argument(function, parameter, argument, &mut alike)?;
            // What is only passed on, or turned into something that tells nothing of it, is not looked into.
            let passes = parameter.alike == Some(Alike::Result) || functions::is_opaque(function.name);
            self.note_inspection(checked.is_secret && !passes, argument.span);
            is_secret |= checked.is_secret;
            nodes.push(checked.node);
        }
        let gives = match function.gives {
            Gives::Type(gives) => gives,
            Gives::Common => alike.result.unwrap_or(Type::Null),
        };
        Ok(Checked { node: Node::Call(function, nodes.into()), found: gives, is_secret })
    }

    /// A key is fetched before a formula is evaluated, so its name must be known before.
    fn note_certificate(&mut self, function: &Function, arguments: &[Expression]) -> Result<(), Problem> {
        match arguments.last() {
            Some(Expression { kind: Kind::Text(name), span, .. }) if function.name == functions::SIGN_WITH_CERTIFICATE => {
                self.certificates.push(name.clone());
                self.signs.get_or_insert(*span);
                self.reads.certificate = true;
                Ok(())
            }
            Some(name) if function.name == functions::SIGN_WITH_CERTIFICATE => {
                Err(Problem::new("formula_argument", name.span, "the name of the certificate must be written out as a text"))
            }
            _ => Ok(()),
        }
    }

    fn argument(
        &mut self,
        function: &'static Function,
        parameter: &Parameter,
        argument: &Expression,
        alike: &mut Likeness,
    ) -> Result<Checked, Problem> {
        let what = || format!("`{}` of `{}`", parameter.name, function.name);
        let checked = match &argument.kind {
            Kind::Variable(variable) if parameter.may_be_missing => self.variable(variable, argument.span, true),
            _ => self.check(argument)?,
        };
        let found = checked.found;
        expect(parameter.accepts, found, argument.span, &what())?;
        alike.unify(parameter.alike, found).map_err(|earlier| {
            Problem::type_mismatch(argument.span, format!("{} is a {found}, but a {earlier} stands before it", what()))
        })?;
        let Node::Constant(Value::Text(text)) = &checked.node else { return Ok(checked) };
        match parameter.constant {
            None => Ok(checked),
            Some(Constant::Checked(check)) => match check(text) {
                Ok(()) => Ok(checked),
                Err(wrong) => Err(Problem::new("formula_argument", argument.span, format!("{} {wrong}", what()))),
            },
            Some(Constant::Pattern) => match functions::pattern(text) {
                Ok(regex) => Ok(Checked::new(Node::Pattern(regex), found)),
                Err(_) => Err(Problem::new(
                    "formula_argument",
                    argument.span,
                    format!(
                        "{} is no regular expression, is too large, or uses look-around or back-references, which have no bounded cost",
                        what()
                    ),
                )),
            },
        }
    }
}

/// The types that arguments of one call have agreed on.
#[derive(Default)]
struct Likeness {
    result: Option<Type>,
    compared: Option<Type>,
}

impl Likeness {
    fn unify(&mut self, alike: Option<Alike>, found: Type) -> Result<(), Type> {
        let agreed = match alike {
            None => return Ok(()),
            Some(Alike::Result) => &mut self.result,
            Some(Alike::Compared) => &mut self.compared,
        };
        match *agreed {
            None | Some(Type::Null) => *agreed = Some(found),
            Some(earlier) if found != earlier && found != Type::Null => return Err(earlier),
            Some(_) => {}
        }
        Ok(())
    }
}

fn expect(accepts: Types, found: Type, span: Span, who: &str) -> Result<(), Problem> {
    if accepts.accepts(found) {
        return Ok(());
    }
    let rather = conversion(accepts, found).map(|way| format!("wrap it in `{way}`"));
    Err(Problem::type_mismatch(span, format!("{who} takes {accepts}, and this is a {found}")).or_rather(rather))
}

/// How a value of one type is made into another.
fn conversion(accepts: Types, found: Type) -> Option<&'static str> {
    let wanted = |one| accepts.accepts(one);
    match found {
        Type::Text if wanted(Type::Number) => Some("VALUE(…)"),
        Type::Text if wanted(Type::Blob) => Some("BLOB(…)"),
        Type::Text if wanted(Type::DateTime) => Some("DATETIMEVALUE(…)"),
        Type::Text if wanted(Type::Date) => Some("DATEVALUE(…)"),
        Type::Text if wanted(Type::Time) => Some("TIMEVALUE(…)"),
        Type::Blob if wanted(Type::Text) => Some("BASE64ENCODE(…)` or `HEX(…)"),
        Type::DateTime if wanted(Type::Date) => Some("DATEVALUE(…)"),
        Type::DateTime if wanted(Type::Time) => Some("TIMEVALUE(…)"),
        Type::Date if wanted(Type::DateTime) => Some("DATETIMEVALUE(…)"),
        Type::Number | Type::Date | Type::DateTime | Type::Time | Type::Boolean if wanted(Type::Text) => Some("TEXT(…)"),
        _ => None,
    }
}

fn mismatch(operator: BinaryOperator, left: (&Expression, Type), right: (&Expression, Type)) -> Problem {
    let span = left.0.span.to(right.0.span);
    let message = format!("`{}` does not go between a {} and a {}", operator.sign(), left.1, right.1);
    let other = if left.1 == Type::Text { right.1 } else { left.1 };
    let is_text = left.1 == Type::Text || right.1 == Type::Text || operator == BinaryOperator::Concatenate;
    let way = if is_text { conversion(Types::of(&[Type::Text]), other) } else { None };
    Problem::type_mismatch(span, message).or_rather(way.map(|way| format!("wrap the {other} in `{way}`")))
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    }
}

/// Literal text around expressions becomes one program.
pub(crate) fn join(mut parts: Vec<Node>) -> Node {
    if parts.len() == 1 && matches!(parts[0], Node::Join(_) | Node::Constant(Value::Text(_))) {
        return parts.remove(0);
    }
    let flat = parts.into_iter().flat_map(|part| match part {
        Node::Join(inner) => inner.into_vec(),
        other => vec![other],
    });
    Node::Join(flat.collect())
}

/// A literal stretch of a template.
pub(crate) fn literal(text: &str) -> Node {
    Node::Constant(Value::Text(Text::from(text.to_owned())))
}
