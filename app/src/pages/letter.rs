//! Letters: what a mail says, as text and as HTML, from the same catalogue as the pages.

use bailiwick_domain::locale::Locale;
use bailiwick_domain::tenant::Theme;
use minijinja::context;
use serde::{Deserialize, Serialize};

use super::{ENGINES, Own, messages, theme};

const MAIL: &str = "mail.html";

macro_rules! letters {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $leads_to:literal;)*) => {
        /// What a mail is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum LetterKind {
            $($(#[$doc])* $name,)*
        }

        impl LetterKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Which of the account's pages its button opens, below `/account`, when it is not one
            /// that the mail brings its secret for.
            #[must_use]
            pub const fn leads_to(self) -> &'static str {
                match self { $(Self::$name => $leads_to,)* }
            }
        }
    };
}

letters! {
    /// A link to set a new password.
    ResetPassword = "reset_password", "";
    /// A link that makes the account.
    Register = "register", "";
    /// An account was asked for, and there is one already.
    AlreadyRegistered = "already_registered", "/forgot";
    /// The password was changed.
    PasswordChanged = "password_changed", "/forgot";
    /// A code that signs in, and a link that does the same.
    SignInCode = "sign_in_code", "";
    /// A code for who knows the password.
    FactorCode = "factor_code", "/password";
    /// A link to choose the first password.
    Invitation = "invitation", "";
    /// Asks at the present address whether there is to be another.
    ConfirmOldEmail = "confirm_old_email", "";
    /// Asks at the new address whether it is to be the account's.
    ConfirmNewEmail = "confirm_new_email", "";
    /// The account has another address; told to the one it had.
    EmailChanged = "email_changed", "";
    /// Something new signs in.
    FactorAdded = "factor_added", "";
    /// Something signs in no longer.
    FactorRemoved = "factor_removed", "";
    /// The account will be deleted.
    DeletionPlanned = "deletion_planned", "/delete";
    /// Somebody signed in from where nobody had.
    NewSignIn = "new_sign_in", "/sessions";
    /// Somebody with the right password was not let in.
    SignInBlocked = "sign_in_blocked", "/forgot";
}

/// A letter to write.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// What it is about.
    pub kind: LetterKind,
    /// Whose letter it is: the tenant's name.
    pub tenant_name: &'a str,
    /// The tenant's theme variables.
    pub theme: &'a Theme,
    /// The language.
    pub locale: Locale,
    /// Where its button leads: every letter has one.
    pub link: &'a str,
    /// What stands out: a code, an address, a time.
    pub detail: Option<&'a str>,
    /// The tenant's own templates, when it has any.
    pub own: Option<Own<'a>>,
}

/// The message of a code as a text message.
pub(super) const TEXT_MESSAGE: &str = "text.code";

/// The messages of a letter: subject, what happened, what its button says, and what to do if it was
/// not asked for.
pub(super) fn keys(kind: LetterKind) -> [String; 4] {
    ["subject", "happened", "button", "unasked"].map(|part| format!("mail.{}.{part}", kind.name()))
}

/// A code as a text message.
#[must_use]
pub fn text_message(locale: Locale, tenant_name: &str, code: &str) -> String {
    let text = messages::text(locale, TEXT_MESSAGE).unwrap_or_default();
    text.replace("{tenant}", tenant_name).replace("{code}", code)
}

/// Subject, text and HTML.
///
/// # Errors
/// When the template fails, which the tests exclude for the embedded one.
pub fn letter(letter: &Letter<'_>) -> Result<(String, String, String), minijinja::Error> {
    let text = |key: String| {
        let text = messages::text(letter.locale, &key).unwrap_or_default();
        text.replace("{tenant}", letter.tenant_name)
    };
    let [subject, happened, button, unasked] = keys(letter.kind).map(text);
    let detail = letter.detail.map(|d| format!("{d}\n\n")).unwrap_or_default();
    let plain = format!(
        "{subject}\n\n{happened}\n\n{detail}{button}:\n{}\n\n{unasked}\n\n-- \n{}\n",
        letter.link, letter.tenant_name
    );
    let engine = ENGINES.iter().find(|(locale, _)| *locale == letter.locale);
    let (_, engine) = engine.ok_or(minijinja::ErrorKind::TemplateNotFound)?;
    let values = context! {
        subject => &subject,
        happened => &happened,
        button => &button,
        unasked => &unasked,
        link => letter.link,
        detail => letter.detail,
        tenant_name => letter.tenant_name,
        lang => letter.locale.tag(),
        accent => theme::accent(letter.theme),
    };
    let own = letter.own.filter(|own| own.templates.contains_key(MAIL));
    let own = own.and_then(|own| super::own::engine(&own, letter.locale));
    let html = match own.map(|engine| super::own::render(engine, MAIL, values.clone())) {
        Some(Ok(html)) => html,
        Some(Err(error)) => {
            tracing::warn!(%error, "a tenant's template of mails failed");
            engine.get_template(MAIL)?.render(values)?
        }
        None => engine.get_template(MAIL)?.render(values)?,
    };
    // The engine writes slashes as character references, which not every mail program understands.
    Ok((subject, plain, html.replace("&#x2f;", "/")))
}
