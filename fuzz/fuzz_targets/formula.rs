//! Any text is a formula or an error; a formula prints as itself, evaluates within its limits or fails with a code, and no error holds a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable, parse_expression};

const SECRET: &str = "SECRET-k3y\r\n{!$User.Email}";

struct World<'a>(&'a str);

impl Scope for World<'_> {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(match variable {
            Variable::Credential { .. } | Variable::Legacy(_) => Some(Value::borrowed(SECRET)),
            Variable::Body { .. } => Some(Value::blob(self.0.as_bytes())),
            Variable::User(field) if field.len() > 3 => Some(Value::borrowed(self.0)),
            Variable::User(_) => None,
            Variable::ProfileName | Variable::Organization(_) | Variable::EndpointUrl => Some(Value::Null),
        })
    }

    fn now_millis(&self) -> i64 {
        1_795_328_676_789
    }

    fn sign_with_certificate(&self, _: &str, _: &[u8], _: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoCertificate)
    }
}

fuzz_target!(|source: &str| {
    if let Ok(expression) = parse_expression(source) {
        let printed = expression.to_string();
        if printed.chars().count() <= 3_900 {
            assert_eq!(parse_expression(&printed).as_ref(), Ok(&expression), "{printed}");
        }
    }
    for read in [Template::parse(source), Template::parse_bare(source), Template::parse_message(source)] {
        match read {
            Ok(template) => match template.evaluate(&World(source)) {
                Ok(result) => assert!(result.expose().len() <= 4 * 1024 * 1024),
                Err(fault) => assert!(fault.code().starts_with("formula_") && !fault.to_string().contains("SECRET-k3y")),
            },
            Err(error) => assert!(error.position() > 0 && error.picture().ends_with('^')),
        }
    }
});
