//! IAM Roles Anywhere: certificates of the house, judged by `cryptography` and OpenSSL, and signed with once more by PyPI's `iam-rolesanywhere-session`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sortie_model::{ApiName, SecretBytes};
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, ImportTarget, NewCertificate};
use sortie_testkit::peers::{AwsJudge, Moto};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::aws::{add, verdict};
use crate::support::{Credential, Stage};

/// Makes keys and certificates with OpenSSL: a root, one in the middle, and a leaf of each kind.
fn certificates(at: &Path) {
    std::fs::write(at.join("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n").unwrap();
    std::fs::write(at.join("leaf.ext"), "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n").unwrap();
    for arguments in [
        "req -x509 -newkey rsa:2048 -noenc -keyout root.key -out root.pem -days 30 -subj /CN=Root",
        "req -newkey rsa:2048 -noenc -keyout middle.key -out middle.csr -subj /CN=Middle",
        "x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 20 -extfile ca.ext -out middle.pem",
        "req -newkey rsa:2048 -noenc -keyout rsa.key -out rsa.csr -subj /CN=Rsa",
        "x509 -req -in rsa.csr -CA root.pem -CAkey root.key -days 10 -extfile leaf.ext -out rsa.pem",
        "x509 -req -in rsa.csr -CA middle.pem -CAkey middle.key -days 10 -extfile leaf.ext -out below.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout ec.key -out ec.csr -subj /CN=Ec",
        "x509 -req -in ec.csr -CA middle.pem -CAkey middle.key -days 10 -extfile leaf.ext -out ec.pem",
        "req -x509 -newkey rsa:2048 -noenc -keyout other.key -out other.pem -days 30 -subj /CN=Other",
    ] {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(at).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// One kind of certificate.
struct Kind {
    /// How certificate and named credential are called.
    name: &'static str,
    key: &'static str,
    /// The leaf, and whoever stands between it and the root.
    chain: &'static [&'static str],
    algorithm: &'static str,
}

const RSA: Kind = Kind { name: "Rsa", key: "rsa", chain: &["rsa"], algorithm: "AWS4-X509-RSA-SHA256" };
const BELOW: Kind = Kind { name: "Below", key: "rsa", chain: &["below", "middle"], algorithm: "AWS4-X509-RSA-SHA256" };
const EC: Kind = Kind { name: "Ec", key: "ec", chain: &["ec", "middle"], algorithm: "AWS4-X509-ECDSA-SHA256" };
const OTHER: Kind = Kind { name: "Other", key: "other", chain: &["other"], algorithm: "AWS4-X509-RSA-SHA256" };

/// Imports the certificates, with a name each that exchanges it at `endpoint` and calls `url`.
fn exchange(stage: &Stage, folder: &Path, kinds: &[Kind], endpoint: &str, url: &str) {
    let server = &stage.server;
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let now = server.runtime.block_on(server.house.store().now()).unwrap();
    let manage = Manage::of(&server.house, "operator:tester", now);
    for Kind { name, key, chain, algorithm: _ } in kinds {
        let chain = chain.iter().map(|name| read(&format!("{name}.pem"))).collect::<Vec<_>>().concat();
        let target = ImportTarget::New(NewCertificate::named(ApiName::parse(name).unwrap()));
        let key = SecretBytes::new(read(&format!("{key}.key")));
        server.runtime.block_on(certificate::import(&manage, target, &key, &chain)).unwrap();
        let settings = [
            ("region", "eu-central-1"),
            ("service", "execute-api"),
            ("role_arn", AwsJudge::ROLE),
            ("trust_anchor_arn", "arn:aws:rolesanywhere:eu-west-1:000000000000:trust-anchor/1"),
            ("profile_arn", "arn:aws:rolesanywhere:eu-west-1:000000000000:profile/2"),
            ("signing_certificate", name),
            ("roles_anywhere_endpoint", endpoint),
        ];
        add(stage, &Credential { settings: &settings, ..Credential::new(name, "aws_roles_anywhere") }, url, None);
    }
}

#[test]
fn a_certificate_of_the_house_is_exchanged_for_a_role() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let (judge, stage) = (AwsJudge::start(&std::fs::read_to_string(folder.path().join("root.pem")).unwrap()), Stage::new());
    // Without a path, as for every other service.
    exchange(&stage, folder.path(), &[RSA, BELOW, EC, OTHER], judge.url(), judge.url());
    for Kind { name, key: _, chain, algorithm } in [RSA, BELOW, EC] {
        let judged = verdict(&stage.get(&format!("/callout/{name}/x")));
        assert!(judged["key"].as_str().unwrap().starts_with("ASIA"));
        let session = judge.verdicts().remove(0);
        let expected = (json!(algorithm), json!(chain.len() - 1), json!("eu-west-1"));
        assert_eq!((&session["algorithm"], &session["chain"], &session["region"]), (&expected.0, &expected.1, &expected.2));
    }
    let refused = stage.get("/callout/Other/x");
    assert_eq!(refused.verdict(), (502, Some("token_refused")), "{}", refused.text());
    assert_eq!(judge.verdicts()[0]["message"], "Untrusted certificate");
}

#[test]
fn an_independent_signer_comes_to_the_same_signature() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let (upstream, stage) = (RecordingUpstream::start(|_| Reply::new(403)), Stage::new());
    exchange(&stage, folder.path(), &[RSA, BELOW, EC], &upstream.url(), &upstream.url());
    let file = |name: &str| folder.path().join(name).display().to_string();
    for (at, Kind { name, key, chain, algorithm }) in [RSA, BELOW, EC].into_iter().enumerate() {
        assert_eq!(stage.get(&format!("/callout/{name}/x")).verdict(), (502, Some("token_refused")));
        let asked = upstream.requests().remove(at);
        assert_eq!(asked.target(), "/sessions");
        let headers: Vec<_> = asked.header_lines.iter().filter_map(|line| line.split_once(": ")).collect();
        let request =
            json!({ "url": format!("{}/sessions", upstream.url()), "headers": headers, "body": String::from_utf8_lossy(&asked.body) });
        let above = chain.get(1).map_or(String::new(), |name| file(&format!("{name}.pem")));
        let leaf = file(&format!("{}.pem", chain[0]));
        let arguments = [request.to_string(), leaf, above, file(&format!("{key}.key"))];
        let theirs = Moto::boto3("roles_anywhere_signer.py", &arguments.each_ref().map(String::as_str));
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        for header in ["host", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"] {
            assert_eq!(asked.header(header), theirs["headers"][header].as_str(), "{name}: {header}");
        }
        let (ours, theirs_signed) = (asked.header("authorization").unwrap(), theirs["headers"]["authorization"].as_str().unwrap());
        assert!(ours.starts_with(&format!("{algorithm} Credential=")), "{ours}");
        // PKCS #1 v1.5 is deterministic: the whole header is the same. ECDSA is not: all but the signature is, and ours is good under their string to sign.
        let compared = |text: &str| if key == "ec" { text.split_once("Signature=").unwrap().0.to_owned() } else { text.to_owned() };
        assert_eq!(compared(ours), compared(theirs_signed), "{}", theirs["canonical"]);
        assert_eq!(theirs["good"], true, "{}", theirs["canonical"]);
    }
}
