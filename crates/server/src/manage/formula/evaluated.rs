//! What a formula gives, as far as it may be seen.

use serde::Serialize;
use sortie_formula::Evaluated;
use utoipa::ToSchema;

/// What a formula gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EvaluatedFormula)]
pub struct EvaluatedView {
    /// Whether it is made of a secret: then it is not shown.
    pub secret: bool,
    /// It, if it is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub result: Option<String>,
    /// How many characters it has. Of a secret only the operator learns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub characters: Option<usize>,
}

impl EvaluatedView {
    /// What is said of any secret.
    pub const OF_A_SECRET: Self = Self { secret: true, result: None, characters: None };

    /// For the operator.
    pub fn of(evaluated: &Evaluated) -> Self {
        let result = (!evaluated.is_secret()).then(|| evaluated.expose().to_owned());
        Self { secret: evaluated.is_secret(), result, characters: Some(evaluated.expose().chars().count()) }
    }

    /// For everybody else.
    pub fn for_others(evaluated: &Evaluated) -> Self {
        let view = Self::of(evaluated);
        let characters = view.characters.filter(|_| !view.secret);
        Self { characters, ..view }
    }
}
