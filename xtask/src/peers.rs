//! Installs the servers that the tests talk to, as far as they are missing: Debian's packages, npm's, Python's and one of Rust's.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Failure, cargo, during, is_installed, output, root, run};

/// A Debian package, and how we see that it is there already.
struct Package {
    name: &'static str,
    is_there: fn() -> bool,
    wanted_for: &'static str,
}

const PACKAGES: &[Package] = &[
    Package { name: "openssl", is_there: || is_installed("openssl"), wanted_for: "keys and certificates that nobody here wrote" },
    Package { name: "nginx-light", is_there: || is_installed("nginx"), wanted_for: "an upstream that nobody here wrote" },
    Package {
        name: "postgresql",
        is_there: || crate::test::postgres_programs().is_some() && is_installed("psql"),
        wanted_for: "the store on its second database",
    },
    Package { name: "chromium", is_there: || is_installed("chromium"), wanted_for: "a real browser for the console" },
    Package { name: "chromium-driver", is_there: || is_installed("chromedriver"), wanted_for: "what drives it" },
    Package { name: "python3-pip", is_there: has_pip, wanted_for: "a token server with the JWT bearer grant" },
];

/// Installs what is missing and says so before it does.
pub(crate) fn install() -> Result<(), Failure> {
    install_debian_packages()?;
    install_npm_packages()?;
    install_python_packages()?;
    install_rust_programs()
}

fn install_debian_packages() -> Result<(), Failure> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !(package.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if !is_installed("apt-get") {
        return Err(Failure::new(format!(
            "the tests need {}, and this is no Debian: please install what these packages hold",
            names.join(", ")
        )));
    }
    println!("Installing Debian packages (Debian starts them as services too; the tests use their own copies on random ports):");
    for Package { name, wanted_for, is_there: _ } in &missing {
        println!("  {name}: {wanted_for}");
    }
    run(administrator()?.args(["apt-get", "update", "-qq"]))?;
    run(administrator()?.args(["apt-get", "install", "-qq", "-y", "--no-install-recommends"]).args(names))
}

/// `env` as root: directly, or through sudo, which asks for a password if it has to.
fn administrator() -> Result<Command, Failure> {
    let mut command = if is_root()? { Command::new("env") } else { Command::new("sudo") };
    command.arg("DEBIAN_FRONTEND=noninteractive");
    Ok(command)
}

/// Whether we are root, who may install, and as whom PostgreSQL refuses to run.
pub(crate) fn is_root() -> Result<bool, Failure> {
    Ok(output(Command::new("id").arg("-u"))?.trim_ascii() == b"0")
}

fn install_npm_packages() -> Result<(), Failure> {
    let directory = root().join("xtask/peers");
    let (wanted, installed) = (directory.join("package-lock.json"), directory.join("node_modules/.installed-lock.json"));
    if is_same(&wanted, &installed) {
        return Ok(());
    }
    if !is_installed("npm") {
        return Err(Failure::new("the tests need Node 20 or later with npm: please install it (https://nodejs.org)"));
    }
    println!(
        "Installing npm packages into {} (oidc-provider: a token server that nobody here wrote; typescript: for an example):",
        directory.display()
    );
    run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&directory))?;
    fs::copy(&wanted, &installed).map_err(during("cannot note what was installed"))?;
    Ok(())
}

fn has_pip() -> bool {
    output(Command::new("python3").args(["-m", "pip", "--version"])).is_ok()
}

/// Into a directory of ours: the machine's own Python stays as it is.
fn install_python_packages() -> Result<(), Failure> {
    let peers = root().join("xtask/peers");
    let (wanted, directory) = (peers.join("requirements.txt"), peers.join("python"));
    let installed = directory.join(".installed-requirements.txt");
    if is_same(&wanted, &installed) {
        return Ok(());
    }
    println!(
        "Installing Python packages into {} (Authlib, cryptography, awscrt, moto, boto3, iam-rolesanywhere-session, Schemathesis: servers, judges and clients that nobody here wrote):",
        directory.display()
    );
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(during("cannot remove the Python packages of before"))?;
    }
    let options = [
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--no-compile",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ];
    run(Command::new("python3").args(["-m", "pip", "install"]).args(options).arg("--target").arg(&directory).arg("-r").arg(&wanted))?;
    fs::copy(&wanted, &installed).map_err(during("cannot note what was installed"))?;
    Ok(())
}

/// The S3 server that verifies signatures. A program and no dependency: what it is made of stays out of our lock file, our lints and our crypto stack, and is built once
/// for each version, with the lock file of its own package.
const S3S_FS: (&str, &str) = ("s3s-fs", "0.14.1");

fn install_rust_programs() -> Result<(), Failure> {
    let (name, version) = S3S_FS;
    let directory = root().join("xtask/peers/rust");
    let noted = fs::read_to_string(directory.join(".crates.toml")).unwrap_or_default();
    if noted.contains(&format!("\"{name} {version} ")) && directory.join("bin").join(name).is_file() {
        return Ok(());
    }
    println!("Building {name} {version} into {} (an S3 server that nobody here wrote; two minutes on two cores):", directory.display());
    let package = format!("{name}@{version}");
    // Unoptimised: it hashes 15 MB/s so, which is enough, and an optimised build takes three times as long.
    let options = ["install", "--quiet", "--locked", "--debug", "--config", "profile.dev.debug=false", "--features", "binary", "--root"];
    run(cargo().args(options).arg(&directory).arg(&package))
}

fn is_same(wanted: &Path, installed: &Path) -> bool {
    fs::read(wanted).is_ok_and(|wanted| fs::read(installed).is_ok_and(|installed| installed == wanted))
}
