//! Requests that others send to Salesforce, replayed: whole collections of them lie outside this project, and are read where they lie, if they are there. The
//! important ones are in the other tests, with bodies of our own.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::office::{Office, error_code};

fn examples() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?.join("shared/corpus/connect");
    path.is_dir().then_some(path)
}

/// What is there before the requests come.
const BEFORE: &str = "
external_auth_identity_providers:
- {name: authProvider, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t'}
external_credentials:
- {name: ecNameAws, protocol: aws_sts, settings: {region: a, service: b}, principals: [{name: principalA, sequence_number: 1}]}
- {name: salesforceOAuthExternalCredential, protocol: oauth_client_assertion, principals: [{name: defaultNamedPrincipal, sequence_number: 1}]}
- {name: medicalIntegrationExternalCredential, protocol: custom, principals: [{name: customerSupportGroup, sequence_number: 1}]}
- {name: SampleOAuth, protocol: oauth_jwt_bearer}
- {name: OAuthJwtBearerExternalCredential, protocol: oauth_jwt_bearer}
- {name: OAuthClientCredentialsJwtAssertionExternalCredential, protocol: oauth_client_assertion, principals: [{name: NamedPrincipal, sequence_number: 1}]}
- {name: OAuthClientCredentialsClientSecretExternalCredential, protocol: oauth_client_credentials, principals: [{name: NamedPrincipal, sequence_number: 1}]}
- {name: AwsSv4ExternalCredential, protocol: aws_access_key, principals: [{name: NamedPrincipal, sequence_number: 1}]}
- {name: AwsSv4StsExternalCredential, protocol: aws_sts, principals: [{name: NamedPrincipal, sequence_number: 1}, {name: AwsStsPrincipal, sequence_number: 2}]}
- {name: AwsSv4StsRolesAnywhereExternalCredential, protocol: aws_roles_anywhere, principals: [{name: NamedPrincipal, sequence_number: 1}]}
- {name: CustomExternalCredential, protocol: custom, principals: [{name: NamedPrincipal, sequence_number: 1}]}
- {name: JwtExternalCredential, protocol: jwt}
- name: BasicExternalCredential
  protocol: basic
  principals:
  - {name: NamedPrincipal, sequence_number: 1}
  - {name: PerUserPrincipal, sequence_number: 2, identity_type: per_user, enabled_for: {permission_sets: [Everything]}}
- {name: MSTeamsSetupClientCredentialsEC, protocol: oauth_client_credentials, settings: {client_authentication: basic}, principals: [{name: NamedAuthPrincipal, sequence_number: 1}]}
- {name: TavilyApi, protocol: custom, principals: [{name: ApiKey, sequence_number: 1}]}
- {name: test, protocol: custom, principals: [{name: test, sequence_number: 1}]}
- {name: OAuthBrowserFlowExternalCredential, protocol: oauth_browser}
";

/// Method, path, status, and where the fault is if it is refused.
struct Case(&'static str, &'static str, &'static str, u16, &'static str);

const EXTERNAL: &str = "/named-credentials/external-credentials";
const CREDENTIAL: &str = "/named-credentials/credential";

/// Every file, in an order in which each finds what it needs. `{}` stands for the name in the body.
const CASES: &[Case] = &[
    Case("doc-post-credential-aws", "POST", CREDENTIAL, 201, ""),
    Case("doc-post-eaip", "POST", "/named-credentials/external-auth-identity-providers", 201, ""),
    Case("doc-post-eaip-credentials", "POST", "/named-credentials/external-auth-identity-provider-credentials/ExternalIdp2", 201, ""),
    Case("doc-post-external-credential-aws-sts", "POST", EXTERNAL, 201, ""),
    // There are no private connections here, and no packages.
    Case("doc-post-named-credential-private", "POST", "/named-credentials/named-credential-setup", 400, "/type"),
    // This one authenticates without a person.
    Case("doc-post-oauth-auth-url", "POST", "/named-credentials/credential/auth-url/o-auth", 400, ""),
    // An address without a scheme could be any.
    Case("doc-put-external-credential-jwtbearer", "PUT", "/named-credentials/external-credentials/{}", 400, "/parameters/1/parameterValue"),
    Case("doc-put-patch-credential-custom", "PUT", CREDENTIAL, 200, ""),
    Case("doc-put-patch-credential-custom", "PATCH", CREDENTIAL, 200, ""),
    Case("gist-01-put-ec-oauth-browser-flow", "PUT", "/named-credentials/external-credentials/{}", 200, ""),
    Case("gist-02-put-ec-oauth-jwt-bearer-flow", "PUT", "/named-credentials/external-credentials/{}", 200, ""),
    Case("gist-03-put-ec-oauth-client-credentials-with-jwt-assertion", "PUT", "/named-credentials/external-credentials/{}", 200, ""),
    Case("gist-04-post-credential-oauth-client-credentials-with-jwt-assertion", "POST", CREDENTIAL, 201, ""),
    Case("gist-05-post-credential-oauth-client-credentials-with-client-secret", "POST", CREDENTIAL, 201, ""),
    Case("gist-06-post-credential-aws-sigv4-access-key-and-secret", "POST", CREDENTIAL, 201, ""),
    Case("gist-07-post-credential-aws-sigv4-sts", "POST", CREDENTIAL, 201, ""),
    Case("gist-08-post-credential-aws-sigv4-sts", "POST", CREDENTIAL, 201, ""),
    Case("gist-09-post-credential-aws-sigv4-sts-with-roles-anywhere", "POST", CREDENTIAL, 201, ""),
    Case("gist-10-post-credential-custom", "POST", CREDENTIAL, 201, ""),
    Case("gist-11-put-ec-jwt", "PUT", "/named-credentials/external-credentials/{}", 200, ""),
    Case("gist-12-post-credential-basic-authentication", "POST", CREDENTIAL, 201, ""),
    Case("gist-13-post-credential-basic-authentication", "POST", CREDENTIAL, 201, ""),
    Case("live-post-credential-cc-no-encrypted", "POST", CREDENTIAL, 201, ""),
    Case("live-post-credential-custom-no-protocol", "POST", CREDENTIAL, 201, ""),
    Case("postman-post-external-credential-custom", "POST", EXTERNAL, 201, ""),
    Case("postman-post-credential-empty", "POST", CREDENTIAL, 201, ""),
    Case("postman-put-credential", "PUT", CREDENTIAL, 200, ""),
];

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn requests_that_others_send_are_understood() {
    let Some(examples) = examples() else { return };
    let mut requests: Vec<String> =
        std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    requests.retain(|name| name.ends_with(".request.json"));
    let mut replayed: Vec<String> = CASES.iter().map(|case| format!("{}.request.json", case.0)).collect();
    requests.sort();
    replayed.sort();
    replayed.dedup();
    assert_eq!(requests, replayed, "every file has a case");
    let office = Office::open();
    office.apply(BEFORE);
    for Case(file, method, path, expected, pointer) in CASES {
        let body = read(&examples.join(format!("{file}.request.json")));
        let path = path.replace("{}", body["developerName"].as_str().unwrap_or_default());
        let (status, answer) = office.ask(method, &path, Some(&body));
        assert_eq!(status, *expected, "{file}: {answer}");
        if !pointer.is_empty() {
            assert_eq!(answer[0]["fields"], json!([pointer]), "{file}");
        }
        // What was given as a secret does not come back, whatever it is called.
        for (name, value) in body["credentials"].as_object().into_iter().flatten() {
            let is_secret = value["encrypted"] == true || name == "clientSecret";
            let text = value["value"].as_str().unwrap();
            assert!(!is_secret || !answer.to_string().contains(text), "{file}: {answer}");
        }
    }
}

#[test]
fn answers_have_the_shape_that_others_expect() {
    let Some(examples) = examples() else { return };
    let office = Office::open();
    office.apply(
        "
external_credentials: [{name: Test, protocol: no_authentication}]
named_credentials: [{name: Test, url: 'https://api.test', external_credential: Test}]
",
    );
    let shape = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let expected = read(&examples.join("postman-get-external-credential.response.json"));
    let (_, mut answer) = office.ask_as(&office.admin, "GET", "/services/data/v58.0/named-credentials/external-credentials/Test", None);
    assert_eq!(shape(&answer), shape(&expected));
    assert_eq!(shape(&answer["relatedNamedCredentials"][0]), shape(&expected["relatedNamedCredentials"][0]));
    // All but the ids are equal.
    answer["id"] = expected["id"].clone();
    answer["relatedNamedCredentials"][0]["id"] = expected["relatedNamedCredentials"][0]["id"].clone();
    assert_eq!(answer, expected);

    office.apply("external_credentials: [{name: Test, protocol: no_authentication, principals: [{name: Test, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]}]");
    let path = "/named-credentials/credential?externalCredential=Test&principalType=NamedPrincipal&principalName=Test";
    assert_eq!(office.ask("GET", path, None).1, read(&examples.join("postman-get-credential.response.json")));

    let error = read(&examples.join("error-post-body-parse.response.json"));
    let wrong = json!({"externalCredential": "Test", "principalType": "PerUser", "credentials": {}});
    let (status, answer) = office.ask("POST", "/named-credentials/credential", Some(&wrong));
    assert_eq!((status, error_code(&answer)), (400, error_code(&error)));
}
