//! Passwords of people: Argon2id (RFC 9106). API keys never come here: they have 256 bits of chance.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use sortie_model::{Secret, Violation};
use sortie_vault::{NoRandomness, Random};

/// 64 MiB, three passes, one lane: RFC 9106, section 4, second choice, with the memory of a machine that does something else too in mind. Stored with every
/// hash, so that they can be raised later.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// RFC 9106, section 3.1: "16 bytes is RECOMMENDED for password hashing".
const SALT_BYTES: usize = 16;

/// 12: long enough that 10 guesses in 15 minutes find nothing that is not in everybody's list.
const MIN_CHARACTERS: usize = 12;
/// 1,024: longer than any pass phrase.
const MAX_BYTES: usize = 1024;

/// What is compared where there is no such user, so that nobody learns it from the time: of the same parameters, and of no password.
const NOBODY: &str = "$argon2id$v=19$m=65536,t=3,p=1$c29ydGllLW5vYm9keS0wMA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks a password that is to be stored. What it is made of is nobody's business; how long it is, is.
///
/// # Errors
/// A [`Violation`] of `password`, which never holds it.
pub(crate) fn check(password: &Secret) -> Result<(), Violation> {
    let text = password.expose();
    if text.chars().count() < MIN_CHARACTERS {
        return Err(Violation::new("password", "password_length", "must be at least 12 characters long"));
    }
    if text.len() > MAX_BYTES {
        return Err(Violation::new("password", "password_length", "must be at most 1,024 bytes long"));
    }
    if text.chars().any(char::is_control) {
        return Err(Violation::new("password", "password_format", "must not hold control characters"));
    }
    Ok(())
}

/// Hashes a password that was checked, as PHC text. Takes some 0.1 s and 64 MiB.
pub(crate) fn hash(password: &Secret, random: Random) -> Result<String, NoRandomness> {
    let mut salt = [0; SALT_BYTES];
    random(&mut salt)?;
    let hash = argon2().hash_password_with_salt(password.expose().as_bytes(), &salt).expect("the parameters and the salt are right");
    Ok(hash.to_string())
}

/// Whether this is the password. Without a hash it takes as long, and never is. Takes some 0.1 s and 64 MiB.
pub(crate) fn is_right(password: &Secret, hash: Option<&str>) -> bool {
    let stored = hash.unwrap_or(NOBODY);
    // A text that is no hash is not the user's fault, and no way in.
    let is_right = PasswordHash::new(stored).is_ok_and(|stored| argon2().verify_password(password.expose().as_bytes(), &stored).is_ok());
    is_right && hash.is_some()
}

fn argon2() -> Argon2<'static> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within the limits of the algorithm");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_vault::operating_system_random;

    use super::*;

    #[test]
    fn a_password_is_right_or_it_is_not() {
        let password = Secret::new("SECRET-correct horse");
        let stored = hash(&password, operating_system_random).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{stored}");
        assert!(is_right(&password, Some(&stored)));
        assert!(!is_right(&Secret::new("SECRET-correct horsf"), Some(&stored)));
        assert!(!is_right(&password, Some("not a hash")));
        assert_ne!(stored, hash(&password, operating_system_random).unwrap(), "every hash has its own salt");
    }

    #[test]
    fn the_parameters_are_those_of_the_row() {
        // By the reference implementation in C, through Python's argon2-cffi 25.1: t=2, m=8192, p=1, salt `somesalt`.
        let stored = "$argon2id$v=19$m=8192,t=2,p=1$c29tZXNhbHQ$h2BTCjSo3rDOlXc8SEXaMOzTpeGo3ZogkODNdV+Ap6s";
        assert!(is_right(&Secret::new("SECRET-correct horse"), Some(stored)));
    }

    #[test]
    fn nobody_has_a_password_and_it_is_looked_for_all_the_same() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!is_right(&Secret::new(""), None));
        assert!(!is_right(&Secret::new("SECRET-correct horse"), None));
    }

    #[test]
    fn length_is_all_that_is_asked_of_a_password() {
        assert!(check(&Secret::new("aaaaaaaaaaaa")).is_ok());
        assert!(check(&Secret::new("ääääääääääää 😀")).is_ok());
        for (text, rule) in
            [("short", "password_length"), (&"x".repeat(1_025), "password_length"), ("SECRET-with\nline", "password_format")]
        {
            let refused = check(&Secret::new(text)).unwrap_err();
            assert_eq!(refused.rule, rule);
            assert!(!refused.to_string().contains("SECRET"));
        }
    }
}
