//! Every refusal has a place, a path and a rule.

use sortie_metadata::Definition;

/// `path rule` of every problem.
fn problems(text: &str) -> Vec<String> {
    let problems = Definition::parse("x.yaml", text).map_or_else(|problems| problems, |_| Vec::new());
    problems.iter().map(|problem| format!("{} {}", problem.path, problem.rule)).collect()
}

/// Every `▸` in the text marks where a problem must be; the text is read without them.
#[track_caller]
fn refused(marked: &str, expected: &[&str]) {
    let text = marked.replace('▸', "");
    assert_eq!(problems(&text), expected, "{text}");
    let mut marks = Vec::new();
    for (line, marked) in (1..).zip(marked.lines()) {
        let positions = marked.chars().enumerate().filter(|(_, character)| *character == '▸').map(|(position, _)| position);
        marks.extend((1..).zip(positions).map(|(nth, position)| (line, u64::try_from(position).unwrap() + 2 - nth)));
    }
    let problems = Definition::parse("x.yaml", &text).map_or_else(|problems| problems, |_| Vec::new());
    let mut places: Vec<(u64, u64)> = problems.iter().map(|problem| (problem.place.line, problem.place.column)).collect();
    places.dedup();
    assert_eq!(places, marks, "{text}");
}

/// An external credential with these lines under `principals:`.
fn with_principals(lines: &str) -> String {
    format!("external_credentials:\n- name: A\n  protocol: basic\n  principals:\n{lines}")
}

#[test]
fn unknown_and_repeated_keys_are_refused_where_they_stand() {
    refused("▸permission_set:\n- name: A\n", &["permission_set unknown_key"]);
    refused("profiles:\n- name: A\n  ▸lable: B\n", &["profiles[0].lable unknown_key"]);
    refused("profiles:\n- name: A\n  ▸name: B\n", &["profiles[0].name duplicate_key"]);
    refused("users:\n- name: a\n  attributes: {Email: x, ▸Email: y}\n", &["users[0].attributes.Email duplicate_key"]);
    refused(
        &with_principals("  - {name: P, sequence_number: 1, enabled_for: {▸roles: []}}"),
        &["external_credentials[0].principals[0].enabled_for.roles unknown_key"],
    );
    refused("profiles:\n- name: A\n  ▸1: B\n", &["profiles[0] key_type"]);
    refused("profiles:\n- name: A\n  ▸<<: {label: B}\n", &["profiles[0].<< unknown_key"]);
}

#[test]
fn a_misspelt_key_comes_with_a_suggestion() {
    let problems = Definition::parse("x.yaml", "named_credentials:\n- nmae: A\n").unwrap_err();
    assert_eq!(problems[0].message, "is not known here; did you mean `name`?");
    let problems = Definition::parse("x.yaml", "profiles:\n- name: A\n  colour: red\n").unwrap_err();
    assert_eq!(problems[0].message, "is not known here; known are name, label, description, permissions");
}

#[test]
fn values_of_another_type_are_refused() {
    refused("▸- a\n", &[" type"]);
    refused("users: ▸alice\n", &["users type"]);
    refused("users▸:\n", &["users type"]);
    refused("users: [▸alice]\n", &["users[0] type"]);
    refused("users: [{name: ▸5}]\n", &["users[0].name type"]);
    refused("users: [{name: a, active: ▸yes}]\n", &["users[0].active type"]);
    refused("users: [{name: a, permission_sets: ▸S}]\n", &["users[0].permission_sets type"]);
    refused("users: [{name: a, permission_sets▸: }]\n", &["users[0].permission_sets type"]);
    refused("permission_sets: [{name: S, permissions: [▸modify_all_data]}]\n", &["permission_sets[0].permissions[0] permission_unknown"]);
    refused("profiles: [{name: P, permissions: [view_setup, ▸view_setup]}]\n", &["profiles[0].permissions[1] duplicate"]);
    refused("users: [{name: a, attributes: {Level: ▸7}}]\n", &["users[0].attributes.Level type"]);
    refused(&with_principals("  - {name: P, sequence_number: ▸first}"), &["external_credentials[0].principals[0].sequence_number type"]);
    refused(&with_principals("  - {name: P, sequence_number: ▸1.5}"), &["external_credentials[0].principals[0].sequence_number range"]);
    refused(&with_principals("  - {name: P, sequence_number: ▸-1}"), &["external_credentials[0].principals[0].sequence_number range"]);
    refused("external_credentials: [{name: A, protocol: basic, settings: {a▸: }}]", &["external_credentials[0].settings.a type"]);
    let nested = |text: &str| format!("external_credentials: [{{name: A, protocol: jwt, settings: {{claims: {text}}}}}]");
    refused(&nested("{body: {▸5: x}}"), &["external_credentials[0].settings.claims.body key_type"]);
    // SIG-04.
    refused(&nested("{body: {aud: a, ▸aud: b}}"), &["external_credentials[0].settings.claims.body.aud duplicate_key"]);
}

#[test]
fn absent_keys_are_refused_at_what_should_hold_them() {
    refused(
        "named_credentials:\n- ▸{}\n",
        &["named_credentials[0].name required", "named_credentials[0].url required", "named_credentials[0].external_credential required"],
    );
    refused(
        "external_credentials:\n- ▸principals: [▸{}]\n",
        &[
            "external_credentials[0].name required",
            "external_credentials[0].protocol required",
            "external_credentials[0].principals[0].name required",
            "external_credentials[0].principals[0].sequence_number required",
        ],
    );
}

#[test]
fn names_that_break_the_rules_are_refused() {
    // NAME-03, NAME-04 and NAME-08 of the attack catalogue.
    for bad in ["a__b", "a_", "_a", "1a", "a-b", "''", "pаyments", "..", ".", "\"a/b\"", "\"a:b\"", "'*'", "\"a\\n\""] {
        let text = format!("permission_sets:\n- name: {bad}\n");
        let rules = problems(&text);
        assert!(rules == ["permission_sets[0].name name_format"] || rules == ["permission_sets[0].name required"], "{bad}: {rules:?}");
    }
    refused(&format!("profiles: [{{name: ▸{}}}]", "a".repeat(256)), &["profiles[0].name name_format"]);
    refused("users: [{name: ▸-a}]", &["users[0].name user_name_format"]);
    refused("profiles: [{name: A, label: ▸' A'}]", &["profiles[0].label label_format"]);
    refused("profiles: [{name: A, label: ▸\"A\\x1b[2J\"}]", &["profiles[0].label label_format"]);
    refused("profiles: [{name: A, description: ▸\"A\\x1b[2J\"}]", &["profiles[0].description description_format"]);
    refused("users: [{name: a, attributes: {1st: ▸x}}]", &["users[0].attributes.1st name_format"]);
}

#[test]
fn the_same_name_twice_is_refused_without_regard_to_case() {
    // NAME-01 of the attack catalogue.
    refused("profiles:\n- name: My_Cred\n- name: ▸my_cred\n", &["profiles[1].name duplicate_name"]);
    refused("users:\n- name: A@x\n- name: ▸a@X\n", &["users[1].name duplicate_name"]);
    refused(
        &with_principals("  - {name: P, sequence_number: 1}\n  - {name: ▸p, sequence_number: 2}"),
        &["external_credentials[0].principals[1].name duplicate_name"],
    );
    refused("users:\n- name: a\n  permission_sets: [S, ▸s]\n", &["users[0].permission_sets[1] duplicate"]);
}

#[test]
fn two_principals_with_one_sequence_number_are_refused() {
    // AZ-05 of the attack catalogue.
    refused(
        &with_principals("  - {name: P, sequence_number: 1}\n  - {name: Q, sequence_number: ▸1}"),
        &["external_credentials[0].principals[1].sequence_number duplicate_sequence_number"],
    );
}

#[test]
fn fields_of_external_credentials_are_checked() {
    let with = |line: &str| format!("external_credentials:\n- name: A\n  protocol: basic\n  {line}\n");
    refused(&with("settings: {\"\\e[2J\": ▸x}"), &["external_credentials[0].settings.\\u{1b}[2J name_format"]);
    refused(
        &with_principals("  - {name: P, sequence_number: 1, values: {no-name: ▸x}}"),
        &["external_credentials[0].principals[0].values.no-name name_format"],
    );
    for bad in [200, 401, 500, 1000] {
        let rules = problems(&with(&format!("additional_status_codes: [403, {bad}]")));
        assert!(rules[0].starts_with("external_credentials[0].additional_status_codes[1] "), "{rules:?}");
    }
    for (bad, problem) in [
        ("{status: 401, header: X-A, equals: x}", "[0].status status_code_range"),
        ("{status: 200, equals: x}", "[0].pointer one_of"),
        ("{status: 200, header: X-A, pointer: /a, equals: x}", "[0].pointer one_of"),
        ("{status: 200, pointer: a, equals: x}", "[0].pointer pointer_format"),
        ("{status: 200, header: X A, equals: x}", "[0].header header_name"),
        ("{status: 200, pointer: /a, equals: [x]}", "[0].equals type"),
        ("{status: 200, pointer: /a}", "[0].equals required"),
        ("{status: 200, pointer: /a, equals: x, body: y}", "[0].body unknown_key"),
    ] {
        let rules = problems(&with(&format!("renewal_rules: [{bad}]")));
        assert_eq!(rules, [format!("external_credentials[0].renewal_rules{problem}")], "{bad}");
    }
    let many = vec!["{status: 200, pointer: /a, equals: x}"; 21].join(", ");
    assert_eq!(problems(&with(&format!("renewal_rules: [{many}]"))), ["external_credentials[0].renewal_rules too_many"]);
    // NAME-09 of the attack catalogue.
    for bad in ["Host", "Content-Length", "Transfer-Encoding", "Connection", "':path'", "X Y", "'Te:'", "Sortie-Error"] {
        let rules = problems(&with(&format!("headers: [{{name: {bad}, value: x}}]")));
        assert_eq!(rules.len(), 1, "{bad}");
        assert!(rules[0].starts_with("external_credentials[0].headers[0].name header_name_"), "{rules:?}");
    }
    refused(&with("headers: [{name: X-A, value: ▸\"a\\r\\nb\"}]"), &["external_credentials[0].headers[0].value header_value_format"]);
    refused(&with("headers: [{name: X-A, value: ▸''}]"), &["external_credentials[0].headers[0].value required"]);
    refused(&with("headers: [{name: X-A, value: ▸'{!$Credential.A.B'}]"), &["external_credentials[0].headers[0].value formula_unclosed"]);
    refused(&with("headers: [▸{name: X-A}]"), &["external_credentials[0].headers[0].value required"]);
    refused(
        &with_principals("  - {name: P, sequence_number: 1, identity_type: ▸shared}"),
        &["external_credentials[0].principals[0].identity_type identity_type"],
    );
    refused(
        &with_principals("  - {name: P, sequence_number: 1, identity_type: per_user, values: ▸{password: {from_environment: X}}}"),
        &["external_credentials[0].principals[0].values values_per_user"],
    );
}

#[test]
fn fields_of_named_credentials_are_checked() {
    let with = |line: &str| format!("named_credentials:\n- name: A\n  external_credential: A\n  {line}\n");
    for bad in ["ftp://up.test", "'https://up.test?a=b'", "'https://u:p@up.test'", "up.test", "'https://up.test/a/../b'", "https://127.1"] {
        let rules = problems(&with(&format!("url: {bad}")));
        assert_eq!(rules, ["named_credentials[0].url url_format"], "{bad}");
    }
    let with = |line: &str| with(&format!("url: https://up.test\n  {line}"));
    refused(&with("allow_formulas_in_header: ▸maybe"), &["named_credentials[0].allow_formulas_in_header type"]);
    refused(&with("allow_formulas_in_body: ▸1"), &["named_credentials[0].allow_formulas_in_body type"]);
    refused(&with("allow_formulas_in_body: literal"), &[]);
    refused(&with("allow_formulas_in_header: true"), &[]);
    refused(&with("allow_formulas_in_body: false"), &[]);
    refused(&with("forwarded_headers: [cookie, ▸Proxy-Foo]"), &["named_credentials[0].forwarded_headers[1] header_name_reserved"]);
    refused(&with("client_certificate: ▸no name"), &["named_credentials[0].client_certificate name_format"]);
    refused(&with("client_certificate: ▸[Bank]"), &["named_credentials[0].client_certificate type"]);
    refused(&with("timeouts: {connect_ms: ▸0}"), &["named_credentials[0].timeouts.connect_ms range"]);
    refused(&with("timeouts: {▸idle: 5}"), &["named_credentials[0].timeouts.idle unknown_key"]);
}

#[test]
fn fields_of_external_auth_identity_providers_are_checked() {
    let at = |field: &str| format!("external_auth_identity_providers[0].{field}");
    let with = |line: &str| {
        format!(
            "external_auth_identity_providers:\n- name: A\n  flow: client_credentials\n  token_endpoint: https://idp.test/token\n  {line}\n"
        )
    };
    refused(&with("issuer: https://idp.test"), &[]);
    refused("external_auth_identity_providers: [▸{}]", &[&at("name required"), &at("flow required"), &at("token_endpoint required")]);
    refused("external_auth_identity_providers: [{name: A, flow: client_credentials, issuer: https://idp.test}]", &[]);
    refused("external_auth_identity_providers: [{name: A, flow: ▸implicit, issuer: https://idp.test}]", &[&at("flow flow")]);
    refused(&with("issuer: ▸https://idp.test?a"), &[&at("issuer issuer_format")]);
    refused(&with("client_authentication: ▸none"), &[&at("client_authentication client_authentication")]);
    refused(&with("authorize_endpoint: ▸idp.test"), &[&at("authorize_endpoint url_format")]);
    refused(&with("pkce: ▸S256"), &[&at("pkce type")]);
    refused(&with("default_scopes: ▸'a  b'"), &[&at("default_scopes scope_format")]);
    refused(&with("▸scope: a"), &[&at("scope unknown_key")]);
    let with = |line: &str| with(&format!("request_parameters: [{{{line}}}]"));
    let at = |field: &str| at(&format!("request_parameters[0].{field}"));
    refused(&with("request: authorize, place: ▸body, name: a, value: b"), &[&at("place parameter_place")]);
    refused(&with("request: ▸login, place: body, name: a, value: b"), &[&at("request parameter_request")]);
    refused(&with("request: token, place: body, name: ▸client_secret, value: SECRET-x"), &[&at("name parameter_name_reserved")]);
    refused(&with("request: token, place: header, name: ▸Authorization, value: SECRET-x"), &[&at("name header_name_reserved")]);
    refused(&with("request: refresh, place: header, name: ▸Host, value: x"), &[&at("name header_name_reserved")]);
    refused(&with("request: token, place: header, name: X-A, value: ▸\"a\\r\\nb\""), &[&at("value parameter_value_format")]);
    refused(&with("request: token, place: query, name: a, value: ▸'{!$User.Email}'"), &[&at("value formula_not_here")]);
    refused(&with("request: token, place: query, name: a, value: ▸7"), &[&at("value type")]);
    refused(&with("request: token, place: query, name: a, value: b, sequence_number: ▸-1"), &[&at("sequence_number range")]);
}

#[test]
fn fields_of_auth_providers_are_checked() {
    let at = |field: &str| format!("auth_providers[0].{field}");
    let with = |line: &str| format!("auth_providers:\n- name: A\n  type: google\n  {line}\n");
    refused(&with("pkce: true"), &[]);
    refused("auth_providers: [▸{}]", &[&at("name required"), &at("type required")]);
    refused("auth_providers: [{name: A, type: ▸twitter}]", &[&at("type provider_type")]);
    refused("auth_providers: [{name: ▸A__B, type: google}]", &[&at("name name_format")]);
    refused(&with("settings: {host: ▸7}"), &[&at("settings.host type")]);
    refused(&with("configuration: {a: ▸\"b\\nc\"}"), &[&at("configuration.a text_format")]);
    refused(&with("authorize_endpoint: ▸idp.test"), &[&at("authorize_endpoint url_format")]);
    refused(&with("issuer: ▸https://idp.test?a"), &[&at("issuer issuer_format")]);
    refused(&with("access_token_in_header: ▸query"), &[&at("access_token_in_header type")]);
    refused(&with("preset_parameters: ▸some"), &[&at("preset_parameters type")]);
    refused(&with("error_url: ▸/failed"), &[&at("error_url url_format")]);
    refused(&with("default_scopes: ▸'a  b'"), &[&at("default_scopes scope_format")]);
    refused(&with("▸flow: authorization_code"), &[&at("flow unknown_key")]);
    let twice = "auth_providers:\n- {name: A, type: google}\n- {name: ▸a, type: slack}\n";
    refused(twice, &["auth_providers[1].name duplicate_name"]);
}

#[test]
fn everything_wrong_is_reported_at_once_and_in_order() {
    refused(
        "profiles:\n- name: ▸1a\n- ▸label: x\nusers:\n- name: a\n  ▸actve: true\n▸named: []\n",
        &["profiles[0].name name_format", "profiles[1].name required", "users[0].actve unknown_key", "named unknown_key"],
    );
}

#[test]
fn what_is_no_single_yaml_document_is_refused() {
    refused("▸", &[" empty"]);
    refused("▸# nothing\n", &[" empty"]);
    refused("profiles: []\n---\n▸profiles: []\n", &[" yaml_syntax"]);
    refused("profiles: ▸[\n", &[" yaml_syntax"]);
    refused("profiles: ▸*nobody\n", &[" yaml_syntax"]);
    refused("profiles:\n- name: A\n ▸label: B\n", &[" yaml_syntax"]);
    let deep = "[".repeat(10_000);
    assert_eq!(problems(&deep).len(), 1);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &(b'b'..=b'i')
            .map(|letter| format!("{0}: &{0} [{1}]\n", letter as char, vec![format!("*{}", (letter - 1) as char); 10].join(",")))
            .collect::<String>();
    assert_eq!(problems(&bomb).len(), 1, "a bomb of aliases is refused before it unfolds");
    assert_eq!(problems(&format!("profiles: []\n{}", "#".repeat(5 * 1024 * 1024))), [" too_large"]);
}
