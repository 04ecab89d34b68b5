//! The keys of tenants: sealing, MACs and sealed tokens.
//!
//! Each tenant has data-encryption keys, wrapped by the master keyring. The newest seals; all of
//! them open. Keys of MACs and tokens are derived from the first, which is never retired.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::{hkdf, hmac};
use bailiwick_domain::{DataKeyId, Env, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

mod cipher;
mod keyring;
mod rows;

pub use keyring::MasterKeyring;
pub use rows::{add_version, create, load};

use cipher::Cipher;

/// What every ciphertext begins with: the layout of the rest.
const FORMAT: u8 = 1;

/// Where a sealed value belongs: it opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key after the tenant.
    pub row: Cow<'a, [u8]>,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a derived key is for: a MAC or token of one use is worthless in another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Label {
            $($(#[$doc])* $name,)*
        }

        impl Label {
            const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Goes into the derivation: never changes.
            const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

labels! {
    /// Client secrets.
    ClientSecret = "client_secret",
    /// Keys of the management API.
    ApiKey = "api_key",
    /// Authorization codes.
    Code = "code",
    /// Refresh tokens.
    RefreshToken = "refresh_token",
    /// Cursors of lists.
    Cursor = "cursor",
    /// Tokens of forms.
    Csrf = "csrf",
    /// Authorization requests that wait for the user.
    PendingRequest = "pending_request",
    /// Browser cookies.
    Browser = "browser",
    /// Which sessions a browser has, for scripts of applications.
    BrowserState = "browser_state",
    /// Pairwise subject identifiers (OpenID Connect Core 8.1).
    PairwiseSub = "pairwise_sub",
    /// What a page has to bring back once.
    Ceremony = "ceremony",
    /// Links of mails.
    AccountLink = "account_link",
    /// Keys and bodies of repeated requests.
    Idempotency = "idempotency",
    /// Names of limits and of what failed, among nodes.
    Limits = "limits",
}

/// The parsed keys of one tenant. Cheap to clone.
#[derive(Clone)]
pub struct TenantVault(Arc<Keys>);

struct Keys {
    tenant: TenantId,
    /// By version; never empty, and the first is the root of what is derived.
    deks: Vec<(DataKeyId, Secret)>,
    /// By use and label, derived on first use: most tenants use few.
    derived: [OnceLock<Box<Secret>>; 2 * Label::ALL.len()],
}

/// The bytes of a key. It is expanded for each use, which takes less than a microsecond: an
/// expanded one has 600 to 800 bytes, and there are many warm tenants.
type Secret = Zeroizing<[u8; 32]>;

/// What keys are derived for.
#[derive(Clone, Copy)]
enum Usage {
    Mac,
    Token,
}

impl fmt::Debug for TenantVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantVault({})", self.0.tenant)
    }
}

impl TenantVault {
    /// The vault of data keys in order of version.
    fn new(tenant: TenantId, deks: Vec<(DataKeyId, Secret)>) -> Result<Self> {
        if deks.is_empty() {
            return Err(Error::NotFound("data key"));
        }
        let derived = std::array::from_fn(|_| OnceLock::new());
        Ok(Self(Arc::new(Keys { tenant, deks, derived })))
    }

    /// Seals a value for its place: format, data key id (16 bytes), nonce (12), data and tag.
    #[must_use]
    pub fn seal(&self, at: &Place<'_>, plain: &[u8], env: &Env) -> Vec<u8> {
        let (id, key) = self.0.deks.last().expect("never empty by construction");
        let mut out = Vec::with_capacity(plain.len() + 45);
        out.push(FORMAT);
        out.extend_from_slice(id.0.as_bytes());
        Cipher::new(key).seal_onto(&mut out, &self.aad(at), plain, env);
        out
    }

    /// Opens a sealed value at its place.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it is of another place or tenant, was edited, or its key is gone.
    pub fn open(&self, at: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let open = || {
            let rest = sealed.strip_prefix(&[FORMAT])?;
            let (id, rest) = rest.split_first_chunk::<16>()?;
            let (_, key) = self.0.deks.iter().find(|(dek, _)| dek.0.as_bytes() == id)?;
            Cipher::new(key).open(&self.aad(at), rest)
        };
        open().ok_or(Error::Sealed(at.table))
    }

    /// HMAC-SHA256 of `data` under the key of `label`.
    #[must_use]
    pub fn mac(&self, label: Label, data: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.mac_key(label), data);
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Whether `mac` is the MAC of `data`, in constant time.
    #[must_use]
    pub fn verify(&self, label: Label, data: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.mac_key(label), data, mac).is_ok()
    }

    /// Seals what a caller keeps for us, as unpadded base64url.
    #[must_use]
    pub fn seal_token(&self, label: Label, plain: &[u8], env: &Env) -> String {
        let mut out = vec![FORMAT];
        self.token_key(label).seal_onto(&mut out, &[], plain, env);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Opens what [`Self::seal_token`] sealed under the same label; `None` for anything else.
    #[must_use]
    pub fn open_token(&self, label: Label, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = self.token_key(label).open(&[], sealed.strip_prefix(&[FORMAT])?)?;
        Some(plain.to_vec())
    }

    /// Tenant and place, unambiguously: names of tables and columns hold no NUL.
    fn aad(&self, at: &Place<'_>) -> Vec<u8> {
        let tenant = self.0.tenant.0.as_bytes().as_slice();
        [tenant, at.table.as_bytes(), b"\0", at.column.as_bytes(), b"\0", &at.row].concat()
    }

    fn mac_key(&self, label: Label) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &**self.derived(Usage::Mac, label))
    }

    fn token_key(&self, label: Label) -> Cipher {
        Cipher::new(self.derived(Usage::Token, label))
    }

    fn derived(&self, usage: Usage, label: Label) -> &Secret {
        let n = 2 * label as usize + usage as usize;
        let slot = self.0.derived.get(n).expect("one for each use and label");
        slot.get_or_init(|| Box::new(self.derive(usage, label)))
    }

    /// HKDF-SHA256 (RFC 5869) of the root, told apart by use and label.
    fn derive(&self, usage: Usage, label: Label) -> Secret {
        let usage = match usage {
            Usage::Mac => b"mac".as_slice(),
            Usage::Token => b"token",
        };
        let info = [b"bailiwick ", usage, b" ", label.name().as_bytes()];
        let (_, root) = self.0.deks.first().expect("never empty by construction");
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, self.0.tenant.0.as_bytes()).extract(&**root);
        let mut key = Zeroizing::new([0; 32]);
        prk.expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut *key))
            .expect("32 bytes are one block of SHA-256");
        key
    }
}

#[cfg(test)]
mod tests;
