//! What would happen: the same steps as a callout, without sending anything and without asking a provider.

use serde::Serialize;
use sortie_model::{IdentityType, Timestamp};
use sortie_protocol::shared::possession::DPOP;
use sortie_protocol::{ObtainError, Place, Proof, Renewal, Values};
use utoipa::ToSchema;

use crate::authorize::{Standing, authorize, consider};
use crate::choose::{Chosen, choose};
use crate::last_failure::{LastFailure, last_failure};
use crate::obtain::{Grants, Live, Version};
use crate::renewal::{Course, Recipe};
use crate::scope::CalloutScope;
use crate::slot::Failed;
use crate::snapshot::{Named, Snapshot};
use crate::unobtainable::{Unobtainable, Whose};
use crate::{Caller, Refused, Turn, apply, parse, possess, sign};

/// A callout as it would be.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Plan {
    /// What was asked for.
    pub target: String,
    /// Who asks.
    pub user: String,
    /// The named credential, as written.
    #[schema(required = true)]
    pub named_credential: Option<String>,
    /// Where the request would go, with path and query.
    #[schema(required = true)]
    pub destination: Option<String>,
    /// The external credential.
    #[schema(required = true)]
    pub external_credential: Option<String>,
    /// The provider that its tokens come from: an external auth identity provider or an auth provider.
    #[schema(required = true)]
    pub identity_provider: Option<String>,
    /// How identity would be proven.
    #[schema(required = true)]
    pub protocol: Option<&'static str>,
    /// What would be presented where the connection is made, if something is.
    #[schema(required = true)]
    pub client_certificate: Option<PlannedCertificate>,
    /// Every principal in order, with why it is or is not the one.
    pub principals: Vec<PlannedPrincipal>,
    /// Where the token would come from.
    #[schema(required = true)]
    pub token: Option<TokenState>,
    /// The headers that Sortie would add, by name only.
    pub headers: Vec<String>,
    /// What would be signed, if requests are: of a GET without a body at this moment.
    #[schema(required = true)]
    pub signature: Option<PlannedSignature>,
    /// Why it would fail, if it would.
    #[schema(required = true)]
    pub refusal: Option<PlannedRefusal>,
    /// What went wrong the last time, unless it has gone right since: all can be configured, and still nobody accepts it.
    #[schema(required = true)]
    pub last_failure: Option<LastFailure>,
}

/// A signature as it would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedSignature {
    /// The canonical request, with `***` in the place of secret values.
    pub canonical_request: String,
    /// The string to sign. Its last line is the hash of the true canonical request; `***` if a secret stands in that which is short enough to be guessed, as a custom
    /// header's may be. A session token is not.
    pub string_to_sign: String,
}

/// A client certificate as it would be presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedCertificate {
    /// Its name.
    pub name: String,
    /// The number of the version in force, if one is.
    #[schema(required = true)]
    pub version: Option<u32>,
    /// Until when its chain is good.
    #[serde(serialize_with = "sortie_model::optional_timestamp_as_text")]
    #[schema(required = true, value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
}

/// One principal in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedPrincipal {
    /// Its name.
    pub name: String,
    /// Its place in the order.
    pub sequence_number: u32,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// `chosen`, `not_enabled` or `not_needed`.
    pub verdict: &'static str,
    /// Why, in words.
    pub why: String,
}

/// Where a token would come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TokenState {
    /// The protocol needs none.
    NotNeeded,
    /// One is kept and good.
    Good {
        /// When it dies, RFC 3339.
        #[serde(serialize_with = "sortie_model::timestamp_as_text")]
        #[schema(value_type = String)]
        expires_at: Timestamp,
    },
    /// None is kept, or it has died: the callout would fetch one.
    WouldBeFetched,
    /// The last attempt to fetch one failed, and it is too early for another.
    BackingOff {
        /// The failure's code.
        code: &'static str,
        /// When the next attempt is due, RFC 3339.
        #[serde(serialize_with = "sortie_model::timestamp_as_text")]
        #[schema(value_type = String)]
        retry_not_before: Timestamp,
    },
}

/// Why a callout would fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedRefusal {
    /// Stable code, the same as the callout's.
    pub code: &'static str,
    /// The private reason, which a caller is not told.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// What usually causes it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<&'static str>,
    /// Whose turn it is.
    pub turn: String,
    /// What to do.
    pub next_step: String,
}

/// Follows a callout's steps for `caller` without sending anything.
pub async fn explain(snapshot: &Snapshot, grants: &Grants, caller: &Caller, target: &str) -> Plan {
    let mut plan = Plan { target: target.to_owned(), user: caller.name.to_string(), ..Plan::default() };
    if let Err(refused) = follow(snapshot, grants, caller, target, &mut plan).await {
        plan.refusal = Some(refusal(&refused, &plan));
    }
    plan
}

async fn follow(snapshot: &Snapshot, grants: &Grants, caller: &Caller, target: &str, plan: &mut Plan) -> Result<(), Refused> {
    let reference = parse(target)?;
    if let Some(named) = snapshot.named(reference.name()) {
        plan.describe(named, &reference, grants.now());
        plan.principals = principals(named, caller);
    }
    let chosen = choose(authorize(snapshot, caller, &reference)?)?;
    chosen.named().client_identity(grants)?;
    plan.headers = header_names(chosen.named());
    plan.last_failure = last_failure(grants, &chosen).await;
    let live = foresee(grants, &chosen, plan).await?;
    let target = chosen.named().endpoint.join(reference.path(), reference.query());
    // A formula that reads the body sees an empty one: nothing is being sent.
    let body = bytes::Bytes::new();
    let signers = grants.signers(&chosen.named().certificates).await;
    let scope = CalloutScope::new(&chosen, &live, &target, grants, &signers).with_body(Some(&body));
    let mut headers = apply::planned(chosen.named(), &live, &scope)?;
    if plan.token == Some(TokenState::WouldBeFetched) {
        return Ok(());
    }
    if let Some(signer) = sign::signer(chosen.named(), &live) {
        plan.signature = Some(sign::show(chosen.named(), signer, &target, &mut headers, grants.now())?);
    }
    plan.headers = headers.keys().map(ToString::to_string).collect();
    if possess::bound(chosen.named(), &live).is_some() {
        plan.headers.push(DPOP.to_string());
    }
    Ok(())
}

impl Plan {
    /// `Credential/Principal`
    fn chosen_reference(&self) -> String {
        let chosen = self.principals.iter().find(|principal| principal.verdict == "chosen");
        let (credential, principal) = (self.external_credential.as_deref().unwrap_or_default(), chosen.map(|principal| &*principal.name));
        format!("{credential}/{}", principal.unwrap_or_default())
    }

    fn describe(&mut self, named: &Named, reference: &crate::Reference<'_>, now: Timestamp) {
        let endpoint = &named.endpoint;
        let path = endpoint.join(reference.path(), reference.query());
        self.named_credential = Some(named.name.to_string());
        self.destination = Some(format!("{}://{}{path}", endpoint.scheme().as_str(), endpoint.authority()));
        self.external_credential = Some(named.credential.name.to_string());
        self.identity_provider = named.credential.provider.as_ref().map(|provider| provider.name().to_string());
        self.protocol = Some(named.credential.protocol.name());
        self.client_certificate = named.client_certificate.as_ref().map(|certificate| PlannedCertificate {
            name: certificate.name().to_string(),
            version: certificate.version_number(now),
            expires_at: certificate.expires_at(now),
        });
    }
}

fn principals(named: &Named, caller: &Caller) -> Vec<PlannedPrincipal> {
    let mut chosen_before = false;
    let plan = |(principal, standing): (&crate::ChosenPrincipal, Standing)| {
        let (verdict, why) = match standing {
            Standing::NotEnabled => ("not_enabled", format!("no permission set and no profile of `{}` enables it", caller.name)),
            Standing::Enabled if chosen_before => ("not_needed", "enabled, but a lower sequence number comes first".to_owned()),
            Standing::Enabled => {
                chosen_before = true;
                ("chosen", "enabled, and the lowest sequence number".to_owned())
            }
        };
        let (sequence_number, identity_type) = (principal.sequence_number, principal.identity_type);
        PlannedPrincipal { name: principal.name.to_string(), sequence_number, identity_type, verdict, why }
    };
    consider(named, caller).map(plan).collect()
}

/// What the callout would send: from memory or from custody, as the callout itself would look. If a token would be fetched first, all but the token.
pub(crate) async fn foresee(grants: &Grants, chosen: &Chosen<'_>, plan: &mut Plan) -> Result<Live, Refused> {
    let now = grants.now();
    let is_static = chosen.named().credential.protocol.renewal() == Renewal::Static;
    if let Some(live) = grants.peek(chosen).filter(|live| live.is_usable(now)) {
        plan.token = Some(live.expires_at().map_or(TokenState::NotNeeded, |expires_at| TokenState::Good { expires_at }));
        return Ok(Live::clone(&live));
    }
    if let Some(Failed { error, retry_not_before }) = grants.last_failed(chosen).filter(|failed| now < failed.retry_not_before) {
        plan.token = Some(TokenState::BackingOff { code: error.code(), retry_not_before });
        return Err(error.into());
    }
    let recipe = Recipe::new(&chosen.named().credential, chosen.identity(), None);
    let values = recipe.values(grants.custody()).await.map_err(Unobtainable::from)?;
    if let Some(field) = missing(chosen, &values) {
        return Err(recipe.failed(ObtainError::NotConfigured { field }).into());
    }
    if is_static {
        plan.token = Some(TokenState::NotNeeded);
        return Ok(recipe.live(values, None, 0)?);
    }
    let kept = grants.custody().load(chosen.identity().key()).await.map_err(Unobtainable::from)?;
    match recipe.course(grants.custody(), kept, now).await {
        Ok(Course::Adopt(renewed)) => {
            plan.token = Some(TokenState::Good { expires_at: renewed.expires_at });
            Ok(recipe.live(values, Some(renewed), 0)?)
        }
        Ok(Course::Renew { .. }) => {
            recipe.check_provider(grants.custody()).await?;
            plan.token = Some(TokenState::WouldBeFetched);
            let (renew_at, stop_at, expires_at) = (None, None, None);
            Ok(Live { serial: 0, version: Version::default(), values, proof: Proof::nothing(), renew_at, stop_at, expires_at })
        }
        Err(error) => {
            if let Unobtainable::BackingOff { code, retry_not_before, .. } = error {
                plan.token = Some(TokenState::BackingOff { code, retry_not_before });
            }
            Err(error.into())
        }
    }
}

/// The first required field that is not filled in; an empty one is not.
fn missing(chosen: &Chosen<'_>, values: &Values) -> Option<&'static str> {
    let credential = &chosen.named().credential;
    let settings = chosen.identity().settings();
    let is_required = |field: &&sortie_protocol::Field| credential.protocol.need(field, &settings) == sortie_protocol::Need::Required;
    let required = credential.protocol.fields().iter().filter(is_required);
    let is_set = |field: &&sortie_protocol::Field| match field.place {
        Place::Settings | Place::SettingsOrPrincipal => {
            settings.get(field.name).and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty())
        }
        Place::Values => values.get(field.name).is_some_and(|value| !value.is_empty()),
    };
    required.filter(|field| !is_set(field)).map(|field| field.name).next()
}

/// The headers of the definitions, for when there is no token yet to make them with.
fn header_names(named: &Named) -> Vec<String> {
    let own = named.credential.protocol.header_names().iter().filter(|_| named.generate_authorization_header).map(ToString::to_string);
    let mut names: Vec<String> = own.chain(named.headers.iter().map(|header| header.name.to_string())).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The refusal as an admin may see it: with the private reason, and with names in the next step.
fn refusal(refused: &Refused, plan: &Plan) -> PlannedRefusal {
    let (message, next_step) = match refused {
        Refused::NotPermitted { reason: crate::Denial::UnknownName } => {
            ("there is no named credential of this name".to_owned(), "check the spelling, or define it: sortie apply -f FILE".to_owned())
        }
        Refused::NotPermitted { reason: crate::Denial::NoPrincipal } => not_permitted(plan),
        Refused::Credential(Unobtainable::NotAuthenticated { field }) => {
            (refused.to_string(), format!("store it: sortie secret set '{}' {field} --user '{}'", plan.chosen_reference(), plan.user))
        }
        Refused::Credential(Unobtainable::NeedsLogin { whose, .. }) => {
            let own = if *whose == Whose::User { format!(" --user '{}'", plan.user) } else { String::new() };
            (refused.to_string(), format!("authenticate at the provider: sortie auth login '{}'{own}", plan.chosen_reference()))
        }
        other => (other.to_string(), other.next_step().to_owned()),
    };
    let turn = match refused.turn() {
        Turn::Caller => "caller",
        Turn::Admin => "admin",
        Turn::Operator => "operator",
        Turn::Provider => "provider",
        Turn::Upstream => "upstream",
    };
    PlannedRefusal { code: refused.code(), reason: refused.reason(), message, cause: refused.cause(), turn: turn.to_owned(), next_step }
}

fn not_permitted(plan: &Plan) -> (String, String) {
    let credential = plan.external_credential.as_deref().unwrap_or_default();
    match plan.principals.first() {
        None => (
            format!("the external credential `{credential}` has no principal"),
            format!("add a principal to `{credential}` and enable it for a permission set of `{}`", plan.user),
        ),
        Some(principal) => (
            format!("no principal of `{credential}` is enabled for `{}`", plan.user),
            format!(
                "sortie grant add '{credential}/{}' --permission-set NAME, with a permission set that is assigned to `{}`",
                principal.name, plan.user
            ),
        ),
    }
}
