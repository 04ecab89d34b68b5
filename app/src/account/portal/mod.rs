//! What people see and change of their own accounts, signed in: `{issuer}/account`, a file a page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use bailiwick_actors::RevokedKey;
use bailiwick_domain::user::User;
use bailiwick_domain::{EventKind, Factor, Locale, SessionId, UserId};
use bailiwick_protocol::Params;
use bailiwick_protocol::authorize::Prompt;
use bailiwick_protocol::authorize::interaction::Step;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::sessions::SessionRow;

use utoipa_actix_web::service_config::ServiceConfig;

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::cut_off::tell;
use crate::flow::input::own_form;
use crate::flow::page::{PageError, Show, see_other, show};
use crate::flow::pending::Pending;
use crate::flow::{portal, proceed};
use crate::mails::{News, Wish};
use crate::pages::{Content, Done, FormProblem, LetterKind, Page, Portal, PortalFrame, Tab, Wait};
use crate::password::choice::Refused;

pub mod applications;
pub mod data;
pub mod delete;
pub mod email;
pub mod events;
mod one;
pub mod overview;
pub mod passkeys;
pub mod password;
pub mod phone;
pub mod profile;
pub mod recovery_codes;
pub mod sessions;
pub mod totp;

/// The routes of these pages.
pub fn routes(routes: &mut ServiceConfig<'_>) {
    routes
        .service(overview::get)
        .service(profile::get)
        .service(profile::post)
        .service(email::get)
        .service(email::post)
        .service(phone::get)
        .service(phone::post)
        .service(delete::get)
        .service(delete::post)
        .service(password::get)
        .service(password::post)
        .service(passkeys::get)
        .service(passkeys::post)
        .service(totp::get)
        .service(totp::post)
        .service(recovery_codes::get)
        .service(recovery_codes::post)
        .service(sessions::get)
        .service(sessions::post)
        .service(applications::get)
        .service(applications::post)
        .service(events::get)
        .service(data::get);
}

/// How long ago, in seconds, a sign-in may be for what would give the account away.
const FRESH: u64 = 15 * 60;

/// How recent the sign-in must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Any that is alive.
    SignIn,
    /// One of the last minutes.
    Fresh,
    /// One of the last minutes; who has nothing yet to prove more with may come here for it.
    FreshToSetUp,
}

/// Who is signed in, and where.
struct Me<'a> {
    cx: &'a Cx,
    browser: Browser,
    session: SessionRow,
    person: User,
    tab: Tab,
    /// The sign-in that waits until something is set up, sealed.
    waiting: Option<String>,
    done: Option<Done>,
    /// The language of the person's own pages and mails.
    locale: Locale,
}

impl<'a> Me<'a> {
    /// Whoever asks for a page; somebody else is sent to sign in first.
    async fn of(
        cx: &'a Cx,
        request: &HttpRequest,
        (tab, needs): (Tab, Needs),
    ) -> Result<Self, PageError> {
        let params = Params::parse(request.query_string().as_bytes())?;
        let browser = Browser::of(cx, request);
        let mut me = Self::signed_in(cx, browser, &params, (tab, needs)).await?;
        // Only what our own redirect says: a link from elsewhere must not claim that it was done.
        let site = request.headers().get("sec-fetch-site").map(|v| v.as_bytes());
        let ours = matches!(site, None | Some(b"same-origin"));
        me.done = params.get("done")?.filter(|_| ours).and_then(Done::parse);
        Ok(me)
    }

    /// As [`Self::of`], for a form, which must come from a page that we gave to this browser.
    async fn sent(
        cx: &'a Cx,
        request: &HttpRequest,
        params: &Params,
        (tab, needs): (Tab, Needs),
    ) -> Result<Self, PageError> {
        let browser = own_form(cx, request, params)?;
        Self::signed_in(cx, browser, params, (tab, needs)).await
    }

    async fn signed_in(
        cx: &'a Cx,
        browser: Browser,
        params: &Params,
        (tab, needs): (Tab, Needs),
    ) -> Result<Self, PageError> {
        let chosen = params.get("session")?.and_then(|id| id.parse::<SessionId>().ok());
        let fresh = needs != Needs::SignIn;
        let prompt = (params.get("switch")? == Some("1")).then_some(Prompt::SelectAccount);
        let wanted = portal::request(cx, tab.path(), fresh.then_some(FRESH), prompt);
        let mut pending = Pending::new(cx, wanted, &browser);
        if let Some(session) = chosen.filter(|_| prompt.is_none()) {
            pending = pending.after(|p| p.chose(session));
        }
        let (step, sessions) = proceed::next(cx, &pending, &browser).await?;
        let session = match step {
            Step::Issue { session } => session,
            Step::Enrol { session, .. } if needs == Needs::FreshToSetUp => session,
            other => {
                return Err(PageError::first(proceed::take(cx, &pending, &browser, other)?));
            }
        };
        let session = proceed::of(&sessions, session)?.clone();
        // It leads only to our own next step: whether it is good is asked there.
        let waiting = params.get("request")?.filter(|r| !r.is_empty()).map(str::to_owned);
        let person = proceed::user(cx, &session).await?;
        let locale = person.locale().or(cx.locale).unwrap_or_default();
        Ok(Self { cx, browser, session, person, tab, waiting, done: None, locale })
    }

    fn user(&self) -> UserId {
        self.session.user
    }

    /// What the account is called.
    fn identifier(&self) -> &str {
        self.session.email.as_deref().unwrap_or(&self.session.sub)
    }

    /// The address of one of these pages, for this session.
    fn link(&self, tab: Tab) -> String {
        format!("{}{}?session={}", self.cx.issuer(), tab.path(), self.session.id)
    }

    /// To a page, which says what was done.
    fn go(&self, tab: Tab, done: Done) -> HttpResponse {
        see_other(&format!("{}&done={}", self.link(tab), done.name()))
    }

    fn show(&self, content: &Content<'_>) -> HttpResponse {
        self.again(content, None)
    }

    /// The page, with what is wrong.
    fn again(
        &self,
        content: &Content<'_>,
        problem: Option<(FormProblem, Option<Wait>)>,
    ) -> HttpResponse {
        let (problem, wait) = problem.unzip();
        self.page(content, problem.map(Refused::from), wait.flatten())
    }

    /// The page, with why a password may not be set.
    fn refused(&self, content: &Content<'_>, refused: Refused) -> HttpResponse {
        self.page(content, Some(refused), None)
    }

    fn page(
        &self,
        content: &Content<'_>,
        refused: Option<Refused>,
        wait: Option<Wait>,
    ) -> HttpResponse {
        let problem = refused.map(|r| r.problem);
        let status = match problem {
            None => StatusCode::OK,
            Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Some(FormProblem::TooMany) => StatusCode::TOO_MANY_REQUESTS,
            Some(_) => StatusCode::BAD_REQUEST,
        };
        let texts = self.cx.offers(Factor::SmsCode);
        let shown = |tab: &Tab| tab.is_in_menu() && (*tab != Tab::Phone || texts);
        let tabs = Tab::ALL.iter().copied().filter(shown);
        let tabs: Vec<(Tab, String)> = tabs.map(|tab| (tab, self.link(tab))).collect();
        let page = Page::Portal(Portal {
            frame: PortalFrame {
                action: &self.link(self.tab),
                csrf: &self.browser.csrf(self.cx),
                session: &self.session.id.to_string(),
                name: self.session.name.as_deref(),
                identifier: self.identifier(),
                tab: self.tab,
                tabs: tabs.iter().map(|(tab, url)| (*tab, url.as_str())).collect(),
                switch: &format!("{}/account?switch=1", self.cx.issuer()),
                sign_out: &format!("{}/oauth/logout", self.cx.issuer()),
                waiting: self.waiting.as_deref().unwrap_or_default(),
            },
            done: self.done,
            problem,
            strength: refused.and_then(|r| r.strength),
            min_length: self.cx.view.tenant.settings.passwords.min_length,
            wait,
            content,
        });
        let locale = Some(self.locale);
        let how = Show { status, browser: Some(&self.browser), locale, ..Show::default() };
        show(self.cx, &page, how)
    }

    /// Something that this person did.
    fn event(&self, kind: EventKind) -> AuditEvent {
        let tenant = self.cx.tenant_id();
        let actor = Actor::user(tenant, self.user());
        AuditEvent::new(self.cx.env(), tenant, kind, actor).on("user", self.user().0)
    }

    /// Something that this person did, and is told of by mail: it may have been somebody else.
    fn news(&self, event: AuditEvent, letter: LetterKind, detail: Option<String>) -> News {
        let email = self.session.email.clone();
        let told = email.map(|email| Wish::Told { email, letter, detail });
        News::new(self.cx, event, told, self.locale)
    }
}

/// Tells this node of sessions that ended.
async fn ended(cx: &Cx, sessions: Vec<SessionId>) {
    tell(cx, sessions.into_iter().map(RevokedKey::Session).collect()).await;
}
