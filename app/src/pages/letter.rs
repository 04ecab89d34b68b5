//! Letters: what a mail says, as text and as HTML, from the same catalogue as the pages.

use bailiwick_domain::locale::Locale;
use bailiwick_domain::tenant::Theme;
use minijinja::context;

use super::{ENGINES, messages, theme};

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {
    /// A link to set a new password.
    ResetPassword,
    /// A link that makes the account.
    Register,
    /// An account was asked for, and there is one already.
    AlreadyRegistered,
    /// The password was changed.
    PasswordChanged,
}

impl LetterKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::ResetPassword, Self::Register, Self::AlreadyRegistered, Self::PasswordChanged];

    const fn name(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::Register => "register",
            Self::AlreadyRegistered => "already_registered",
            Self::PasswordChanged => "password_changed",
        }
    }
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
}

/// The messages of a letter: subject, what happened, what its button says, and what to do if it was
/// not asked for.
pub(super) fn keys(kind: LetterKind) -> [String; 4] {
    ["subject", "happened", "button", "unasked"].map(|part| format!("mail.{}.{part}", kind.name()))
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
    let plain = format!(
        "{subject}\n\n{happened}\n\n{button}:\n{}\n\n{unasked}\n\n-- \n{}\n",
        letter.link, letter.tenant_name
    );
    let engine = ENGINES.iter().find(|(locale, _)| *locale == letter.locale);
    let (_, engine) = engine.ok_or(minijinja::ErrorKind::TemplateNotFound)?;
    let html = engine.get_template("mail.html")?.render(context! {
        subject => &subject,
        happened => &happened,
        button => &button,
        unasked => &unasked,
        link => letter.link,
        tenant_name => letter.tenant_name,
        lang => letter.locale.tag(),
        accent => theme::accent(letter.theme),
    })?;
    // The engine writes slashes as character references, which not every mail program understands.
    Ok((subject, plain, html.replace("&#x2f;", "/")))
}
