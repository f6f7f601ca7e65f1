//! `cargo xtask arrows`: the house stays as it was drawn.
//!
//! Three rules: a room knows only the rooms that the table allows; some outside crates are for some rooms only; a few
//! outside crates are for nobody.

mod metadata;
mod table;

use crate::process::{Failure, cargo, during, output};
use metadata::{Dependency, Kind, Metadata, Package};
use table::{BANS, Ban, RESTRICTIONS, ROOMS, Restriction, Room, Rooms, TESTKIT, XTASK};

/// Asks cargo what depends on what and refuses what breaks a rule, all of it at once.
pub(crate) fn check() -> Result<(), Failure> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Metadata = serde_json::from_slice(&metadata).map_err(during("cannot read `cargo metadata`"))?;
    let mut refusals = refuse_arrows(&metadata);
    refusals.extend(refuse_bans(&shipped_tree()?));
    if refusals.is_empty() {
        println!("arrows: {} crates depend only on what they may", metadata.workspace_members.len());
        return Ok(());
    }
    Err(Failure::new(format!("{}\n\nThe table is xtask/src/arrows/table.rs.", refusals.join("\n"))))
}

fn refuse_arrows(metadata: &Metadata) -> Vec<String> {
    let mut refusals = Vec::new();
    for package in metadata.members() {
        let room = package.name.strip_prefix("sortie-").unwrap_or(&package.name);
        if room == XTASK {
            continue;
        }
        if room != TESTKIT && find(room).is_none() {
            refusals.push(format!("`{}` is not in the table of arrows: give it a place there, and say what it holds.", package.name));
            continue;
        }
        refusals.extend(package.dependencies.iter().filter_map(|dependency| refuse_arrow(room, dependency)));
        refusals.extend(refuse_outside_crates(room, package));
    }
    refusals
}

// === Arrows between rooms ===

fn refuse_arrow(room: &str, dependency: &Dependency) -> Option<String> {
    let from = format!("`sortie-{room}` must not depend on `{}`", dependency.name);
    if dependency.name == XTASK {
        return Some(format!("{from}: the chores stand outside of the house."));
    }
    let other = dependency.name.strip_prefix("sortie-")?;
    if other == TESTKIT {
        return (dependency.kind != Some(Kind::Dev)).then(|| format!("{from} except as a dev-dependency: what ships knows no test."));
    }
    let Some(wanted) = find(other) else {
        return None; /* Not a member: an outside crate that happens to be called so. */
    };
    if room == TESTKIT {
        return (other == "cli").then(|| format!("{from}: the binary's own tests start the binary."));
    }
    let room = find(room)?;
    if reaches(room, wanted.name) {
        return None;
    }
    let belongs = ROOMS.iter().find(|candidate| reaches(candidate, room.name) && reaches(candidate, wanted.name));
    let belongs = belongs.map_or("a room of its own", |candidate| candidate.name);
    Some(format!(
        "{from}: `{}` holds {}, `{other}` holds {}. Code that needs both belongs in `{belongs}`.",
        room.name, room.holds, wanted.holds
    ))
}

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// Whether the room is `other` or may know it.
fn reaches(room: &Room, other: &str) -> bool {
    room.name == other || room.knows.iter().filter_map(|next| find(next)).any(|next| reaches(next, other))
}

// === Outside crates for some rooms only ===

fn refuse_outside_crates(room: &str, package: &Package) -> Vec<String> {
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != Some(Kind::Dev));
    shipped
        .flat_map(|dependency| RESTRICTIONS.iter().map(move |restriction| (dependency, restriction)))
        .filter(|(dependency, Restriction { crates, rooms, belongs: _ })| {
            let may = match rooms {
                Rooms::Only(rooms) => rooms.contains(&room),
                Rooms::AllBut(rooms) => !rooms.contains(&room),
            };
            crates.contains(&dependency.name.as_str()) && !may
        })
        .map(|(dependency, restriction)| format!("`{}` must not depend on `{}`. {}", package.name, dependency.name, restriction.belongs))
        .collect()
}

// === Outside crates for nobody ===

/// Everything that ships, on every platform, each line as `<depth><name> v<version> …`. `cargo metadata` would not do: its
/// graph holds what an unused optional feature would bring (rustls-webpki's `ring`).
fn shipped_tree() -> Result<String, Failure> {
    let workspace = ["tree", "--locked", "--workspace", "--exclude", XTASK, "--exclude", "sortie-testkit"];
    let tree = output(cargo().args(workspace).args(["--edges", "normal,build", "--target", "all", "--prefix", "depth"]))?;
    String::from_utf8(tree).map_err(during("cannot read `cargo tree`"))
}

/// Each banned crate once, with the way it got in.
fn refuse_bans(tree: &str) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut way: Vec<&str> = Vec::new();
    let mut left: Vec<&Ban> = BANS.iter().collect();
    for line in tree.lines() {
        let name = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let Ok(depth) = line[..line.len() - name.len()].parse::<usize>() else { continue };
        let name = name.split(' ').next().unwrap_or_default();
        way.truncate(depth);
        way.push(name);
        if let Some(found) = left.iter().position(|ban| ban.name == name) {
            let ban = left.remove(found);
            refusals.push(format!("`{name}` is banned: {}. It comes by {}.", ban.instead, way.join(" > ")));
        }
    }
    refusals
}

#[cfg(test)]
mod tests;
