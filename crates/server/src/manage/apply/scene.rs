//! What applying works on: the open change, what is stored within it, and what has come of it so far.

use sortie_metadata::{Definition, Problem};
use sortie_model::{ApiName, PermissionSetId, ProfileId};
use sortie_store::Definitions;

use super::discovery::Answers;
use super::sources::Given;
use super::{ApplyError, Mode, Unlisted};
use crate::manage::{Action, Change, Manage, NotStored, find};

pub(super) struct Scene<'a> {
    pub(super) manage: &'a Manage<'a>,
    pub(super) definition: &'a Definition,
    pub(super) given: Given,
    /// What issuers say of providers of the definition.
    pub(super) discovered: Answers,
    pub(super) unlisted: Unlisted,
    pub(super) change: sortie_store::Change<'a>,
    /// As it is within the change; objects that are made join it, so that later ones can refer to them.
    pub(super) stored: Definitions,
    problems: Vec<Problem>,
    changes: Vec<Change>,
}

impl<'a> Scene<'a> {
    pub(super) async fn begin(
        manage: &'a Manage<'a>,
        definition: &'a Definition,
        (given, discovered): (Given, Answers),
        unlisted: Unlisted,
        problems: Vec<Problem>,
    ) -> Result<Self, NotStored> {
        let mut change = manage.store.change().await?;
        let stored = change.definitions().await?;
        Ok(Self { manage, definition, given, discovered, unlisted, change, stored, problems, changes: Vec::new() })
    }

    /// Commits if nothing is wrong and there is anything to commit.
    pub(super) async fn finish(mut self, mode: Mode) -> Result<Vec<Change>, ApplyError> {
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.place);
            return Err(ApplyError::Refused(self.problems));
        }
        let is_made = self.changes.iter().any(|change| change.action.is_made());
        if mode == Mode::Store && is_made {
            self.manage.commit(self.change, &self.changes).await?;
        }
        Ok(self.changes)
    }

    pub(super) fn refuse(&mut self, path: &str, rule: &'static str, message: impl Into<String>) {
        self.problems.push(self.definition.problem(path, rule, message));
    }

    pub(super) fn did(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub(super) fn created(&mut self, object: &'static str, name: impl ToString) {
        self.did(Change::new(object, name, Action::Created));
    }

    /// Names never change, not even in their spelling: who compares them as texts would see two.
    pub(super) fn is_spelled_alike(&mut self, path: &str, stored: &str, wanted: &str) -> bool {
        if stored != wanted {
            self.refuse(&format!("{path}.name"), "immutable", format!("is stored as `{stored}`, and a name never changes: write it so"));
        }
        stored == wanted
    }

    /// The profile of this name, stored or made by this file.
    pub(super) fn profile(&mut self, path: &str, name: &ApiName) -> Option<ProfileId> {
        let found = find::profile(&self.stored, name).map(|profile| profile.id);
        found.map_err(|unknown| self.refuse_unknown(path, &unknown)).ok()
    }

    /// The permission set of this name, stored or made by this file.
    pub(super) fn permission_set(&mut self, path: &str, name: &ApiName) -> Option<PermissionSetId> {
        let found = find::permission_set(&self.stored, name).map(|set| set.id);
        found.map_err(|unknown| self.refuse_unknown(path, &unknown)).ok()
    }

    /// The permission sets of these names; those that do not exist are refused.
    pub(super) fn permission_sets(&mut self, path: &str, names: &[ApiName]) -> Vec<PermissionSetId> {
        names.iter().enumerate().filter_map(|(index, name)| self.permission_set(&format!("{path}[{index}]"), name)).collect()
    }

    /// The profiles of these names; those that do not exist are refused.
    pub(super) fn profiles(&mut self, path: &str, names: &[ApiName]) -> Vec<ProfileId> {
        names.iter().enumerate().filter_map(|(index, name)| self.profile(&format!("{path}[{index}]"), name)).collect()
    }

    pub(super) fn refuse_unknown(&mut self, path: &str, unknown: &crate::manage::UnknownName) {
        let message = format!("names the {} `{}`, which is neither stored nor in this file", unknown.what, unknown.name);
        self.refuse(path, unknown.code(), message);
    }
}
