//! The pages of an account: one frame, and what each shows in it.

use bailiwick_domain::EventKind;
use serde::Serialize;

use super::page::FormProblem;
use super::problem::Wait;
use crate::password::strength::Strength;

macro_rules! tabs {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $path:literal, $menu:literal;)*) => {
        /// One of the pages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Tab {
            $($(#[$doc])* $name,)*
        }

        impl Tab {
            /// Every page.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its path below the issuer.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// Whether the menu names it.
            #[must_use]
            pub const fn is_in_menu(self) -> bool {
                match self { $(Self::$name => $menu,)* }
            }

            pub(super) const fn template(self) -> &'static str {
                match self { $(Self::$name => concat!("portal/", $text, ".html"),)* }
            }
        }
    };
}

tabs! {
    /// The account at a glance.
    Overview = "overview", "/account", true;
    /// What the person is called.
    Profile = "profile", "/account/profile", true;
    /// Another e-mail address.
    Email = "email", "/account/email", false;
    /// Another password.
    Password = "password", "/account/password", true;
    /// Passkeys.
    Passkeys = "passkeys", "/account/passkeys", true;
    /// An authenticator app.
    Totp = "totp", "/account/totp", true;
    /// A number that codes are sent to.
    Phone = "phone", "/account/phone", true;
    /// Codes for the day when the phone is lost.
    RecoveryCodes = "recovery_codes", "/account/recovery-codes", true;
    /// Where the account is signed in.
    Sessions = "sessions", "/account/sessions", true;
    /// Which applications may act for the person.
    Applications = "applications", "/account/applications", true;
    /// What happened lately.
    Events = "events", "/account/events", true;
    /// The end of the account.
    Delete = "delete", "/account/delete", false;
    /// The file with everything: no page.
    Data = "overview", "/account/data", false;
}

macro_rules! done {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What was done, said on the page that follows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Done {
            $($(#[$doc])* $name,)*
        }

        impl Done {
            /// Everything.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As it stands in addresses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What stands in an address.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|done| done.name() == text)
            }
        }
    };
}

done! {
    /// The name is saved.
    ProfileSaved = "profile_saved";
    /// A mail about another address is on its way.
    EmailAsked = "email_asked";
    /// The account will not be deleted.
    AccountKept = "account_kept";
    /// The password is set.
    PasswordChanged = "password_changed";
    /// Something to sign in with is set up.
    FactorAdded = "factor_added";
    /// Something to sign in with is removed.
    FactorRemoved = "factor_removed";
    /// Sessions are ended.
    SessionsEnded = "sessions_ended";
    /// No browser is remembered.
    BrowsersForgotten = "browsers_forgotten";
    /// An application has lost its access.
    ApplicationRevoked = "application_revoked";
}

/// What people are shown of what happened.
pub const SHOWN_EVENTS: &[EventKind] = &[
    EventKind::SignedIn,
    EventKind::FactorUsed,
    EventKind::SignedOut,
    EventKind::UserRegistered,
    EventKind::UserUpdated,
    EventKind::PasswordChanged,
    EventKind::PasswordReset,
    EventKind::FactorAdded,
    EventKind::FactorRemoved,
    EventKind::RecoveryCodesMade,
    EventKind::BrowsersForgotten,
    EventKind::ConsentGiven,
    EventKind::ConsentRefused,
    EventKind::ConsentRevoked,
    EventKind::DataExported,
    EventKind::EmailChangeRequested,
    EventKind::EmailChanged,
    EventKind::DeletionPlanned,
    EventKind::DeletionCancelled,
    EventKind::SignInBlocked,
];

/// A page of an account. Every form on it sends `csrf`, `session` and `request`.
#[derive(Clone, Debug, Serialize)]
pub struct Portal<'a> {
    /// What all of them share.
    pub frame: PortalFrame<'a>,
    /// What was done a moment ago.
    pub done: Option<Done>,
    /// Why a form is shown again.
    pub problem: Option<FormProblem>,
    /// How hard a refused password is to guess, when that is why.
    pub strength: Option<Strength>,
    /// The fewest characters of a password.
    pub min_length: u32,
    /// When to try again, after too many tries.
    pub wait: Option<Wait>,
    /// What this one shows.
    pub content: &'a Content<'a>,
}

/// What all pages of an account share.
#[derive(Clone, Debug, Serialize)]
pub struct PortalFrame<'a> {
    /// Where the page's forms are sent.
    pub action: &'a str,
    /// The token that ties forms to the browser.
    pub csrf: &'a str,
    /// The session whose account it is.
    pub session: &'a str,
    /// The person's name, when known.
    pub name: Option<&'a str>,
    /// The e-mail address or other identifier.
    pub identifier: &'a str,
    /// This page.
    pub tab: Tab,
    /// The menu.
    pub tabs: Vec<(Tab, &'a str)>,
    /// Link to the other accounts of this browser.
    pub switch: &'a str,
    /// Link that signs out.
    pub sign_out: &'a str,
    /// The sealed request of a sign-in that waits until something is set up; empty when none does.
    pub waiting: &'a str,
}

/// What a page of an account shows.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant is named and documented by what it holds")]
pub enum Content<'a> {
    Overview(Overview),
    Profile(Profile<'a>),
    ChangeEmail(ChangeEmail<'a>),
    Password(Password<'a>),
    Passkeys(Passkeys<'a>),
    Totp(Totp<'a>),
    Phone(Phone<'a>),
    Delete(Delete),
    RecoveryCodes(RecoveryCodes<'a>),
    Sessions(Sessions),
    Applications(Applications<'a>),
    Events(Events<'a>),
}

/// The account at a glance: how many there are of each.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// When it will be deleted, in RFC 3339.
    pub delete_at: Option<String>,
    /// Whether the address is known to be the person's.
    pub email_verified: bool,
    /// Passkeys.
    pub passkeys: usize,
    /// Authenticator apps.
    pub totp: usize,
    /// Numbers that codes are sent to.
    pub phone: usize,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// Live sessions.
    pub sessions: usize,
    /// Applications with access.
    pub applications: usize,
}

/// Sends `name`.
#[derive(Clone, Debug, Serialize)]
pub struct Profile<'a> {
    /// The name as it stands; may be empty.
    pub name: &'a str,
    /// The e-mail address.
    pub email: Option<&'a str>,
    /// Whether it is known to be the person's.
    pub email_verified: bool,
}

/// Sends `email`.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeEmail<'a> {
    /// The present address.
    pub present: Option<&'a str>,
    /// What was typed before; may be empty.
    pub new: &'a str,
}

/// Sends `remove`; `number`; or `ceremony` and `code`.
#[derive(Clone, Debug, Serialize)]
pub struct Phone<'a> {
    /// The number that there is.
    pub present: Option<PhoneItem<'a>>,
    /// What was typed before; may be empty.
    pub number: &'a str,
    /// Comes back with the code that was sent to it.
    pub ceremony: Option<&'a str>,
}

/// A number. Times are RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct PhoneItem<'a> {
    /// Its last digits.
    pub digits: &'a str,
    /// When it was added.
    pub since: String,
    /// When it was last used.
    pub used: Option<String>,
}

/// Sends nothing; or `keep`: `1`.
#[derive(Clone, Debug, Serialize)]
pub struct Delete {
    /// When the account will be deleted, in RFC 3339, if that is planned.
    pub at: Option<String>,
    /// How many days it can be kept after all.
    pub days: u32,
}

/// Sends `current` and `password`.
#[derive(Clone, Debug, Serialize)]
pub struct Password<'a> {
    /// Whose password it is: for the browser's own store of passwords.
    pub email: &'a str,
}

/// Sends `remove`, or `name`, `ceremony` and `answer`.
#[derive(Clone, Debug, Serialize)]
pub struct Passkeys<'a> {
    /// Those that there are.
    pub items: Vec<PasskeyItem<'a>>,
    /// What `navigator.credentials.create` takes, as JSON, when one more may be added.
    pub options: Option<&'a str>,
    /// Comes back with the answer.
    pub ceremony: &'a str,
}

/// A passkey. Times are RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct PasskeyItem<'a> {
    /// What the form sends to remove it.
    pub id: String,
    /// What the person calls it.
    pub name: Option<&'a str>,
    /// When it was added.
    pub since: String,
    /// When it was last used.
    pub used: Option<String>,
}

/// Sends `remove`, or `ceremony` and `code`.
#[derive(Clone, Debug, Serialize)]
pub struct Totp<'a> {
    /// When the app was set up, when one is.
    pub since: Option<String>,
    /// When it was last used.
    pub used: Option<String>,
    /// For a new app.
    pub new: Option<TotpNew<'a>>,
}

/// What a new authenticator app needs.
#[derive(Clone, Debug, Serialize)]
pub struct TotpNew<'a> {
    /// The address as a QR code, in SVG.
    pub qr: Option<&'a str>,
    /// The address, for an app on the same device.
    pub uri: &'a str,
    /// The secret, to be typed.
    pub secret: &'a str,
    /// Comes back with the code.
    pub ceremony: &'a str,
}

/// Sends nothing more: it asks for new codes.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryCodes<'a> {
    /// How many are left.
    pub left: usize,
    /// Whether there is something that they stand in for.
    pub useful: bool,
    /// New ones, shown once.
    pub codes: &'a [String],
    /// Link back to the sign-in that waits.
    pub go_on: Option<&'a str>,
}

/// Sends `end`: the id of a session, `others`, or `remembered`.
#[derive(Clone, Debug, Serialize)]
pub struct Sessions {
    /// The live sessions, this one first.
    pub items: Vec<SessionItem>,
    /// In how many browsers no second factor is asked for.
    pub remembered: i64,
}

/// A session. Times are RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct SessionItem {
    /// What the form sends to end it.
    pub id: String,
    /// The browser and its system, when known.
    pub device: Option<String>,
    /// The address that it was started from.
    pub address: Option<String>,
    /// Where that is, when known.
    pub place: Option<String>,
    /// Whether it is this one.
    pub here: bool,
    /// When it was started.
    pub started: String,
    /// When it was last used.
    pub used: String,
}

/// Sends `application`.
#[derive(Clone, Debug, Serialize)]
pub struct Applications<'a> {
    /// Those with access.
    pub items: Vec<ConnectedItem<'a>>,
}

/// An application with access. Times are RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectedItem<'a> {
    /// What the form sends to take its access away.
    pub id: String,
    /// Its name.
    pub name: &'a str,
    /// What it was allowed.
    pub scopes: Vec<&'a str>,
    /// Since when.
    pub since: String,
    /// When it was last allowed something.
    pub last: String,
}

/// What happened lately.
#[derive(Clone, Debug, Serialize)]
pub struct Events<'a> {
    /// The newest first.
    pub items: Vec<EventItem<'a>>,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventItem<'a> {
    /// The stable name of its kind.
    pub kind: &'static str,
    /// When, in RFC 3339.
    pub at: String,
    /// How the person was authenticated (RFC 8176), for a sign-in.
    pub how: Vec<&'a str>,
}
