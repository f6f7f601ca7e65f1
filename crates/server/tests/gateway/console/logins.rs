//! What the page offers for principals for which a person logs in with a browser.

use sortie_metadata::Definition;
use sortie_model::{Secret, SystemPermission};
use sortie_server::manage::Manage;
use sortie_server::manage::apply::{self, Mode, Surroundings, Unlisted};

use super::{Office, PASSWORD, Visitor};

const CALENDAR: &str = "
permission_sets:
- {name: Callers}
- {name: Keepers, permissions: [manage_named_credentials]}
users:
- {name: alice, permission_sets: [Callers]}
- {name: bob, permission_sets: [Callers, Keepers]}
external_auth_identity_providers:
- name: Work
  flow: authorization_code
  authorize_endpoint: https://login.test/authorize
  token_endpoint: https://login.test/token
  values: {client_id: sortie, client_secret: {from_environment: CLIENT_SECRET}}
external_credentials:
- name: Calendar
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Work}
  principals:
  - {name: Own, sequence_number: 1, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}
  - {name: Team, sequence_number: 2, identity_type: named, enabled_for: {permission_sets: [Callers]}}
";

fn apply(office: &Office, text: &str) {
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let variable = |name: &str| (name == "CLIENT_SECRET").then(|| Secret::new("SECRET-client"));
    let surroundings = Surroundings { variable: &variable, world: None, directory: std::path::Path::new(".") };
    let manage = Manage::of(&office.server.house, "operator:tester", sortie_model::Timestamp::from_millis(0));
    let applied = office.server.runtime.block_on(apply::apply(&manage, &definition, &surroundings, Mode::Store, Unlisted::Leave));
    applied.unwrap_or_else(|error| panic!("{error}"));
}

fn offers(visitor: &Visitor) -> Vec<String> {
    let page = visitor.page("/");
    let forms = page.split("action=\"/external-credentials/").skip(1);
    forms.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn a_person_logs_in_for_themselves_and_for_all_only_with_the_permission() {
    let office = Office::open();
    apply(&office, CALENDAR);
    let alice = office.alice();
    assert_eq!(offers(&alice), ["Calendar/Own/authenticate"]);
    assert!(alice.page("/").contains("Needs your authentication"));
    let bob = office.visitor();
    bob.sign_in("bob", PASSWORD);
    assert_eq!(offers(&bob), ["Calendar/Own/authenticate", "Calendar/Team/authenticate"]);
    let held = office.server.runtime.block_on(async {
        let store = office.server.house.store();
        let bob = store.users().find(&sortie_model::UserName::parse("bob").unwrap()).await.unwrap().unwrap();
        store.users().system_permissions(bob.id).await.unwrap()
    });
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [SystemPermission::ManageNamedCredentials]);
}

#[test]
fn what_an_administrator_has_to_complete_is_not_offered() {
    let office = Office::open();
    apply(&office, &CALENDAR.replace("  values: {client_id: sortie, client_secret: {from_environment: CLIENT_SECRET}}\n", ""));
    let alice = office.alice();
    assert_eq!(offers(&alice), Vec::<String>::new());
    assert!(alice.page("/").contains("An administrator has to complete it."));
}
