//! The hosted pages, one file each: sign-in, account choice, consent, sign-out.

mod signed_in;

pub mod accounts;
pub mod consent;
pub mod email;
pub mod enrol;
pub mod factor;
pub mod home;
pub mod passkey;
pub mod resume;
pub mod sign_in;
pub mod sign_out;
