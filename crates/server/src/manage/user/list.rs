//! Lists users.

use sortie_model::UserName;

use super::show::view;
use super::{UserError, UserView};
use crate::manage::Manage;

/// Users read from the database at once.
const PAGE: u32 = 200;

/// All users in the order of their names.
///
/// # Errors
/// A [`UserError`] of the database.
pub async fn list(manage: &Manage<'_>) -> Result<Vec<UserView>, UserError> {
    let definitions = manage.store.definitions().await?;
    let mut views = Vec::new();
    let mut after = None;
    loop {
        let page = manage.store.users().list(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(views) };
        after = Some(last.name.clone());
        for user in page {
            views.push(view(manage, &definitions, user).await?);
        }
    }
}

/// At most `limit` users in the order of their names, behind `after`.
///
/// # Errors
/// A [`UserError`] of the database.
pub async fn page(manage: &Manage<'_>, after: Option<&UserName>, limit: u32) -> Result<Vec<UserView>, UserError> {
    let definitions = manage.store.definitions().await?;
    let mut views = Vec::new();
    for user in manage.store.users().list(after, limit).await? {
        views.push(view(manage, &definitions, user).await?);
    }
    Ok(views)
}
