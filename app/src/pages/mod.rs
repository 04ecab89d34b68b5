//! The hosted pages: sign-in, account chooser, consent, sign-out, errors and the two front doors.
//!
//! Pure: a typed [`Page`] and a [`Look`] become a string of HTML ([`render`]) and a list of header
//! pairs ([`headers`]); the HTTP server is elsewhere. A page is one HTML response with its style
//! inside: no other request but the frames that sign out of applications, no script but those of
//! [`script`].
//!
//! Texts are in `app/messages/<locale>.json`, looked up by `t("key", name=value)`; templates hold
//! none. Form fields and stable element ids are listed in `app/templates/README.md`.

mod factor;
mod frame;
mod headers;
mod letter;
mod messages;
mod own;
mod page;
mod portal;
mod problem;
mod script;
mod theme;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use bailiwick_domain::locale::Locale;
use bailiwick_domain::scope::STANDARD;
use bailiwick_domain::tenant::Theme;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

pub use factor::{ConfirmSignIn, EmailCode, Enrol, FactorProblem, Passkey, SecondFactor};
pub use frame::Frame;
pub use headers::headers;
pub use letter::{Letter, LetterKind, letter, text_message};
pub use own::{Kept, Own, check as check_template};
pub use page::{
    Account, Accounts, ConfirmEmail, ConfirmRegistration, Consent, DevMail, Forgot, FormPost,
    FormProblem, NewPassword, Notice, NoticeKind, Page, PlatformHome, Register, SignIn,
    SignInProblem, SignOut, SignedOut, TenantHome,
};
pub use portal::{
    Applications, ChangeEmail, ConnectedItem, Content, Delete, Done, EventItem, Events, Overview,
    PasskeyItem, Passkeys, Password, Phone, PhoneItem, Portal, PortalFrame, Profile, RecoveryCodes,
    SHOWN_EVENTS, SessionItem, Sessions, Tab, Totp, TotpNew,
};
pub use problem::{ErrorPage, Problem, Wait};

/// The product's mark, as SVG. Every page holds it as a `data:` icon.
pub const FAVICON: &str = include_str!("../../assets/favicon.svg");

const STYLE: &str = include_str!("../../assets/pages.css");

/// Instructions of the template engine that one page may take. The longest (consent for 64 scopes)
/// takes a tenth of it.
const FUEL: u64 = 50_000;

macro_rules! template {
    ($name:literal) => {
        ($name, include_str!(concat!("../../templates/", $name)))
    };
}

const TEMPLATES: [(&str, &str); 35] = [
    template!("base.html"),
    template!("macros.html"),
    template!("sign_in.html"),
    template!("email_code.html"),
    template!("confirm_sign_in.html"),
    template!("second_factor.html"),
    template!("enrol.html"),
    template!("portal/frame.html"),
    template!("portal/overview.html"),
    template!("portal/profile.html"),
    template!("portal/email.html"),
    template!("portal/password.html"),
    template!("portal/passkeys.html"),
    template!("portal/totp.html"),
    template!("portal/phone.html"),
    template!("portal/delete.html"),
    template!("portal/recovery_codes.html"),
    template!("portal/sessions.html"),
    template!("portal/applications.html"),
    template!("portal/events.html"),
    template!("accounts.html"),
    template!("consent.html"),
    template!("sign_out.html"),
    template!("signed_out.html"),
    template!("forgot.html"),
    template!("register.html"),
    template!("new_password.html"),
    template!("confirm_registration.html"),
    template!("confirm_email.html"),
    template!("notice.html"),
    template!("dev_mail.html"),
    template!("error.html"),
    template!("form_post.html"),
    template!("tenant_home.html"),
    template!("platform_home.html"),
];

/// No page: a letter has no header and footer of the site, and brings its own style.
const MAIL: &str = include_str!("../../templates/mail.html");

static ENGINES: LazyLock<Vec<(Locale, Environment<'static>)>> = LazyLock::new(|| {
    let engine_of = |locale| (locale, engine(move |key| messages::text(locale, key)));
    Locale::ALL.into_iter().map(engine_of).collect()
});

/// What all pages of one response share.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Whose pages these are: the tenant's name, or the product's on the platform's own pages.
    pub tenant_name: &'a str,
    /// The tenant's theme variables.
    pub theme: &'a Theme,
    /// The language of the texts.
    pub locale: Locale,
    /// 128 random bits or more in base64 or hex, new for every response, and the same in
    /// [`headers`].
    pub nonce: &'a str,
    /// The path of the tenant's issuer without a trailing slash: `/t/acme`, or empty.
    pub base: &'a str,
    /// The tenant's own templates, when it has any.
    pub own: Option<Own<'a>>,
    /// Whether the server runs in development mode, which pages say.
    pub development: bool,
    /// Whether the issuer is https: HSTS is sent only then.
    pub secure: bool,
}

/// The page as HTML.
///
/// Names, hints and every other value from outside are escaped. A template that fails, which the
/// tests exclude for the embedded ones, is logged and answered with a plain apology.
#[must_use]
pub fn render(page: &Page<'_>, look: &Look<'_>) -> String {
    if let Some(engine) = look.own.and_then(|own| own::engine(&own, look.locale)) {
        match own::render(engine, page.template(), context(page, look)) {
            Ok(html) => return html,
            Err(error) => {
                // Ours instead: nobody is kept from signing in by a mistake in a template.
                let (tenant, template) = (look.tenant_name, page.template());
                metrics::counter!("bailiwick_own_templates_failed_total").increment(1);
                tracing::warn!(tenant, template, %error, "a tenant's template failed");
            }
        }
    }
    let rendered = match ENGINES.iter().find(|(locale, _)| *locale == look.locale) {
        Some((_, engine)) => render_with(engine, page, look),
        None => Err(minijinja::Error::new(minijinja::ErrorKind::TemplateNotFound, "locale")),
    };
    rendered.unwrap_or_else(|error| {
        tracing::error!(template = page.template(), %error, "a page could not be rendered");
        let text = |key| messages::text(look.locale, key).unwrap_or_default();
        let (title, next) = (text("problem.internal.title"), text("problem.internal.next"));
        format!("<!DOCTYPE html><title>{title}</title><h1>{title}</h1><p>{next}</p>")
    })
}

fn render_with(
    engine: &Environment<'_>,
    page: &Page<'_>,
    look: &Look<'_>,
) -> Result<String, minijinja::Error> {
    engine.get_template(page.template())?.render(context(page, look))
}

/// What a template has to show.
fn context(page: &Page<'_>, look: &Look<'_>) -> Value {
    context! {
        page => Value::from(Serde(page)),
        tenant_name => look.tenant_name,
        initial => initial(look.tenant_name),
        logo => look.theme.logo.as_deref(),
        wide => matches!(page, Page::Portal(_)),
        lang => look.locale.tag(),
        nonce => look.nonce,
        base => look.base,
        development => look.development,
        theme => Value::from_safe_string(theme::css(look.theme)),
    }
}

fn engine(
    text: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    for (name, source) in TEMPLATES {
        engine.add_template(name, source).expect("every embedded template compiles: tested");
    }
    engine.add_template("mail.html", MAIL).expect("it compiles: tested");
    engine.add_function("t", messages::function(text));
    engine.add_filter("time", time);
    engine.add_filter("initial", |name: &str| initial(name));
    engine.add_global("standard_scopes", Value::from(Serde(STANDARD)));
    engine.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    engine.add_global("scripts", script::elements());
    engine.add_global("icon", Value::from_safe_string(icon()));
    engine
}

/// A time as people read it, to the minute, of one in RFC 3339.
fn time(text: &str) -> String {
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

/// The letter of a monogram; empty when the name has neither letter nor digit.
fn initial(name: &str) -> String {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .map_or_else(String::new, |c| c.to_uppercase().collect())
}

/// [`FAVICON`] as a `data:` URI that can stand in a double-quoted attribute.
fn icon() -> String {
    let mut uri = String::from("data:image/svg+xml,");
    for c in FAVICON.trim_end().chars() {
        match c {
            '"' => uri.push('\''),
            '<' => uri.push_str("%3C"),
            '>' => uri.push_str("%3E"),
            '#' => uri.push_str("%23"),
            '%' => uri.push_str("%25"),
            '\n' => uri.push(' '),
            other => uri.push(other),
        }
    }
    uri
}
