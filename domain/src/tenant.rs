//! Tenants and their settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::acr::{Acr, Factor, Factors};
use crate::authz::Authz;
use crate::id::{OrganizationId, TenantId};
use crate::limits::Limits;
use crate::risk::Risk;
use crate::time::Timestamp;

/// The slug of the platform's own tenant, which holds operators and customers' administrators.
pub const SYSTEM_SLUG: &str = "system";

/// A tenant as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Names it in addresses; never used again after the tenant is gone.
    pub slug: String,
    /// Eight lower-case letters and digits, in the names of its cookies.
    pub short_id: String,
    /// Shown to people.
    pub name: String,
    /// The one issuer, used byte for byte everywhere: no trailing slash, query or fragment.
    pub issuer: String,
    /// The organization of the system tenant that this tenant is; none for `system` itself.
    pub organization_id: Option<OrganizationId>,
    /// What its administrators may set.
    pub settings: TenantSettings,
    /// Counts its changes: the `ETag` of the management API.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a tenant's administrators may set. Unknown keys are refused; absent ones have defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantSettings {
    /// Rate limits and lock-out.
    pub limits: Limits,
    /// Browser sessions.
    pub sessions: Sessions,
    /// How people get and keep their accounts.
    pub accounts: Accounts,
    /// What is asked for beside the password.
    pub mfa: Mfa,
    /// What comes of an unusual sign-in.
    pub risk: Risk,
    /// What passwords that people choose must be.
    pub passwords: Passwords,
    /// Signing keys.
    pub keys: Keys,
    /// Authorization with Cedar.
    pub authz: Authz,
    /// Theme variables of the hosted pages.
    pub theme: Theme,
    /// Mail to people.
    pub mail: MailSettings,
    /// Templates of hosted pages and mails in place of ours, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, String>,
    /// Feature flags by name.
    pub flags: BTreeMap<String, bool>,
}

/// How long browser sessions live, in seconds, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Without use: default 1 day.
    pub idle_lifetime: u32,
    /// In all: default 14 days.
    pub absolute_lifetime: u32,
    /// Of one user at the same time, in all browsers: default 100.
    pub max_per_user: u32,
    /// What one more comes to.
    pub when_full: WhenFull,
}

/// What one session more than a user may have comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It ends the one that was signed in to longest ago.
    #[default]
    EndOldest,
    /// It does not start.
    Refuse,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_lifetime: 86_400,
            absolute_lifetime: 14 * 86_400,
            max_per_user: 100,
            when_full: WhenFull::default(),
        }
    }
}

/// How people get and keep their accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Who may make an account for themselves.
    pub registration: Registration,
    /// Only addresses of these domains may; empty: of any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_domains: Vec<String>,
    /// Whether a code or link in a mail signs in, in place of the password.
    pub email_codes: bool,
    /// How many days an account is kept after its person has asked for its end: default 14, at
    /// most 90, 0 for none.
    pub deletion_days: u32,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            registration: Registration::default(),
            email_domains: Vec::new(),
            email_codes: false,
            deletion_days: 14,
        }
    }
}

/// Who may make an account for themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Nobody: accounts are made by administrators.
    #[default]
    Closed,
    /// Whom administrators invite.
    InviteOnly,
    /// Whoever can read mail at the address.
    Open,
}

impl Accounts {
    /// Whether somebody with this normalised address may make an account.
    #[must_use]
    pub fn admits(&self, email: &str) -> bool {
        self.registration == Registration::Open && self.admits_domain(email)
    }

    /// Whether people may choose this normalised address.
    #[must_use]
    pub fn admits_domain(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.email_domains.is_empty() || self.email_domains.iter().any(|d| d == domain)
    }
}

/// What is asked for beside the password. Changes of an account ask for it whatever the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mfa {
    /// Of whom.
    pub required: MfaRequired,
    /// What may be used: `passkey`, `totp` (default: these two), `sms_code`, `email_code`.
    pub methods: Vec<Factor>,
    /// How many days a browser may be remembered, so that it is not asked again: default 30, at
    /// most 365, 0 for never.
    pub remember_days: u32,
}

/// Of whom more than a password is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MfaRequired {
    /// Of those who have set up a passkey or an authenticator app.
    #[default]
    WhenEnrolled,
    /// Of everybody: who has nothing yet sets it up at the next sign-in.
    Always,
    /// Of those who have it, when the sign-in is unusual; see [`Risk`].
    AtRisk,
}

impl Default for Mfa {
    fn default() -> Self {
        let methods = vec![Factor::Passkey, Factor::Totp];
        Self { required: MfaRequired::default(), methods, remember_days: 30 }
    }
}

impl Mfa {
    /// What a user with these factors may be asked for.
    #[must_use]
    pub fn usable(&self, factors: Factors) -> Factors {
        factors.within(&self.methods)
    }

    /// What a sign-in of a user with these usable factors must reach. A browser that is remembered
    /// is let off, unless the sign-in was unusual; who has nothing to prove more with cannot be
    /// asked for it then, because a thief would set it up.
    #[must_use]
    pub fn demands(&self, usable: Factors, remembered: bool, unusual: bool) -> Acr {
        let everyday = match self.required {
            MfaRequired::WhenEnrolled => usable.any_set_up(),
            MfaRequired::Always => true,
            MfaRequired::AtRisk => false,
        };
        let at_risk = unusual && usable != Factors::default();
        if at_risk || (everyday && !remembered) { Acr::Two } else { Acr::One }
    }

    /// The most that somebody who has nothing yet can set up.
    #[must_use]
    pub fn offers(&self) -> Acr {
        self.methods.iter().filter(|f| f.is_set_up()).map(|f| f.reaches()).max().unwrap_or_default()
    }
}

/// What passwords that people choose must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// The fewest characters, 8 (default) to 64.
    pub min_length: u32,
    /// How many of somebody's last passwords, the present one among them, cannot be set again: at
    /// most 24. 0 (default): none is remembered.
    pub history: u32,
    /// Whether a password that is known from a breach is refused.
    pub breach_check: bool,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { min_length: 8, history: 0, breach_check: false }
    }
}

impl Passwords {
    /// The most passwords that are remembered.
    pub const MAX_HISTORY: u32 = 24;
}

/// How signing keys are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The most days that a signing key signs: default 90, at most 365. 0: until somebody
    /// rotates it.
    pub rotation_days: u32,
}

impl Default for Keys {
    fn default() -> Self {
        Self { rotation_days: 90 }
    }
}

/// Theme variables of the hosted pages. Colours are `#rrggbb`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Theme {
    /// The colour of buttons and links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// The colour of buttons and links on dark pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent_dark: Option<String>,
    /// A picture in place of the monogram: PNG, WebP or SVG as a `data:` URI in base64, at most 16
    /// KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// Mail to people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// The address that it comes from; the server's own when absent, which sends it in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Whether a page can hold this picture.
fn is_logo(uri: &str) -> bool {
    const KINDS: [&str; 3] = ["image/png", "image/webp", "image/svg+xml"];
    let rest = uri.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    rest.is_some_and(|(kind, data)| {
        let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        KINDS.contains(&kind) && data.len() <= 16 * 1024 && data.bytes().all(base64)
    })
}

impl TenantSettings {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// Every mistake, with its path.
    pub fn check(&self) -> Result<(), Vec<crate::application::Mistake>> {
        use crate::application::Mistake;
        let mut out = Vec::new();
        self.limits.check(&mut out);
        self.authz.check(&mut out);
        let colours =
            [("theme.accent", &self.theme.accent), ("theme.accent_dark", &self.theme.accent_dark)];
        for (path, colour) in colours {
            let ok = |c: &String| {
                c.len() == 7
                    && c.starts_with('#')
                    && c.bytes().skip(1).all(|b| b.is_ascii_hexdigit())
            };
            if colour.as_ref().is_some_and(|c| !ok(c)) {
                out.push(Mistake::new(path, "must be a colour like #1a5fb4"));
            }
        }
        if self.theme.logo.as_deref().is_some_and(|logo| !is_logo(logo)) {
            let message = "must be a PNG, WebP or SVG as data:image/png;base64,... of 16 KiB";
            out.push(Mistake::new("theme.logo", message));
        }
        let from = self.mail.from.as_deref();
        if from.is_some_and(|from| crate::text::normalize_email(from).is_none()) {
            out.push(Mistake::new("mail.from", "must be an e-mail address"));
        }
        for (path, secs) in [
            ("sessions.idle_lifetime", self.sessions.idle_lifetime),
            ("sessions.absolute_lifetime", self.sessions.absolute_lifetime),
        ] {
            if !(60..=366 * 86_400).contains(&secs) {
                out.push(Mistake::new(path, "must be 60 seconds to 366 days"));
            }
        }
        if !(1..=1_000).contains(&self.sessions.max_per_user) {
            out.push(Mistake::new("sessions.max_per_user", "must be 1 to 1000"));
        }
        let domain = |d: &String| {
            crate::text::normalize_email(&format!("a@{d}")).is_some_and(|e| e == format!("a@{d}"))
        };
        if self.accounts.email_domains.len() > 100
            || !self.accounts.email_domains.iter().all(domain)
        {
            let path = "accounts.email_domains";
            out.push(Mistake::new(path, "must be at most 100 domains such as example.com"));
        }
        if self.accounts.deletion_days > 90 {
            out.push(Mistake::new("accounts.deletion_days", "must be at most 90 days"));
        }
        if self.mfa.remember_days > 365 {
            out.push(Mistake::new("mfa.remember_days", "must be 1 to 365 days, or 0 for never"));
        }
        for (path, points) in [
            ("risk.notify", self.risk.notify),
            ("risk.second_factor", self.risk.second_factor),
            ("risk.block", self.risk.block),
        ] {
            if points > 100 {
                out.push(Mistake::new(path, "must be 1 to 100 points, or 0 for never"));
            }
        }
        if self.mfa.methods.contains(&Factor::RecoveryCode) {
            out.push(Mistake::new("mfa.methods", "recovery codes come with the other methods"));
        }
        if self.mfa.required == MfaRequired::Always && self.mfa.methods.is_empty() {
            out.push(Mistake::new("mfa.methods", "without a method nobody could sign in"));
        }
        if !(8..=64).contains(&self.passwords.min_length) {
            out.push(Mistake::new("passwords.min_length", "must be 8 to 64"));
        }
        if self.passwords.history > Passwords::MAX_HISTORY {
            out.push(Mistake::new("passwords.history", "must be at most 24"));
        }
        if self.keys.rotation_days > 365 {
            out.push(Mistake::new("keys.rotation_days", "must be 1 to 365 days, or 0 for never"));
        }
        let weight: usize = self.templates.values().map(String::len).sum();
        if self.templates.values().any(|source| source.len() > 32 * 1024) || weight > 128 * 1024 {
            out.push(Mistake::new("templates", "at most 32 KiB each, and 128 KiB in all"));
        }
        if self.flags.len() > 100 || self.flags.keys().any(|k| k.len() > 64 || k.is_empty()) {
            out.push(Mistake::new("flags", "at most 100 flags with names of 1 to 64 bytes"));
        }
        if out.is_empty() { Ok(()) } else { Err(out) }
    }
}
