//! Conditions and choices. What is not needed is not evaluated: `IF(ISBLANK($User.Title), 'none', $User.Title)` works for everybody.

use super::SALESFORCE;
use crate::function::{Function, Gives, Group, Parameter};
use crate::operator::equal;
use crate::types::{Type, Types};
use crate::value::Value;

/// All types that can be compared.
const ANY: Types = Types::ANY;

/// `AND`. Source: Salesforce Help, Formula Operators and Functions, AND.
pub(super) const AND: Function = Function {
    name: "AND",
    group: Group::Logic,
    summary: "Whether all conditions hold. Stops at the first that does not.",
    parameters: &[Parameter::boolean("condition")],
    optional: 0,
    repeating: Some((0, 1)),
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[("AND(TRUE, 1 < 2)", "TRUE"), ("AND(TRUE, FALSE, 1 / 0 = 1)", "FALSE"), ("AND(NULL)", "FALSE")],
    evaluate: |arguments| {
        for index in 0..arguments.count() {
            if !arguments.boolean(index)? {
                return Ok(Value::Boolean(false));
            }
        }
        Ok(Value::Boolean(true))
    },
};

/// `OR`. Source: Salesforce Help, Formula Operators and Functions, OR.
pub(super) const OR: Function = Function {
    name: "OR",
    group: Group::Logic,
    summary: "Whether at least one condition holds. Stops at the first that does.",
    parameters: &[Parameter::boolean("condition")],
    optional: 0,
    repeating: Some((0, 1)),
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[("OR(FALSE, 1 < 2)", "TRUE"), ("OR(TRUE, 1 / 0 = 1)", "TRUE"), ("OR(FALSE, NULL)", "FALSE")],
    evaluate: |arguments| {
        for index in 0..arguments.count() {
            if arguments.boolean(index)? {
                return Ok(Value::Boolean(true));
            }
        }
        Ok(Value::Boolean(false))
    },
};

/// `NOT`. Source: Salesforce Help, Formula Operators and Functions, NOT.
pub(super) const NOT: Function = Function {
    name: "NOT",
    group: Group::Logic,
    summary: "Whether the condition does not hold.",
    parameters: &[Parameter::boolean("condition")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[("NOT(1 = 2)", "TRUE"), ("NOT(TRUE)", "FALSE"), ("NOT(NULL)", "TRUE")],
    evaluate: |arguments| Ok(Value::Boolean(!arguments.boolean(0)?)),
};

/// `IF`. Source: Salesforce Help, Formula Operators and Functions, IF.
pub(super) const IF: Function = Function {
    name: "IF",
    group: Group::Logic,
    summary: "One of two values, by a condition. The other one is not evaluated.",
    parameters: &[Parameter::boolean("condition"), Parameter::new("if_true", ANY).result(), Parameter::new("if_false", ANY).result()],
    optional: 0,
    repeating: None,
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[
        ("IF($User.Department = 'Finance', 'ledger', 'none')", "ledger"),
        ("IF(1 > 2, 1 / 0, 3)", "3"),
        ("IF(NULL, 'yes', 'no')", "no"),
        ("IF(TRUE, 1, 'one')", "formula_type"),
    ],
    evaluate: |arguments| arguments.value(if arguments.boolean(0)? { 1 } else { 2 }),
};

/// `IFS`. Source: github.com/salesforce/formula-engine, `FunctionIfs`.
pub(super) const IFS: Function = Function {
    name: "IFS",
    group: Group::Logic,
    summary: "The value behind the first condition that holds, or the last value.",
    parameters: &[Parameter::boolean("condition"), Parameter::new("value", ANY).result(), Parameter::new("otherwise", ANY).result()],
    optional: 0,
    repeating: Some((0, 2)),
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[("IFS(1 > 2, 'a', 2 > 1, 'b', 'c')", "b"), ("IFS(1 > 2, 'a', 'c')", "c"), ("IFS(TRUE, 'a')", "formula_argument_count")],
    evaluate: |arguments| {
        let last = arguments.count() - 1;
        for index in (0..last).step_by(2) {
            if arguments.boolean(index)? {
                return arguments.value(index + 1);
            }
        }
        arguments.value(last)
    },
};

/// `CASE`. Source: Salesforce Help, Formula Operators and Functions, CASE.
pub(super) const CASE: Function = Function {
    name: "CASE",
    group: Group::Logic,
    summary: "The result behind the first value that equals the expression, or the last result.",
    parameters: &[
        Parameter::new("expression", ANY).compared().may_be_missing(),
        Parameter::new("value", ANY).compared(),
        Parameter::new("result", ANY).result(),
        Parameter::new("otherwise", ANY).result(),
    ],
    optional: 0,
    repeating: Some((1, 3)),
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[
        ("CASE($User.Department, 'Sales', 1, 'Finance', 2, 0)", "2"),
        ("CASE(3, 1, 'one', 2, 'two', 'many')", "many"),
        ("CASE($User.Title, NULL, 'none', 'some')", "none"),
        ("CASE('a', 'b', 1)", "formula_argument_count"),
        ("CASE('a', 1, 'b', 'c')", "formula_type"),
    ],
    evaluate: |arguments| {
        let expression = arguments.value(0)?;
        let last = arguments.count() - 1;
        for index in (1..last).step_by(2) {
            if equal(&expression, &arguments.value(index)?) {
                return arguments.value(index + 1);
            }
        }
        arguments.value(last)
    },
};

/// `ISBLANK`. Source: Salesforce Help, Formula Operators and Functions, ISBLANK.
pub(super) const ISBLANK: Function = Function {
    name: "ISBLANK",
    group: Group::Logic,
    summary: "Whether there is no value, or an empty text. A blank space is a value. May be asked of a variable that has no value.",
    parameters: &[Parameter::new("value", ANY).may_be_missing()],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("ISBLANK($User.Title)", "TRUE"),
        ("ISBLANK($User.Department)", "FALSE"),
        ("ISBLANK('')", "TRUE"),
        ("ISBLANK(' ')", "FALSE"),
        ("ISBLANK(0)", "FALSE"),
    ],
    evaluate: |arguments| Ok(Value::Boolean(arguments.value(0)?.is_blank())),
};

/// `ISNULL`. Source: Salesforce Help, Formula Operators and Functions, ISNULL: a text is never null, not even an empty one.
pub(super) const ISNULL: Function = Function {
    name: "ISNULL",
    group: Group::Logic,
    summary: "Whether there is no value at all. May be asked of a variable that has no value.",
    parameters: &[Parameter::new("value", ANY).may_be_missing()],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[("ISNULL($User.Title)", "TRUE"), ("ISNULL('')", "FALSE"), ("ISNULL(NULL)", "TRUE"), ("ISNULL(VALUE(''))", "TRUE")],
    evaluate: |arguments| Ok(Value::Boolean(matches!(arguments.value(0)?, Value::Null))),
};

/// `BLANKVALUE`. Source: Salesforce Help, Formula Operators and Functions, BLANKVALUE.
pub(super) const BLANKVALUE: Function = Function {
    name: "BLANKVALUE",
    group: Group::Logic,
    summary: "The value, or the substitute if there is no value or an empty text. May be asked of a variable that has no value.",
    parameters: &[Parameter::new("value", ANY).result().may_be_missing(), Parameter::new("substitute", ANY).result().may_be_missing()],
    optional: 0,
    repeating: None,
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[
        ("BLANKVALUE($User.Title, 'none')", "none"),
        ("BLANKVALUE($User.Department, 'none')", "Finance"),
        ("BLANKVALUE('', 'empty')", "empty"),
        ("BLANKVALUE(NULL, 5)", "5"),
    ],
    evaluate: |arguments| {
        let value = arguments.value(0)?;
        if value.is_blank() { arguments.value(1) } else { Ok(value) }
    },
};

/// `NULLVALUE`. Source: Salesforce Help, Formula Operators and Functions, NULLVALUE: a text is never null, not even an empty one.
pub(super) const NULLVALUE: Function = Function {
    name: "NULLVALUE",
    group: Group::Logic,
    summary: "The value, or the substitute if there is no value at all. May be asked of a variable that has no value.",
    parameters: &[Parameter::new("value", ANY).result().may_be_missing(), Parameter::new("substitute", ANY).result().may_be_missing()],
    optional: 0,
    repeating: None,
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[("NULLVALUE($User.Title, 'none')", "none"), ("LEN(NULLVALUE('', 'empty'))", "0"), ("NULLVALUE(VALUE(''), 7)", "7")],
    evaluate: |arguments| match arguments.value(0)? {
        Value::Null => arguments.value(1),
        value => Ok(value),
    },
};

/// `ISPICKVAL`. Source: Salesforce Help, Formula Operators and Functions, ISPICKVAL. Users here have no picklists: any text is compared.
pub(super) const ISPICKVAL: Function = Function {
    name: "ISPICKVAL",
    group: Group::Logic,
    summary: "Whether a text is one certain text. May be asked of a variable that has no value; then it is compared as the empty text.",
    parameters: &[Parameter::text("field").may_be_missing(), Parameter::text("value")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("ISPICKVAL($User.Department, 'Finance')", "TRUE"),
        ("ISPICKVAL($User.Department, 'finance')", "FALSE"),
        ("ISPICKVAL($User.Title, '')", "TRUE"),
    ],
    evaluate: |arguments| Ok(Value::Boolean(arguments.text(0)? == arguments.text(1)?)),
};
