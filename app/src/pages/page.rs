//! The pages and what each needs. Texts are not here: a closed enum names them.

use bailiwick_domain::ScopeSet;
use serde::Serialize;

use super::factor::{ConfirmSignIn, EmailCode, Enrol, Passkey, SecondFactor};
use super::frame::Frame;
use super::portal::Portal;
use super::problem::{ErrorPage, Wait};
use crate::mails::mailbox::Sent;
use crate::password::strength::Strength;

/// A hosted page.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant is named and documented by what it holds")]
pub enum Page<'a> {
    SignIn(SignIn<'a>),
    EmailCode(EmailCode<'a>),
    ConfirmSignIn(ConfirmSignIn<'a>),
    SecondFactor(SecondFactor<'a>),
    Enrol(Enrol<'a>),
    Portal(Portal<'a>),
    Accounts(Accounts<'a>),
    Consent(Consent<'a>),
    SignOut(SignOut<'a>),
    SignedOut(SignedOut<'a>),
    Forgot(Forgot<'a>),
    Register(Register<'a>),
    NewPassword(NewPassword<'a>),
    ConfirmRegistration(ConfirmRegistration<'a>),
    ConfirmEmail(ConfirmEmail<'a>),
    Notice(Notice<'a>),
    DevMail(DevMail<'a>),
    Error(ErrorPage<'a>),
    FormPost(FormPost<'a>),
    TenantHome(TenantHome<'a>),
    PlatformHome(PlatformHome<'a>),
}

impl Page<'_> {
    pub(super) const fn template(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "sign_in.html",
            Self::EmailCode(_) => "email_code.html",
            Self::ConfirmSignIn(_) => "confirm_sign_in.html",
            Self::SecondFactor(_) => "second_factor.html",
            Self::Enrol(_) => "enrol.html",
            Self::Portal(portal) => portal.frame.tab.template(),
            Self::Accounts(_) => "accounts.html",
            Self::Consent(_) => "consent.html",
            Self::SignOut(_) => "sign_out.html",
            Self::SignedOut(_) => "signed_out.html",
            Self::Forgot(_) => "forgot.html",
            Self::Register(_) => "register.html",
            Self::NewPassword(_) => "new_password.html",
            Self::ConfirmRegistration(_) => "confirm_registration.html",
            Self::ConfirmEmail(_) => "confirm_email.html",
            Self::Notice(_) => "notice.html",
            Self::DevMail(_) => "dev_mail.html",
            Self::Error(_) => "error.html",
            Self::FormPost(_) => "form_post.html",
            Self::TenantHome(_) => "tenant_home.html",
            Self::PlatformHome(_) => "platform_home.html",
        }
    }
}

/// An account as it is shown to the person in front of the browser.
#[derive(Clone, Debug, Serialize)]
pub struct Account<'a> {
    /// What the form sends as `account` when this one is chosen.
    pub value: &'a str,
    /// The person's name, when known.
    pub name: Option<&'a str>,
    /// The e-mail address or other identifier that the person signs in with.
    pub identifier: &'a str,
    /// `false` says that choosing it asks for the password again.
    pub signed_in: bool,
}

/// Sign-in with e-mail address and password. Sends `request`, `csrf`, `email`, `password`.
#[derive(Clone, Debug, Serialize)]
pub struct SignIn<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// `login_hint`, or what was typed before; may be empty.
    pub email: &'a str,
    /// Why the form is shown again.
    pub problem: Option<SignInProblem>,
    /// Link to the other accounts of this browser, when it has any.
    pub another_account: Option<&'a str>,
    /// When to try again, after too many tries.
    pub wait: Option<Wait>,
    /// Link for who has forgotten the password.
    pub forgot: &'a str,
    /// Link for who has no account, when people may make one.
    pub register: Option<&'a str>,
    /// What a passkey is asked for with, where passkeys may sign in.
    pub passkey: Option<Passkey<'a>>,
    /// Where the form is sent for a code by mail, where that may sign in.
    pub email_code: Option<&'a str>,
}

/// Why a sign-in form is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInProblem {
    /// Address and password do not match. Never says which of the two.
    Wrong,
    /// No e-mail address, or not one.
    NoEmail,
    /// No password.
    NoPassword,
    /// Locked out, or asked too often.
    TooMany,
    /// The password pool is full.
    Busy,
    /// The form was too old, or from another browser; it is good again now.
    Stale,
    /// The passkey is not right.
    Passkey,
    /// The person is signed in in as many places as the tenant allows.
    Full,
    /// It was so unusual that it is not let through.
    Blocked,
}

impl SignInProblem {
    /// Every problem.
    pub const ALL: [Self; 9] = [
        Self::Blocked,
        Self::Full,
        Self::Wrong,
        Self::NoEmail,
        Self::NoPassword,
        Self::TooMany,
        Self::Busy,
        Self::Stale,
        Self::Passkey,
    ];
}

/// Choice between the accounts of one browser. Sends `request`, `csrf`, `account`.
#[derive(Clone, Debug, Serialize)]
pub struct Accounts<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// The accounts, the last used first.
    pub accounts: Vec<Account<'a>>,
    /// Link to a sign-in form for another account.
    pub another_account: &'a str,
}

/// What an application asks for. Sends `request`, `csrf`, and `decision`: `allow` or `refuse`.
#[derive(Clone, Debug, Serialize)]
pub struct Consent<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The name of the application that asks.
    pub application: &'a str,
    /// What it asks for. Standard scopes have texts, others show their own name.
    pub scopes: &'a ScopeSet,
    /// Who would allow it.
    pub account: Account<'a>,
    /// Link for "not you?": the account chooser or a sign-in form.
    pub another_account: &'a str,
    /// The host of the validated redirect URI, where either answer leads; none for an app's own
    /// URI scheme.
    pub destination: Option<&'a str>,
}

/// Asks before signing out. Sends `request`, `csrf`, and `decision`: `sign_out` or `stay`.
#[derive(Clone, Debug, Serialize)]
pub struct SignOut<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed logout request; empty when there is none.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The name of the application that asked for it, when known.
    pub application: Option<&'a str>,
    /// The accounts that would be signed out.
    pub accounts: Vec<Account<'a>>,
}

/// The end of a sign-out.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOut<'a> {
    /// The person chose to stay signed in.
    pub stayed: bool,
    /// The name of the application that asked for it, when known.
    pub application: Option<&'a str>,
    /// Applications that sign the user out in a frame.
    pub frames: &'a [Frame],
    /// Where it leads when the frames are there; checked before.
    pub onward: Option<&'a str>,
}

/// Asks for the address of who has forgotten the password. Sends `request`, `csrf`, `email`.
#[derive(Clone, Debug, Serialize)]
pub struct Forgot<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request; empty when there is none.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// What was typed before; may be empty.
    pub email: &'a str,
    /// Why the form is shown again.
    pub problem: Option<FormProblem>,
    /// Link back to the sign-in form, when somebody came from there.
    pub back: Option<&'a str>,
}

/// Asks for what an account needs. Sends `request`, `csrf`, `name`, `email`, `password`.
#[derive(Clone, Debug, Serialize)]
pub struct Register<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request; empty when there is none.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// What was typed before; may be empty.
    pub name: &'a str,
    /// What was typed before; may be empty.
    pub email: &'a str,
    /// Why the form is shown again.
    pub problem: Option<FormProblem>,
    /// How hard the refused password is to guess, when that is the problem.
    pub strength: Option<Strength>,
    /// The fewest characters of a password.
    pub min_length: u32,
    /// Link back to the sign-in form, when somebody came from there.
    pub back: Option<&'a str>,
}

/// Asks for a new password. Sends `token`, `csrf`, `password`.
#[derive(Clone, Debug, Serialize)]
pub struct NewPassword<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The secret of the link.
    pub token: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// Whose password it is: for the browser's own store of passwords.
    pub email: &'a str,
    /// Whether it is the first one, of somebody who was invited.
    pub invited: bool,
    /// Why the form is shown again.
    pub problem: Option<FormProblem>,
    /// How hard the refused password is to guess, when that is the problem.
    pub strength: Option<Strength>,
    /// The fewest characters of a password.
    pub min_length: u32,
}

/// Asks whether the address of an account is to change. Sends `token`, `csrf`.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmEmail<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The secret of the link.
    pub token: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The new address.
    pub new: &'a str,
    /// Whether only the new address is left to confirm.
    pub agreed: bool,
}

/// Asks whether an account is wanted: programs that follow links in mails say nothing. Sends
/// `token`, `csrf`, and `password` when it is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmRegistration<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The secret of the link.
    pub token: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The address of the account.
    pub email: &'a str,
    /// Whether the password is asked for: this is not the browser that it was chosen in.
    pub ask_password: bool,
    /// Why the form is shown again.
    pub problem: Option<FormProblem>,
}

/// Why a form is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormProblem {
    /// No e-mail address, or not one.
    NoEmail,
    /// The tenant does not admit addresses of this domain.
    OtherDomain,
    /// The name is too long.
    LongName,
    /// The password is too short.
    ShortPassword,
    /// The password is too long.
    LongPassword,
    /// The password is the address.
    SameAsEmail,
    /// The password is one that others try first.
    Guessable,
    /// The password is one that the person had before.
    Reused,
    /// The password is known from a breach.
    Breached,
    /// The password is not the one that was chosen.
    OtherPassword,
    /// The password pool is full.
    Busy,
    /// The form was too old; it is good again now.
    Stale,
    /// The code is not right.
    WrongCode,
    /// The passkey was not accepted.
    Passkey,
    /// The present password is not right.
    CurrentPassword,
    /// Asked too often.
    TooMany,
    /// The new address is the present one.
    SameAddress,
    /// Not a number that text messages can be sent to.
    Number,
    /// The code is not the one that was sent.
    SentCode,
}

impl FormProblem {
    /// Every problem.
    pub const ALL: [Self; 19] = [
        Self::SameAddress,
        Self::Number,
        Self::SentCode,
        Self::NoEmail,
        Self::OtherDomain,
        Self::LongName,
        Self::ShortPassword,
        Self::LongPassword,
        Self::SameAsEmail,
        Self::Guessable,
        Self::Reused,
        Self::Breached,
        Self::OtherPassword,
        Self::Busy,
        Self::Stale,
        Self::WrongCode,
        Self::Passkey,
        Self::CurrentPassword,
        Self::TooMany,
    ];
}

/// What was done, and what to do next.
#[derive(Clone, Debug, Serialize)]
pub struct Notice<'a> {
    /// What was done.
    pub kind: NoticeKind,
    /// The address that was typed, when that helps.
    pub email: Option<&'a str>,
    /// Link back to the sign-in form, when somebody came from there.
    pub back: Option<&'a str>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// If there is such an account, a mail is on its way.
    RecoverySent,
    /// A mail is on its way.
    RegistrationSent,
    /// The new password is set.
    PasswordSet,
    /// The account is there.
    Registered,
    /// The present address has agreed; a mail to the new one is on its way.
    EmailAgreed,
    /// The account has its new address.
    EmailChanged,
    /// The account will be deleted.
    DeletionPlanned,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::RecoverySent,
        Self::RegistrationSent,
        Self::PasswordSet,
        Self::Registered,
        Self::EmailAgreed,
        Self::EmailChanged,
        Self::DeletionPlanned,
    ];

    /// Whether it says an address.
    #[cfg(test)]
    pub(super) const fn names_address(self) -> bool {
        matches!(
            self,
            Self::RecoverySent | Self::RegistrationSent | Self::EmailAgreed | Self::EmailChanged
        )
    }
}

/// The development mailbox.
#[derive(Clone, Debug, Serialize)]
pub struct DevMail<'a> {
    /// The last mails, the newest first.
    pub mails: &'a [Sent],
}

/// `response_mode=form_post` (OAuth 2.0 Form Post Response Mode): submits itself where scripts
/// run, and has a button.
#[derive(Clone, Debug, Serialize)]
pub struct FormPost<'a> {
    /// The validated redirect URI.
    pub action: &'a str,
    /// The parameters of the response, in order.
    pub fields: Vec<(&'a str, &'a str)>,
    /// The name of the application.
    pub application: Option<&'a str>,
}

/// A tenant's front door, at its issuer.
#[derive(Clone, Debug, Serialize)]
pub struct TenantHome<'a> {
    /// The issuer, without a trailing slash.
    pub issuer: &'a str,
}

/// The platform's front door.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformHome<'a> {
    /// In development mode: the issuer of a tenant to try, when there is one.
    pub example_issuer: Option<&'a str>,
    /// In development mode: commands to run next, in order.
    pub commands: Vec<&'a str>,
}
