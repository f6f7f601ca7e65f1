//! What is shipped: the whole program optimised at once, after a program that counts what it does has shown a training load what is done often.
//!
//! | below the target directory | is |
//! |---|---|
//! | `trained/counting/` | cargo's, for the program that counts |
//! | `trained/counts/` | what it counted |
//! | `trained/<of what>.profdata` | the same, merged |
//! | `trained/shipped/` | cargo's, for the program that is shipped |
//! | `dist/sortie` | the program |
//!
//! The directories are their own because other compiler flags compile every crate anew. Libraries in C are built as always: their compiler cannot read these counts.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::train;
use crate::process::{Failure, cargo, during, output, root, run};

/// What says how the program is trained.
const LOAD: [&str; 4] =
    [include_str!("bench/training.rs"), include_str!("bench/case.rs"), include_str!("bench/sortie.rs"), include_str!("bench/nginx.rs")];

/// Names of functions stay: the trace of a panic and a profile can be read, and `bench gateway` tells by them what is whose.
const WITH_NAMES: &str = "-Cstrip=debuginfo";

/// Builds the program and says where it is. What is built already from the same sources, and trained by the same load, is not built again.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let compiler = Compiler::ask()?;
    let merger = compiler.merger()?;
    // Cargo puts each profile into a directory of its own, side by side.
    let ourselves = std::env::current_exe().map_err(during("cannot find where cargo builds"))?;
    let target = ourselves.parent().and_then(Path::parent).ok_or_else(|| Failure::new("cargo builds at no place"))?;
    let trained = target.join("trained");
    let counts = trained.join("counts");

    let counting = compiler.build(&trained.join("counting"), &[&flag("-Cprofile-generate=", &counts)])?;
    let merged = trained.join(format!("{:016x}.profdata", fingerprint(&counting)?));
    if !merged.is_file() {
        forget(&trained)?;
        println!("Training {}:", counting.display());
        train(&counting)?;
        run(Command::new(&merger).args(["merge", "-o"]).args([&merged, &counts]))?;
    }
    let whole = [&flag("-Cprofile-use=", &merged), OsStr::new("-Cembed-bitcode=yes"), OsStr::new("-Clto=fat"), OsStr::new(WITH_NAMES)];
    let shipped = compiler.build(&trained.join("shipped"), &whole)?;
    let program = target.join("dist").join("sortie");
    fs::create_dir_all(target.join("dist")).and_then(|()| fs::copy(&shipped, &program)).map_err(during("cannot copy the program"))?;
    println!("built {}", program.display());
    Ok(program)
}

/// The compiler that cargo uses.
struct Compiler {
    /// `x86_64-unknown-linux-gnu`
    host: String,
    /// `22`
    llvm: String,
}

impl Compiler {
    fn ask() -> Result<Self, Failure> {
        let said = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
        let (host, llvm) = (line("host:"), line("LLVM version:").and_then(major));
        let (Some(host), Some(llvm)) = (host, llvm) else {
            return Err(Failure::new(format!("`rustc -vV` does not name host and LLVM:\n{said}")));
        };
        Ok(Self { host: host.to_owned(), llvm: llvm.to_owned() })
    }

    /// An `llvm-profdata` of the compiler's own LLVM: others may not know the format of the counts.
    fn merger(&self) -> Result<OsString, Failure> {
        let Self { host, llvm } = self;
        let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
        let component = Path::new(String::from_utf8_lossy(&sysroot).trim()).join("lib/rustlib").join(host).join("bin/llvm-profdata");
        let places = [component.into_os_string(), format!("llvm-profdata-{llvm}").into(), "llvm-profdata".into()];
        let fits = |program: &OsString| {
            let shown = Command::new(program).arg("--version").output();
            shown.is_ok_and(|shown| version(&String::from_utf8_lossy(&shown.stdout)) == Some(llvm))
        };
        places.into_iter().find(fits).ok_or_else(|| {
            Failure::new(format!(
                "`llvm-profdata` of LLVM {llvm} is needed, which this compiler is built with: please `rustup component add llvm-tools`, or install Debian's \
                 package `llvm-{llvm}`. `cargo build --profile dist --package sortie-cli` does without, and what it builds is slower"
            ))
        })
    }

    /// Builds the program with more flags for the compiler; says where it is. With a named target they are not for what runs while building.
    ///
    /// All that cargo knows of a build but these flags is part of the names of functions, and counts under other names are passed over without a word. So for cargo, what
    /// counts and what is shipped are built alike, without optimisation over crates, which would take what counts minutes more to link; what is shipped has it from its flags.
    fn build(&self, directory: &Path, more: &[&OsStr]) -> Result<PathBuf, Failure> {
        let mut build = cargo();
        build.args(["build", "--locked", "--profile", "dist", "--config", "profile.dist.lto='off'", "--package", "sortie-cli"]);
        build.args(["--target", &self.host, "--target-dir"]).arg(directory);
        println!("With {}:", more.join(OsStr::new(" ")).display());
        run(build.env("CARGO_ENCODED_RUSTFLAGS", flags(more)))?;
        Ok(directory.join(&self.host).join("dist").join("sortie"))
    }
}

/// The flags that the environment asks for, and these.
fn flags(more: &[&OsStr]) -> OsString {
    let (encoded, plain) = (std::env::var_os("CARGO_ENCODED_RUSTFLAGS"), std::env::var("RUSTFLAGS"));
    let given = encoded.unwrap_or_else(|| plain.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join("\x1f").into());
    let given = (!given.is_empty()).then_some(given.as_os_str());
    given.into_iter().chain(more.iter().copied()).collect::<Vec<_>>().join(OsStr::new("\x1f"))
}

fn flag(start: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(start);
    flag.push(path);
    flag
}

/// `22` of `22.1.2`.
fn major(version: &str) -> Option<&str> {
    version.trim().split('.').next()
}

/// `22` of the line `  Debian LLVM version 22.1.2` among others.
fn version(shown: &str) -> Option<&str> {
    shown.lines().find_map(|line| line.split_once("LLVM version ")).and_then(|(_, version)| major(version))
}

/// One number for the program that counts and the load that is put on it.
fn fingerprint(counting: &Path) -> Result<u64, Failure> {
    let program = fs::read(counting).map_err(during(&format!("cannot read {}", counting.display())))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&program);
    LOAD.iter().for_each(|text| hasher.write(text.as_bytes()));
    Ok(hasher.finish())
}

/// Removes the counts of an earlier training and all that was built with them, which no later build takes up again.
fn forget(trained: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(trained).map_err(during("cannot list what was trained before"))?.flatten() {
        let path = entry.path();
        let removed = if entry.file_name() == "counting" {
            Ok(())
        } else if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(during(&format!("cannot remove {}", path.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_llvm_are_told_apart() {
        assert_eq!(version("Debian LLVM version 22.1.2\n  Optimized build.\n"), Some("22"));
        assert_eq!(version("LLVM (http://llvm.org/):\n  LLVM version 14.0.6\n"), Some("14"));
        assert_eq!(version("something else"), None);
    }
}
