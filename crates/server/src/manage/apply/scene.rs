//! What applying works on: the open change, what is stored within it, and what has come of it so far.

use sortie_metadata::{Definition, Problem};
use sortie_model::{
    ApiName, ExternalCredential, ExternalCredentialId, Grantee, NamedCredential, PermissionSet, PermissionSetId, Principal, PrincipalId,
    Profile, ProfileId,
};
use sortie_store::Definitions;

use super::discovery::Answers;
use super::index::Index;
use super::sources::Given;
use super::{ApplyError, Mode, Unlisted};
use crate::manage::{Action, Change, Manage, NotStored, UnknownName};

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
    index: Index,
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
        let mut change = manage.change().await?;
        let stored = change.definitions().await?;
        let index = Index::of(&stored);
        Ok(Self { manage, definition, given, discovered, unlisted, change, stored, index, problems, changes: Vec::new() })
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

    /// Whether nothing is wrong so far.
    pub(super) const fn is_sound(&self) -> bool {
        self.problems.is_empty()
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
    pub(super) fn profile(&self, name: &ApiName) -> Option<&Profile> {
        self.index.profiles.get(name).map(|at| &self.stored.profiles[*at])
    }

    pub(super) fn add_profile(&mut self, profile: Profile) {
        self.index.profiles.insert(profile.name.clone(), self.stored.profiles.len());
        self.stored.profiles.push(profile);
    }

    /// The permission set of this name, stored or made by this file.
    pub(super) fn permission_set(&self, name: &ApiName) -> Option<&PermissionSet> {
        self.index.permission_sets.get(name).map(|at| &self.stored.permission_sets[*at])
    }

    pub(super) fn add_permission_set(&mut self, set: PermissionSet) {
        self.index.permission_sets.insert(set.name.clone(), self.stored.permission_sets.len());
        self.stored.permission_sets.push(set);
    }

    /// The external credential of this name, stored or made by this file.
    pub(super) fn external_credential(&self, name: &ApiName) -> Option<&ExternalCredential> {
        self.index.external_credentials.get(name).map(|at| &self.stored.external_credentials[*at])
    }

    pub(super) fn add_external_credential(&mut self, credential: ExternalCredential) {
        self.index.external_credentials.insert(credential.name.clone(), self.stored.external_credentials.len());
        self.stored.external_credentials.push(credential);
    }

    /// The stored named credential of this name.
    pub(super) fn named_credential(&self, name: &ApiName) -> Option<&NamedCredential> {
        self.index.named_credentials.get(name).map(|at| &self.stored.named_credentials[*at])
    }

    /// The stored principals of a credential.
    pub(super) fn principals(&self, of: ExternalCredentialId) -> impl Iterator<Item = &Principal> {
        self.index.principals.get(&of).into_iter().flatten().map(|at| &self.stored.principals[*at])
    }

    /// Who may use a principal, as stored.
    pub(super) fn grantees(&self, of: PrincipalId) -> impl Iterator<Item = Grantee> {
        self.index.principal_access.get(&of).into_iter().flatten().map(|at| self.stored.principal_access[*at].grantee)
    }

    /// The profile that is named at this place; one that does not exist is refused.
    pub(super) fn profile_named(&mut self, path: &str, name: &ApiName) -> Option<ProfileId> {
        let found = self.profile(name).map(|profile| profile.id);
        self.or_refuse(found, path, "profile", name)
    }

    /// The permission sets of these names; those that do not exist are refused.
    pub(super) fn permission_sets_named(&mut self, path: &str, names: &[ApiName]) -> Vec<PermissionSetId> {
        let find = |(index, name): (usize, &ApiName)| {
            let found = self.permission_set(name).map(|set| set.id);
            self.or_refuse(found, &format!("{path}[{index}]"), "permission set", name)
        };
        names.iter().enumerate().filter_map(find).collect()
    }

    /// The profiles of these names; those that do not exist are refused.
    pub(super) fn profiles_named(&mut self, path: &str, names: &[ApiName]) -> Vec<ProfileId> {
        names.iter().enumerate().filter_map(|(index, name)| self.profile_named(&format!("{path}[{index}]"), name)).collect()
    }

    fn or_refuse<T>(&mut self, found: Option<T>, path: &str, what: &'static str, name: &ApiName) -> Option<T> {
        if found.is_none() {
            self.refuse_unknown(path, &UnknownName::new(what, name));
        }
        found
    }

    pub(super) fn refuse_unknown(&mut self, path: &str, unknown: &UnknownName) {
        let message = format!("names the {} `{}`, which is neither stored nor in this file", unknown.what, unknown.name);
        self.refuse(path, unknown.code(), message);
    }
}
