//! The deny-list: what was revoked before its tokens ran out.
//!
//! Fed by the change feed and by this node's own commits, read without a lock. Entries are kept in
//! segments by the time of their arrival; adding copies only the newest, small segment, and
//! forgetting drops whole segments.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_domain::{GrantId, SessionId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The longest that an access token can live: an entry is kept this long.
pub(crate) const LONGEST_TOKEN: Duration =
    Duration::from_secs(bailiwick_domain::application::LONGEST_TOKEN as u64);
/// How much time one segment covers.
const SEGMENT: Duration = Duration::from_secs(3_600);
/// A segment with more entries than this is closed early, so that adding stays cheap.
const SEGMENT_ENTRIES: usize = 1_024;

/// What is revoked: the keys of the change feed's topic `revoked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevokedKey {
    /// One access token, by the 16 bytes of its `jti`.
    Jti(u128),
    /// Every token of a grant.
    Grant(GrantId),
    /// Every token bound to a session.
    Session(SessionId),
}

impl RevokedKey {
    /// The key of one of our access tokens, by its `jti`; `None` when it is not ours.
    #[must_use]
    pub fn jti(jti: &str) -> Option<Self> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(jti).ok()?.try_into().ok()?;
        Some(Self::Jti(u128::from_be_bytes(bytes)))
    }

    /// Reads the key of a change: `grant:grt_...`, `session:ses_...`, `jti:...`.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (kind, value) = key.split_once(':')?;
        match kind {
            "jti" => Self::jti(value),
            "grant" => value.parse().ok().map(Self::Grant),
            "session" => value.parse().ok().map(Self::Session),
            _ => None,
        }
    }

    fn id(self) -> (u8, Uuid) {
        match self {
            Self::Jti(n) => (0, Uuid::from_u128(n)),
            Self::Grant(id) => (1, id.0),
            Self::Session(id) => (2, id.0),
        }
    }
}

/// A snapshot of the deny-list.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    opened_at: Timestamp,
    /// When each was revoked.
    entries: Arc<HashMap<(u8, Uuid), Timestamp>>,
}

impl Revocations {
    /// When `key` was revoked, if it was.
    #[must_use]
    pub fn revoked_at(&self, key: RevokedKey) -> Option<Timestamp> {
        let id = key.id();
        self.segments.iter().rev().find_map(|s| s.entries.get(&id).copied())
    }

    /// The list with these added, and without what no living token can be in.
    #[must_use]
    pub(crate) fn with(&self, added: &[(RevokedKey, Timestamp)], now: Timestamp) -> Self {
        let mut segments = self.segments.clone();
        let keep_from = now.minus(LONGEST_TOKEN + SEGMENT);
        segments.retain(|s| s.opened_at >= keep_from);
        for &(key, at) in added {
            if self.revoked_at(key) >= Some(at) {
                continue; // The feed reads the last seconds again and again.
            }
            let fits = segments.last().is_some_and(|s| {
                s.opened_at >= now.minus(SEGMENT) && s.entries.len() < SEGMENT_ENTRIES
            });
            if !fits {
                segments.push(Segment { opened_at: now, entries: Arc::default() });
            }
            if let Some(last) = segments.last_mut() {
                Arc::make_mut(&mut last.entries).insert(key.id(), at);
            }
        }
        Self { segments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(n: u128) -> RevokedKey {
        RevokedKey::Grant(GrantId(Uuid::from_u128(n)))
    }

    #[test]
    fn remembers_until_no_token_can_be_alive() {
        let start = Timestamp::from_secs(1_000_000);
        let list = Revocations::default().with(&[(grant(1), start)], start);
        assert_eq!(list.revoked_at(grant(1)), Some(start));
        assert_eq!(list.revoked_at(grant(2)), None);
        let almost = start.plus(LONGEST_TOKEN);
        assert_eq!(list.with(&[], almost).revoked_at(grant(1)), Some(start));
        let later = almost.plus(SEGMENT * 2);
        assert_eq!(list.with(&[], later).revoked_at(grant(1)), None);
    }

    #[test]
    fn segments_close_and_all_are_read() {
        let now = Timestamp::from_secs(1_000_000);
        let added: Vec<_> = (0..3_000).map(|n| (grant(n), now)).collect();
        let list = Revocations::default().with(&added, now);
        assert_eq!(list.segments.len(), 3);
        assert!((0..3_000).all(|n| list.revoked_at(grant(n)).is_some()));
    }

    #[test]
    fn keys_of_the_feed() {
        let id = GrantId(Uuid::from_u128(7));
        assert_eq!(RevokedKey::parse(&format!("grant:{id}")), Some(RevokedKey::Grant(id)));
        assert_eq!(RevokedKey::parse("jti:AAAAAAAAAAAAAAAAAAAAAQ"), Some(RevokedKey::Jti(1)));
        assert_eq!(RevokedKey::parse("jti:AAAA"), None);
        assert_eq!(RevokedKey::parse("other:x"), None);
    }
}
