//! What is defined and has a name is shown, made, replaced and removed in one way, whatever it is: a version that was seen, a body, one transaction, and the answer as it is stored.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sortie_model::ApiName;
use sortie_store::Definitions;

use super::caller::ApiCaller;
use super::connect::{Etag, Wanted, store};
use super::json::{At, Body, Reader};
use super::mount::Mount;
use super::{Api, Problem};
use crate::manage::UnknownName;
use crate::manage::apply::Standing;
use crate::manage::definition::Defined;

/// A kind of definition.
pub(super) trait Resource: 'static {
    /// In words, as refusals call one.
    const WHAT: &'static str;
    type Stored: Send + Sync;
    type Input: Send + Sync;

    fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Option<&'d Self::Stored>;

    /// As it is written where it is stored.
    fn name(stored: &Self::Stored) -> &ApiName;

    /// Of all that PUT replaces or keeps.
    fn etag(definitions: &Definitions, stored: &Self::Stored) -> Etag;

    /// Reads a body. `known` is the name in the path of a PUT, where the body may leave it out.
    fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<Self::Input>;

    fn name_wanted(input: &Self::Input) -> &ApiName;

    /// What is beyond the permissions that the route needs.
    fn may(_caller: &ApiCaller, _input: Option<&Self::Input>, _before: Option<&Self::Stored>) -> Result<(), Problem> {
        Ok(())
    }

    /// The definition that a body stands for, beside what is stored.
    fn wanted(
        api: &Api,
        input: Self::Input,
        before: Option<(&Definitions, &Self::Stored)>,
    ) -> impl Future<Output = Result<Wanted, Problem>> + Send;

    fn defined(name: ApiName) -> Defined;

    /// As it is stored now, for this caller, with its [`Etag`].
    fn answer(
        api: &Api,
        of: (&ApiCaller, Mount),
        name: &ApiName,
        status: StatusCode,
    ) -> impl Future<Output = Result<Response, Problem>> + Send;
}

pub(super) async fn show<R: Resource>(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    R::answer(&api, (&caller, mount), &parse::<R>(&name)?, StatusCode::OK).await
}

pub(super) async fn create<R: Resource>(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let input = body.read(mount.version, |reader, at| R::read(reader, at, None))?;
    R::may(&caller, Some(&input), None)?;
    let name = R::name_wanted(&input).clone();
    let wanted = R::wanted(&api, input, None).await?;
    store(&api, &caller, &wanted, Standing::New, &|_| true).await?;
    R::answer(&api, (&caller, mount), &name, StatusCode::CREATED).await
}

pub(super) async fn replace<R: Resource>(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse::<R>(&name)?;
    let definitions = api.definitions().await?;
    let before = found::<R>(&definitions, &name)?;
    let etag = R::etag(&definitions, before);
    etag.check(&headers)?;
    let input = body.read(mount.version, |reader, at| R::read(reader, at, Some(R::name(before))))?;
    R::may(&caller, Some(&input), Some(before))?;
    let wanted = R::wanted(&api, input, Some((&definitions, before))).await?;
    let is_same = |now: &Definitions| R::find(now, &name).is_some_and(|found| R::etag(now, found) == etag);
    store(&api, &caller, &wanted, Standing::Stored, &is_same).await?;
    R::answer(&api, (&caller, mount), &name, StatusCode::OK).await
}

pub(super) async fn remove<R: Resource>(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse::<R>(&name)?;
    let definitions = api.definitions().await?;
    let before = found::<R>(&definitions, &name)?;
    let etag = R::etag(&definitions, before);
    etag.check(&headers)?;
    R::may(&caller, None, Some(before))?;
    // What is gone meanwhile is not there, rather than another.
    let is_same = |now: &Definitions| R::find(now, &name).is_none_or(|found| R::etag(now, found) == etag);
    api.remove(&caller, R::defined(name.clone()), &is_same).await
}

/// The stored one of this name.
pub(super) fn found<'d, R: Resource>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d R::Stored, Problem> {
    R::find(definitions, name).ok_or_else(|| UnknownName::new(R::WHAT, name).into())
}

/// A name in a path.
pub(super) fn parse<R: Resource>(name: &str) -> Result<ApiName, Problem> {
    super::name_in_path(R::WHAT, name)
}
