//! How surely a user was authenticated, and what a user can be authenticated by.

use serde::{Deserialize, Serialize};

use crate::user::Authentication;

/// An authentication context class: the `acr` of tokens (OpenID Connect Core 2). Each level
/// satisfies those below it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Acr {
    /// One factor.
    #[default]
    #[serde(rename = "1")]
    One,
    /// Two factors.
    #[serde(rename = "2")]
    Two,
    /// Resistant to phishing: a passkey (OpenID Connect Extended Authentication Profile ACR
    /// Values 1.0).
    #[serde(rename = "phr")]
    Resistant,
}

impl Acr {
    /// Every level, the lowest first.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Resistant];

    /// The value of the claim.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::Resistant => "phr",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// What these steps of a sign-in reach together.
    #[must_use]
    pub fn of(steps: &[Authentication]) -> Self {
        let by = |name: &str| steps.iter().any(|s| s.amr.iter().any(|a| a == name));
        if by("hwk") || by("swk") {
            return Self::Resistant;
        }
        // The same way twice is still one factor.
        let first = steps.first().map(|s| s.connection.as_str());
        let other = steps.iter().any(|s| Some(s.connection.as_str()) != first);
        if other { Self::Two } else { Self::One }
    }
}

/// The `amr` of these steps (RFC 8176), each value once, `mfa` among them when there were two
/// factors.
#[must_use]
pub fn amr(steps: &[Authentication]) -> Vec<String> {
    let mut all: Vec<String> = steps.iter().flat_map(|s| s.amr.iter().cloned()).collect();
    if Acr::of(steps) >= Acr::Two {
        all.push("mfa".to_owned());
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What a user can be asked for beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A passkey (`WebAuthn`), which also signs in without a password.
    Passkey,
    /// Codes of an authenticator app (RFC 6238).
    Totp,
    /// A code that we send as a text message.
    SmsCode,
    /// A code that we send to the account's address. Nothing is set up for it.
    EmailCode,
    /// One of ten codes that the user keeps for the day when the rest is lost. They come with the
    /// first of the others.
    RecoveryCode,
}

impl Factor {
    /// Every factor, the best first.
    pub const ALL: [Self; 5] =
        [Self::Passkey, Self::Totp, Self::SmsCode, Self::EmailCode, Self::RecoveryCode];

    /// Whether people set it up, for its own sake.
    #[must_use]
    pub const fn is_set_up(self) -> bool {
        matches!(self, Self::Passkey | Self::Totp | Self::SmsCode)
    }

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::SmsCode => "sms_code",
            Self::EmailCode => "email_code",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// The factor of that stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.name() == name)
    }

    /// What it reaches beside a password.
    #[must_use]
    pub const fn reaches(self) -> Acr {
        match self {
            Self::Passkey => Acr::Resistant,
            _ => Acr::Two,
        }
    }

    const fn bit(self) -> i64 {
        match self {
            Self::Passkey => 1,
            Self::Totp => 2,
            Self::RecoveryCode => 4,
            Self::SmsCode => 8,
            Self::EmailCode => 16,
        }
    }
}

/// Some factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Factors(i64);

impl Factors {
    /// As they are stored; bits of a newer version are ignored.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits & 31)
    }

    /// As they are stored.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn contains(self, factor: Factor) -> bool {
        self.0 & factor.bit() != 0
    }

    /// These without that one.
    #[must_use]
    pub const fn without(self, factor: Factor) -> Self {
        Self(self.0 & !factor.bit())
    }

    /// These and that one.
    #[must_use]
    pub const fn with(self, factor: Factor) -> Self {
        Self(self.0 | factor.bit())
    }

    /// Whether the user has set one up. Codes for emergencies are nothing of their own.
    #[must_use]
    pub fn any_set_up(self) -> bool {
        Factor::ALL.into_iter().any(|f| f.is_set_up() && self.contains(f))
    }

    /// Those of them that are among `allowed`; recovery codes stand in for any.
    #[must_use]
    pub fn within(self, allowed: &[Factor]) -> Self {
        let kept = allowed.iter().filter(|f| self.contains(**f)).copied();
        let kept = kept.fold(Self::default(), Self::with);
        let codes = self.contains(Factor::RecoveryCode) && kept != Self::default();
        if codes { kept.with(Factor::RecoveryCode) } else { kept }
    }

    /// They one by one, the best first.
    pub fn iter(self) -> impl Iterator<Item = Factor> {
        Factor::ALL.into_iter().filter(move |f| self.contains(*f))
    }

    /// The most that they reach beside a password.
    #[must_use]
    pub fn reach(self) -> Acr {
        self.iter().map(Factor::reaches).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn step(connection: &str, amr: &[&str]) -> Authentication {
        let amr = amr.iter().map(|a| (*a).to_owned()).collect();
        Authentication { connection: connection.into(), amr, at: Timestamp::from_secs(1) }
    }

    #[test]
    fn levels() {
        let (password, totp) = (step("password", &["pwd"]), step("totp", &["otp"]));
        let (mail, passkey) = (step("recovery_code", &["otp"]), step("passkey", &["swk", "user"]));
        for (steps, level, methods) in [
            (vec![], Acr::One, ""),
            (vec![password.clone()], Acr::One, "pwd"),
            (vec![password.clone(), password.clone()], Acr::One, "pwd"),
            (vec![password.clone(), totp], Acr::Two, "mfa otp pwd"),
            (vec![mail.clone(), mail.clone()], Acr::One, "otp"),
            (vec![password.clone(), mail], Acr::Two, "mfa otp pwd"),
            (vec![passkey.clone()], Acr::Resistant, "mfa swk user"),
            (vec![password, passkey], Acr::Resistant, "mfa pwd swk user"),
        ] {
            assert_eq!((Acr::of(&steps), amr(&steps).join(" ").as_str()), (level, methods));
        }
        assert!(Acr::ALL.is_sorted() && Acr::ALL.iter().all(|a| Acr::parse(a.name()) == Some(*a)));
    }

    #[test]
    fn factors() {
        let all = Factor::ALL.into_iter().fold(Factors::default(), Factors::with);
        assert_eq!(Factors::from_bits(all.bits()), all);
        assert!(Factor::ALL.into_iter().all(|f| Factor::parse(f.name()) == Some(f)));
        let mailed = Factors::default().with(Factor::EmailCode);
        assert!(!mailed.any_set_up() && all.any_set_up() && mailed.reach() == Acr::Two);
        assert_eq!(mailed.without(Factor::EmailCode), Factors::default());
        let codes = Factors::default().with(Factor::RecoveryCode);
        assert_eq!(codes.within(&Factor::ALL), codes.within(&[Factor::RecoveryCode]));
        assert_eq!(all.within(&[]), Factors::default(), "codes stand in for nothing");
        let totp = all.within(&[Factor::Totp]);
        assert!(totp.contains(Factor::RecoveryCode) && !totp.contains(Factor::Passkey));
        assert_eq!(
            (totp.reach(), all.reach(), Factors::default().reach()),
            (Acr::Two, Acr::Resistant, Acr::One)
        );
    }
}
