//! What one person sees of external credentials: those that they may use, and how far each is for them.

mod list;

pub use list::{LoginState, PersonalCredential, PersonalPrincipal, PersonalValue, list};
