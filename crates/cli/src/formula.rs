//! `sortie formula`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use serde::Serialize;
use sortie_client::{EvaluatedFormula, ReadFormula};
use sortie_formula::{CATALOGUE, Function, Group};
use sortie_model::UserName;
use sortie_server::manage::formula::check;

use crate::arguments::Cli;
use crate::failure::Failure;
use crate::printer::{Printer, Tone, harmless};
use crate::site::{Site, Trial, check_formula, unreadable};

#[derive(Debug, Subcommand)]
pub(crate) enum FormulaCommand {
    Eval(EvalArguments),
    Check(CheckArguments),
    /// List the functions, or show one with its examples
    Functions {
        /// Only this one
        name: Option<String>,
    },
}

/// Show what a formula gives for a user
///
/// Nothing is sent and no provider is asked. A result that is made of a secret is not shown, only its length; over HTTP not even that, and no formula that looks into a secret is evaluated.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie formula eval '{!\"session:role:\" + $User.Department}' --as alice\n  sortie formula eval 'TEXT(TODAY() + 30)' --as alice\n  sortie formula eval 'Bearer {!$Credential.OpenAI.Key}' --as alice --for callout:OpenAI/v1/models\n\nExit status: 0 if it has a result, 1 if not."
)]
pub(crate) struct EvalArguments {
    /// Text with {!…} in it, or one expression without the braces; - reads it from standard input
    formula: String,
    /// Who would call
    #[arg(long = "as", value_name = "USER")]
    user: String,
    /// What would be called, callout:Name/path?query: formulas read the values of its principal
    #[arg(long = "for", value_name = "TARGET")]
    target: Option<String>,
    /// The request's body, for formulas that read it
    #[arg(long, value_name = "TEXT", default_value = "", requires = "target")]
    body: String,
}

/// Check a formula without evaluating it
///
/// Needs no data directory. Says what the formula reads, whether its result is a secret, and whether callers may use it where a named credential lets them.
#[derive(Debug, Args)]
#[command(after_long_help = "Exit status: 0 if it is a formula, 1 if not.")]
pub(crate) struct CheckArguments {
    /// Text with {!…} in it, or one expression without the braces; - reads it from standard input
    formula: String,
}

pub(crate) async fn run(command: &FormulaCommand, cli: &Cli, printer: &Printer) -> Result<u8, Failure> {
    match command {
        FormulaCommand::Eval(arguments) => eval(arguments, cli, printer).await,
        FormulaCommand::Check(arguments) => show_check(arguments, cli, printer).await,
        FormulaCommand::Functions { name } => functions(name.as_deref(), printer),
    }
}

async fn eval(arguments: &EvalArguments, cli: &Cli, printer: &Printer) -> Result<u8, Failure> {
    let formula = given(&arguments.formula)?;
    check(&formula).map_err(unreadable)?;
    let user = UserName::parse(&arguments.user)?;
    let trial = Trial { user: &user, target: arguments.target.as_deref(), body: &arguments.body };
    let found = Site::find(cli).await?.evaluate_formula(&formula, &trial).await?;
    if printer.is_json() {
        printer.json(&found);
        return Ok(0);
    }
    match found {
        EvaluatedFormula { secret: false, result, .. } => printer.line(&harmless(&result.unwrap_or_default())),
        EvaluatedFormula { characters: Some(characters), .. } => {
            printer.line(&printer.toned(Tone::Quiet, &format!("a secret of {characters} characters, which is not shown")));
        }
        EvaluatedFormula { .. } => printer.line(&printer.toned(Tone::Quiet, "a secret, which is not shown")),
    }
    Ok(0)
}

async fn show_check(arguments: &CheckArguments, cli: &Cli, printer: &Printer) -> Result<u8, Failure> {
    let found = check_formula(Site::server(cli)?.as_ref(), &given(&arguments.formula)?).await?;
    if printer.is_json() {
        printer.json(&found);
        return Ok(0);
    }
    let ReadFormula { variables, secret, per_callout, discreet, custom_attributes } = found;
    let fact = |name: &str, value: &str| printer.line(&format!("{name:<18} {value}"));
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    fact("reads", &list(&variables));
    fact("result", if secret { "a secret, which is never shown" } else { "not a secret" });
    fact("may change", if per_callout { "with every callout" } else { "with stored values only" });
    fact(
        "callers may use it",
        if discreet { "yes, where a named credential allows formulas" } else { "no: it looks into a secret, or signs with a certificate" },
    );
    if !custom_attributes.is_empty() {
        fact(
            "custom attributes",
            &format!("{}: some user must have them before a definition with this formula is applied", custom_attributes.join(", ")),
        );
    }
    Ok(0)
}

/// What `functions --json` prints.
#[derive(Serialize)]
struct ShownFunction {
    name: &'static str,
    group: &'static str,
    signature: String,
    summary: &'static str,
    examples: Vec<ShownExample>,
}

#[derive(Serialize)]
struct ShownExample {
    formula: &'static str,
    gives: &'static str,
}

fn functions(name: Option<&str>, printer: &Printer) -> Result<u8, Failure> {
    let is_wanted = |function: &&Function| name.is_none_or(|name| function.name.eq_ignore_ascii_case(name));
    let found: Vec<&Function> = CATALOGUE.iter().filter(is_wanted).collect();
    if let (Some(name), []) = (name, found.as_slice()) {
        let near = sortie_formula::nearest(name, CATALOGUE.iter().map(|function| function.name));
        let next = near.map_or_else(|| "list them with `sortie formula functions`".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::new("formula_unknown_function", format!("there is no function `{}`", harmless(name)), next));
    }
    if printer.is_json() {
        let shown = |function: &&Function| ShownFunction {
            name: function.name,
            group: function.group.title(),
            signature: function.signature(),
            summary: function.summary,
            examples: function.examples.iter().map(|(formula, gives)| ShownExample { formula, gives }).collect(),
        };
        printer.json(&found.iter().map(shown).collect::<Vec<_>>());
        return Ok(0);
    }
    if let (Some(_), [function]) = (name, found.as_slice()) {
        printer.line(&printer.toned(Tone::Good, &function.signature()));
        printer.line(function.summary);
        for (formula, gives) in function.examples {
            printer.line(&format!("  {formula}  →  {gives}"));
        }
        return Ok(0);
    }
    for group in Group::ALL {
        printer.line(&printer.toned(Tone::Good, group.title()));
        for function in found.iter().filter(|function| function.group == group) {
            printer.line(&format!("  {:<44} {}", function.signature(), function.summary));
        }
    }
    Ok(0)
}

/// The formula as typed, or from standard input, without the line end that every editor adds.
fn given(formula: &str) -> Result<String, Failure> {
    if formula != "-" {
        return Ok(formula.to_owned());
    }
    let mut text = String::new();
    // A formula has at most 3,900 characters of at most 4 bytes; what is longer is refused with a position.
    let read = std::io::stdin().take(64 * 1024).read_to_string(&mut text);
    read.map_err(|error| Failure::new("unreadable", format!("cannot read standard input: {error}"), "send the formula as UTF-8 text"))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
