//! What a stored password may be: a hash of ours, or one that another system exported.
//!
//! A hash says itself what verifying it costs, and somebody else may have written it. What takes
//! more than about half a second or 128 MiB is no hash here, neither when it comes in nor when it
//! is verified.

use std::num::NonZeroU32;

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{constant_time, pbkdf2};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What a text that is no hash should have been.
pub const ACCEPTED: &str = "must be a hash whose cost is bounded: Argon2, scrypt or PBKDF2 in PHC \
     form ($argon2id$..., $scrypt$..., $pbkdf2-sha256$..., $pbkdf2-sha512$...), bcrypt ($2b$...), \
     Django's pbkdf2_sha256$... or Firebase's $fbscrypt$...";

/// The longest text, in bytes: Firebase's, with its signer key, has about 300.
const MAX_TEXT: usize = 512;
/// The least bytes of a derived key: fewer would let other passwords in.
const MIN_KEY: usize = 16;
/// bcrypt looks at no more of a password.
const BCRYPT_BYTES: usize = 72;
/// The dearest bcrypt, as the logarithm of its rounds.
const MAX_BCRYPT: u32 = 13;
/// The dearest scrypt, as N * r * p: 128 bytes times N * r are its memory.
const MAX_SCRYPT: u64 = 1 << 20;
/// The dearest PBKDF2, in iterations of all blocks of the derived key.
const MAX_PBKDF2: u64 = 2_000_000;

/// Exports are written with padding, PHC strings without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A stored hash, of a format and a cost that we accept.
pub(super) enum Stored<'a> {
    /// Ours, or another one in PHC form.
    Argon2(Box<PasswordHash>),
    /// The whole text.
    Bcrypt(&'a str),
    /// RFC 7914.
    Scrypt { cost: scrypt::Params, salt: Vec<u8>, key: Vec<u8> },
    /// Firebase's: scrypt gives the key that the project's signer key is encrypted with.
    Firebase { cost: scrypt::Params, salt: Vec<u8>, signer: Vec<u8>, key: Vec<u8> },
    /// RFC 8018.
    Pbkdf2 { digest: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, key: Vec<u8> },
}

impl<'a> Stored<'a> {
    /// Reads a stored text; `None` when it is no hash, or one that costs too much.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let parts: Vec<&str> = text.split('$').collect();
        match parts.as_slice() {
            ["", "argon2d" | "argon2i" | "argon2id", ..] => argon2(text),
            ["", "2a" | "2b" | "2y", cost, _] => bcrypt(text, cost),
            ["", "scrypt", cost, salt, key] => {
                let [ln, r, p] = members(cost, ["ln", "r", "p"])?;
                Some(Self::Scrypt {
                    cost: scrypt_cost([ln, r, p])?,
                    salt: bytes(salt)?,
                    key: derived(key)?,
                })
            }
            ["", "fbscrypt", cost, salt, key] => firebase(cost, salt, key),
            ["", "pbkdf2-sha256", cost, salt, key] => {
                let [i] = members(cost, ["i"])?;
                pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, i, bytes(salt)?, key)
            }
            ["", "pbkdf2-sha512", cost, salt, key] => {
                let [i] = members(cost, ["i"])?;
                pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, i, bytes(salt)?, key)
            }
            // Django's salt is a text, and used as it stands.
            ["pbkdf2_sha256", i, salt, key] => {
                pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, i, salt.as_bytes().to_vec(), key)
            }
            _ => None,
        }
    }

    /// Whether it was made of this password. Takes as long as the hash says.
    pub(super) fn opens_with(&self, password: &str) -> bool {
        let password = password.as_bytes();
        match self {
            // The stored hash's own parameters count, so that older hashes go on working.
            Self::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Self::Scrypt { cost, salt, key } => {
                let mut ours = vec![0; key.len()];
                scrypt::scrypt(password, salt, cost, &mut ours).is_ok() && same(&ours, key)
            }
            Self::Firebase { cost, salt, signer, key } => {
                encrypted(password, salt, cost, signer).is_some_and(|ours| same(&ours, key))
            }
            Self::Pbkdf2 { digest, iterations, salt, key } => {
                pbkdf2::verify(*digest, *iterations, salt, password, key).is_ok()
            }
        }
    }

    /// Whether every byte of the password counts: what bcrypt does not look at may be mistyped.
    pub(super) fn looks_at_all_of(&self, password: &str) -> bool {
        !matches!(self, Self::Bcrypt(_)) || password.len() <= BCRYPT_BYTES
    }
}

fn argon2(text: &str) -> Option<Stored<'_>> {
    let hash = PasswordHash::new(text).ok().filter(|h| h.hash.is_some())?;
    let cost = Params::try_from(&hash).ok()?;
    // At most 64 MiB, ten passes and 256 MiB in all.
    let work = u64::from(cost.m_cost()) * u64::from(cost.t_cost());
    let bounded = cost.m_cost() <= 65_536 && cost.t_cost() <= 10 && cost.p_cost() <= 4;
    (bounded && work <= 262_144).then(|| Stored::Argon2(Box::new(hash)))
}

fn bcrypt<'a>(text: &'a str, cost: &str) -> Option<Stored<'a>> {
    let _: bcrypt::HashParts = text.parse().ok()?;
    number(cost).filter(|cost| (4..=MAX_BCRYPT).contains(cost)).map(|_| Stored::Bcrypt(text))
}

/// `v=1,n=14,r=8,p=1,ss=...,sk=...`: n is the project's `mem_cost`, r its `rounds`, ss its
/// `base64_salt_separator`, sk its `base64_signer_key`.
fn firebase(cost: &str, salt: &str, key: &str) -> Option<Stored<'static>> {
    let [_, n, r, p, separator, signer] =
        members(cost, ["v", "n", "r", "p", "ss", "sk"]).filter(|found| found[0] == "1")?;
    let (cost, signer, key) = (scrypt_cost([n, r, p])?, derived(signer)?, derived(key)?);
    let salt = [bytes(salt)?, bytes(separator)?].concat();
    (signer.len() == key.len()).then_some(Stored::Firebase { cost, salt, signer, key })
}

fn pbkdf2(
    digest: pbkdf2::Algorithm,
    iterations: &str,
    salt: Vec<u8>,
    key: &str,
) -> Option<Stored<'static>> {
    let (iterations, key) = (NonZeroU32::new(number(iterations)?)?, derived(key)?);
    let block = if digest == pbkdf2::PBKDF2_HMAC_SHA512 { 64 } else { 32 };
    let blocks = u64::try_from(key.len().div_ceil(block)).ok()?;
    (u64::from(iterations.get()) * blocks <= MAX_PBKDF2).then_some(Stored::Pbkdf2 {
        digest,
        iterations,
        salt,
        key,
    })
}

fn scrypt_cost([ln, r, p]: [&str; 3]) -> Option<scrypt::Params> {
    let (ln, r, p) = (number(ln)?, number(r)?, number(p)?);
    let n = 1_u64.checked_shl(ln)?;
    let work = n.checked_mul(u64::from(r))?.checked_mul(u64::from(p))?;
    if work > MAX_SCRYPT {
        return None;
    }
    scrypt::Params::new(u8::try_from(ln).ok()?, r, p).ok()
}

/// The signer key under AES-256-CTR, with a key that scrypt makes of the password.
fn encrypted(
    password: &[u8],
    salt: &[u8],
    cost: &scrypt::Params,
    signer: &[u8],
) -> Option<Vec<u8>> {
    let mut key = [0; 32];
    scrypt::scrypt(password, salt, cost, &mut key).ok()?;
    let cipher = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, &key).ok()?).ok()?;
    let mut out = signer.to_vec();
    // The key is used for this one text, so that a constant vector repeats nothing.
    let from_zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    cipher.less_safe_encrypt(&mut out, from_zero).ok()?;
    Some(out)
}

fn same(ours: &[u8], stored: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(ours, stored).is_ok()
}

/// The values of `a=1,b=2`: these names, in this order, and no others.
fn members<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut given = text.split(',');
    let mut found = [""; N];
    for (value, name) in found.iter_mut().zip(names) {
        *value = given.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    given.next().is_none().then_some(found)
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    BASE64.decode(base64).ok()
}

fn derived(base64: &str) -> Option<Vec<u8>> {
    bytes(base64).filter(|key| key.len() >= MIN_KEY)
}
