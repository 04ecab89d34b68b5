//! Keys of the management API: `bwk_`, the key's id, and a secret that is kept only as a MAC.

use bailiwick_domain::{ApiKeyId, Env, Timestamp};
use bailiwick_store::api_keys::ApiKey;
use bailiwick_store::vault::{Label, TenantVault};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What every key starts with, so that scanners of leaked secrets know it.
pub const PREFIX: &str = "bwk_";
/// The role that may manage every tenant. Only keys of the `system` tenant have it.
pub const OPERATOR: &str = "operator";

/// The length of a key as text: prefix, 32 hexadecimal digits, `_`, 32 bytes as base64url.
const LENGTH: usize = 4 + 32 + 1 + 43;

/// A key as somebody presents it. It says which row to look at; nothing is proven yet.
pub struct Presented {
    /// The row.
    pub id: ApiKeyId,
    secret: Zeroizing<[u8; 32]>,
}

/// Makes a key: its text, which is shown once, and the row to store.
#[must_use]
pub fn create(
    vault: &TenantVault,
    env: &Env,
    name: &str,
    roles: &[&str],
) -> (SecretString, ApiKey) {
    let (id, secret) = (env.id::<ApiKeyId>(), Zeroizing::new(env.bytes::<32>()));
    let text = format!("{PREFIX}{}_{}", id.0.simple(), URL_SAFE_NO_PAD.encode(*secret));
    let row = ApiKey {
        id,
        name: name.to_owned(),
        mac: vault.mac(Label::ApiKey, &*secret),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        expires_at: None,
    };
    (text.into(), row)
}

/// Reads the text of a key; `None` for anything that is not spelled exactly like one.
#[must_use]
pub fn parse(text: &str) -> Option<Presented> {
    if text.len() != LENGTH {
        return None;
    }
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let digits = id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let id = Uuid::try_parse(id).ok().filter(|_| digits)?;
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(secret).ok()?);
    let secret = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).ok()?);
    Some(Presented { id: ApiKeyId(id), secret })
}

impl Presented {
    /// Whether it is the key of this row, and works at `now`. The row must be the one of
    /// [`Presented::id`], not revoked, and `vault` its tenant's.
    #[must_use]
    pub fn opens(&self, vault: &TenantVault, row: &ApiKey, now: Timestamp) -> bool {
        let alive = row.expires_at.is_none_or(|at| at > now);
        row.id == self.id && vault.verify(Label::ApiKey, &*self.secret, &row.mac) && alive
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str =
        "bwk_000000000000000000000000000000ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn one_spelling_for_one_key() {
        let key = parse(KEY).expect("a key");
        assert_eq!(key.id, ApiKeyId(Uuid::from_u128(0xab)));
        assert_eq!(*key.secret, [0; 32]);
        for wrong in [
            "",
            "bwk_",
            &KEY[1..],
            &format!("{KEY}A"),
            &KEY.replace("bwk_", "bwk-"),
            &KEY.replace("ab_", "AB_"),
            &KEY.replace("ab_A", "ab-A"),
            // 43 characters of base64url hold two bits too many: they must be zero.
            &format!("{}B", &KEY[..KEY.len() - 1]),
            &format!("{}=", &KEY[..KEY.len() - 1]),
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn reading_is_total(text in "\\PC{0,100}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_near_a_key_is_read_or_refused(at in 0..LENGTH, put in any::<char>()) {
            let text: String =
                KEY.chars().enumerate().map(|(i, c)| if i == at { put } else { c }).collect();
            if let Some(key) = parse(&text) {
                let back = format!(
                    "{PREFIX}{}_{}", key.id.0.simple(), URL_SAFE_NO_PAD.encode(*key.secret)
                );
                prop_assert_eq!(back, text);
            }
        }
    }
}
