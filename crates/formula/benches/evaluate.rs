//! How long a formula takes to evaluate and to read.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's own items; a benchmark may stop at the first surprise")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable};

/// Values in a map, as a principal's are.
struct Values(BTreeMap<String, String>);

impl Scope for Values {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(match variable {
            Variable::Credential { parameter, .. } => self.0.get(parameter).map(|value| Value::borrowed(value)),
            Variable::User(field) => self.0.get(field).map(|value| Value::borrowed(value)),
            _ => None,
        })
    }

    fn now_millis(&self) -> i64 {
        1_795_328_676_789
    }

    fn sign_with_certificate(&self, _: &str, _: &[u8], _: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}

const FORMULAS: &[(&str, &str)] = &[
    ("bearer", "{!'Bearer ' & $Credential.X.Key}"),
    ("bearer template", "Bearer {!$Credential.X.Key}"),
    ("basic by hand", "{!'Basic ' & BASE64ENCODE(BLOB($Credential.X.Username & ':' & $Credential.X.Password))}"),
    ("expiry", "{!Text(FLOOR((NOW() - DATETIMEVALUE( \"1970-01-01 00:00:00\" )) * 86400 + 120))}"),
    ("role", "{!\"session:role:\" + $User.Department}"),
    ("case", "{!IF(ISBLANK($User.Department), 'none', CASE($User.Department, 'Sales', 'crm', 'Finance', 'ledger', 'other'))}"),
];

fn evaluate(criterion: &mut Criterion) {
    let names = ["Key", "Username", "Password", "Department"];
    let values = Values(names.map(|name| (name.to_owned(), "Finance-0123456789-0123456789-0123456789".to_owned())).into());
    let mut group = criterion.benchmark_group("evaluate");
    for (name, formula) in FORMULAS {
        let template = Template::parse(formula).unwrap();
        group.bench_function(*name, |bencher| bencher.iter(|| black_box(black_box(&template).evaluate(&values)).unwrap()));
    }
    group.finish();
}

/// Texts that a parser which tries one way after the other would take for ever to refuse.
fn read(criterion: &mut Criterion) {
    let nested = format!("{{!{}1{}}}", "(".repeat(47), ")".repeat(47));
    let wrong = format!("{{!{}", "LEFT(".repeat(46));
    let long = format!("{{!'{}'}}", "x".repeat(3_890));
    let mut group = criterion.benchmark_group("read");
    for (name, formula) in FORMULAS.iter().copied().chain([("nested", &*nested), ("wrong", &*wrong), ("long", &*long)]) {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(Template::parse(black_box(formula)))));
    }
    group.finish();
}

criterion_group!(benches, evaluate, read);
criterion_main!(benches);
