//! Prints the reference of the formula language: `docs/reference/formula.md`.
#![allow(clippy::print_stdout, reason = "that is all it does")]

use sortie_formula::{CATALOGUE, Function, Gives, Group, LegacyField, Parameter, STANDARD_USER_FIELDS};

const HEAD: &str = r#"<!-- Written by `cargo xtask regen` from the tables of crates/formula: change it there. -->
# Formulas

Literal text around any number of `{! expression }`. The [guide](../guide/formulas.md) says where formulas may stand and what happens when one has no result;
this page is every word of the language.

## Expressions

| | |
|---|---|
| text | `'x'` or `"x"`, with the escapes `\n \r \t \" \' \\` |
| numbers | `12`, `12.5`: decimal, 28 digits |
| constants | `TRUE`, `FALSE`, `NULL` |
| comments | `/* … */` |
| calls | `LEFT(text, 3)`; names of functions, constants and variables are read without regard to case |

Operators, the strongest first. All group to the left. As in Salesforce's own grammar, `^` is weaker than `*` and `/`.

| operator | between | gives |
|---|---|---|
| `-x` `+x` | a number | number |
| `!x` `NOT x` | a boolean | boolean |
| `*` `/` | numbers | number |
| `^` | numbers; the exponent is whole | number |
| `+` | numbers; texts; a number and a date or date/time (days) or time (milliseconds) | the same |
| `-` | numbers; two dates or date/times (days), two times (milliseconds); one of them and a number | number, or the same |
| `&` | texts | text |
| `<` `<=` `>` `>=` | two numbers, texts, dates, date/times or times | boolean |
| `=` `==` `<>` `!=` | two of the same type; texts exactly | boolean |
| `&&` | booleans; the right one only if needed | boolean |
| `\|\|` | booleans; the right one only if needed | boolean |

Types are text, number (decimal), boolean, date, date/time, time, blob (bytes) and null. They are checked when a definition is saved; `TEXT`, `VALUE`, `BLOB` and
their like convert. Null is the empty text, and makes the result of arithmetic null. Dates and times are UTC.

## Variables

| variable | is |
|---|---|
"#;

const EXAMPLES: &str = "
## Functions

The examples are tests. In them it is 2026-11-22 06:24:36.789 UTC, and Alice of `Finance` calls, who has no `Title`. A result that begins with `formula_` is the
code of an error.
";

fn main() {
    print!("{HEAD}");
    for (name, meaning) in variables() {
        println!("| {name} | {meaning} |");
    }
    print!("{EXAMPLES}");
    for group in Group::ALL {
        println!("\n### {}", group.title());
        for function in CATALOGUE.iter().filter(|function| function.group == group) {
            describe(function);
        }
    }
}

fn variables() -> Vec<(String, String)> {
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let user = format!(
        "an attribute of the user who calls. Every user has `Id` and `UserName`; the standard fields are {}; others are attributes that some user has, and names that end in `__c`",
        code(STANDARD_USER_FIELDS)
    );
    let legacy: Vec<String> = LegacyField::ALL.iter().map(|field| format!("`$Credential.{}`", field.name())).collect();
    [
        ("`$User.<Field>`".to_owned(), user),
        ("`$Profile.Name`".to_owned(), "the name of the user's profile".to_owned()),
        (
            "`$Organization.Id`, `$Organization.Name`".to_owned(),
            "the identity of this deployment, and `organization.name` of its configuration".to_owned(),
        ),
        (
            "`$Credential.<External Credential>.<Parameter>`".to_owned(),
            "a value stored for the principal that was chosen for the callout. A secret".to_owned(),
        ),
        (
            "`$Credential.<External Credential>.Body`".to_owned(),
            "the body of the request as it will be sent, as a blob; it is held in memory for that, up to 1 MiB".to_owned(),
        ),
        ("`$Credential.Endpoint.URL`".to_owned(), "where the request goes, with path and query".to_owned()),
        (
            legacy.join(", "),
            "the same of the chosen principal, without naming its external credential. `AuthorizationMethod` is `Basic`, `Bearer` or null; all others are secrets"
                .to_owned(),
        ),
    ]
    .into()
}

fn describe(function: &Function) {
    let parameters: Vec<String> = function.parameters.iter().map(parameter).collect();
    let takes = if parameters.is_empty() { "nothing".to_owned() } else { parameters.join(", ") };
    let gives = match function.gives {
        Gives::Type(gives) => gives.name(),
        Gives::Common => "the type of its values",
    };
    println!("\n#### {}\n\n`{}`: {}", function.name, function.signature(), function.summary);
    println!("Takes {takes}; gives {gives}. Source: {}.\n\n| formula | gives |\n|---|---|", function.source);
    for (formula, gives) in function.examples {
        println!("| {} | {} |", code(formula), if gives.is_empty() { "(empty text)".to_owned() } else { code(gives) });
    }
}

fn parameter(parameter: &Parameter) -> String {
    format!("`{}` ({})", parameter.name, parameter.accepts)
}

/// Text as code within a table, whatever it holds.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('\n', "\\n").replace('\r', "\\r");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
