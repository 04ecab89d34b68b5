//! Refresh tokens: their form, and what to do with one that is not the current one.
//!
//! A family is one row; a token is the family's id, a generation, and a MAC over both under a key
//! of the tenant. So a token can be checked before anything is read, and rotation is one
//! conditional update (`... SET generation = generation + 1 WHERE generation = presented`).

use std::time::Duration;

use bailiwick_domain::{FamilyId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What every refresh token begins with, so that scanners for leaked secrets can find it.
pub const PREFIX: &str = "bwr_";
const VERSION: u8 = 1;
const INPUT: usize = 1 + 16 + 8;
const MAC: usize = 32;

/// A refresh token taken apart. Its MAC is still to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The family.
    pub family: FamilyId,
    /// Counts the rotations of the family.
    pub generation: u64,
    /// Over [`mac_input`], under a key of the tenant.
    pub mac: [u8; MAC],
}

/// What the MAC of a token is over.
#[must_use]
pub fn mac_input(family: FamilyId, generation: u64) -> [u8; INPUT] {
    let mut out = [0; INPUT];
    let (version, rest) = out.split_at_mut(1);
    let (id, count) = rest.split_at_mut(16);
    version.copy_from_slice(&[VERSION]);
    id.copy_from_slice(family.0.as_bytes());
    count.copy_from_slice(&generation.to_be_bytes());
    out
}

/// The token of this family and generation.
#[must_use]
pub fn encode(family: FamilyId, generation: u64, mac: &[u8; MAC]) -> String {
    let mut bytes = [0; INPUT + MAC];
    let (input, tag) = bytes.split_at_mut(INPUT);
    input.copy_from_slice(&mac_input(family, generation));
    tag.copy_from_slice(mac);
    let mut out = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
    out.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut out);
    out
}

/// Takes a token apart; `None` when it is not one.
#[must_use]
pub fn parse(token: &str) -> Option<Presented> {
    let text = token.strip_prefix(PREFIX)?;
    let mut bytes = [0; INPUT + MAC];
    // Refuses longer texts, other alphabets, padding and stray bits: one spelling for one token.
    let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (count, mac) = rest.split_first_chunk::<8>()?;
    if len != bytes.len() || *version != VERSION {
        return None;
    }
    Some(Presented {
        family: FamilyId(Uuid::from_bytes(*id)),
        generation: u64::from_be_bytes(*count),
        mac: mac.try_into().ok()?,
    })
}

/// The row of a family as it was read after a rotation was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyState {
    /// The generation of the current token.
    pub generation: u64,
    /// When it became current.
    pub rotated_at: Timestamp,
    /// The family, its grant, its user or its application is gone.
    pub revoked: bool,
    /// The family is past its lifetime.
    pub expired: bool,
    /// It belongs to the application that presents the token.
    pub same_client: bool,
}

/// What to do with a genuine refresh token that could not be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The answer to the last rotation was probably lost: give the same successor again, and
    /// audit it.
    RepeatSuccessor {
        /// The generation of the successor.
        generation: u64,
    },
    /// Somebody has a copy (RFC 9700 4.14.2): revoke the family and everything it gave.
    Reuse,
    /// `invalid_grant`, and nothing else happens.
    Refused,
}

/// Judges a token whose rotation found no row of its generation.
///
/// A family that is dead stays so. Another application's token is only refused, as with codes:
/// its owner did nothing wrong. The previous token gives its successor again within the grace; as
/// soon as the successor is used it is no longer the previous one. Whatever else is reuse.
#[must_use]
pub fn judge(presented: u64, row: &FamilyState, grace: Duration, now: Timestamp) -> Judgement {
    if row.revoked || row.expired || !row.same_client {
        return Judgement::Refused;
    }
    // Current after all: the rotation was refused for another reason, such as a locked user.
    if presented == row.generation {
        return Judgement::Refused;
    }
    let is_previous = presented.checked_add(1) == Some(row.generation);
    if is_previous && now.since(row.rotated_at) < grace {
        return Judgement::RepeatSuccessor { generation: row.generation };
    }
    Judgement::Reuse
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAMILY: FamilyId = FamilyId(Uuid::from_u128(0x0102_0304));

    #[test]
    fn has_one_spelling() {
        let token = encode(FAMILY, 7, &[9; 32]);
        assert_eq!(token.len(), 80);
        assert!(token.starts_with(PREFIX));
        assert_eq!(parse(&token), Some(Presented { family: FAMILY, generation: 7, mac: [9; 32] }));
        let body = token.strip_prefix(PREFIX).expect("the prefix");
        let version_2 = format!("{PREFIX}{}", body.replacen('A', "C", 1));
        for wrong in [
            "",
            PREFIX,
            body,
            &token.to_uppercase(),
            &format!("{token}A"),
            &format!("{token}="),
            &token[..token.len() - 1],
            &token[..token.len() - 4],
            &version_2,
            &format!(" {token}"),
            &"x".repeat(100_000),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_mac_covers_everything_else() {
        let other = FamilyId(Uuid::from_u128(5));
        assert_ne!(mac_input(FAMILY, 1), mac_input(FAMILY, 2));
        assert_ne!(mac_input(FAMILY, 1), mac_input(other, 1));
        assert_eq!(mac_input(FAMILY, 1)[0], VERSION);
    }

    /// Every combination, against the sentences of the decision written out a second time.
    #[test]
    fn every_judgement() {
        let rotated_at = Timestamp::from_secs(1_000);
        for generation in 0..5_u64 {
            for presented in [0, 1, 2, 3, 4, 5, u64::MAX] {
                for bits in 0..8_u8 {
                    for grace in [0, 10_u64] {
                        for age in [-1_i64, 0, 9, 10, 11] {
                            let row = FamilyState {
                                generation,
                                rotated_at,
                                revoked: bits & 1 != 0,
                                expired: bits & 2 != 0,
                                same_client: bits & 4 != 0,
                            };
                            let now = Timestamp::from_secs(1_000 + age);
                            let dead = bits & 3 != 0 || bits & 4 == 0;
                            let in_grace = grace == 10 && age < 10;
                            let expected = if dead || presented == generation {
                                Judgement::Refused
                            } else if generation > 0 && presented == generation - 1 && in_grace {
                                Judgement::RepeatSuccessor { generation }
                            } else {
                                Judgement::Reuse
                            };
                            let got = judge(presented, &row, Duration::from_secs(grace), now);
                            assert_eq!(got, expected, "{presented} {row:?} {grace} {age}");
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn round_trips(id in any::<u128>(), generation in any::<u64>(), mac in any::<[u8; 32]>()) {
            let family = FamilyId(Uuid::from_u128(id));
            let parsed = parse(&encode(family, generation, &mac));
            prop_assert_eq!(parsed, Some(Presented { family, generation, mac }));
        }

        #[test]
        fn never_panics(text in "(bwr_)?[A-Za-z0-9_-]{0,100}|\\PC{0,90}") {
            if let Some(p) = parse(&text) {
                prop_assert_eq!(encode(p.family, p.generation, &p.mac), text);
            }
        }
    }
}
