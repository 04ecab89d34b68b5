//! Answering with a page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use bailiwick_actors::limits::Limited;
use bailiwick_domain::{Kind, Locale};
use bailiwick_protocol::authorize::response::Delivery;
use bailiwick_protocol::{ErrorCode, OAuthError};

use super::browser::{self, Browser};
use crate::cx::Cx;
use crate::http::limits;
use crate::http::status::{log, status};
use crate::pages::{self, ErrorPage, FormPost, Look, Own, Page, Problem, Wait};

/// Why a page cannot go on, told on a page.
#[derive(Debug)]
pub struct PageError {
    problem: Problem,
    code: &'static str,
    detail: Option<String>,
    kind: Kind,
    limited: Option<Limited>,
    instead: Option<Box<HttpResponse>>,
    retry: Option<String>,
}

impl PageError {
    /// A problem of the request.
    #[must_use]
    pub const fn new(problem: Problem, code: &'static str) -> Self {
        Self {
            problem,
            code,
            detail: None,
            kind: Kind::Invalid,
            limited: None,
            instead: None,
            retry: None,
        }
    }

    /// No problem: something else has to be done first, and this leads there.
    #[must_use]
    pub fn first(answer: HttpResponse) -> Self {
        Self { instead: Some(Box::new(answer)), ..Self::new(Problem::Expired, "sign_in") }
    }

    /// The problem, with an address where it can be tried again.
    #[must_use]
    pub fn retry(mut self, url: String) -> Self {
        self.retry = Some(url);
        self
    }

    /// The problem, with what a developer needs to know.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// The problem, as another kind of failure.
    #[must_use]
    pub const fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it is one of too many requests.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.limited.is_some()
    }

    fn of_ours(kind: Kind, error: &dyn std::fmt::Display) -> Self {
        log(kind, error);
        let code =
            if kind == Kind::Unavailable { "temporarily_unavailable" } else { "server_error" };
        Self::new(Problem::from(kind), code).of_kind(kind)
    }
}

impl From<OAuthError> for PageError {
    fn from(e: OAuthError) -> Self {
        let problem = match e.code {
            ErrorCode::InvalidClient | ErrorCode::UnauthorizedClient => Problem::UnknownApplication,
            _ => Problem::BadRequest,
        };
        Self::new(problem, e.code.name()).detail(e.description).of_kind(Kind::Invalid)
    }
}

impl From<Limited> for PageError {
    fn from(limited: Limited) -> Self {
        let (kind, code) = if limits::is_ours(&limited) {
            (Kind::Unavailable, "temporarily_unavailable")
        } else {
            (Kind::Limited, "slow_down")
        };
        Self { limited: Some(limited), ..Self::new(Problem::from(kind), code).of_kind(kind) }
    }
}

macro_rules! of_ours {
    ($($source:ty),*) => {$(
        impl From<$source> for PageError {
            fn from(e: $source) -> Self {
                let kind = if e.kind() == Kind::Unavailable { e.kind() } else { Kind::Internal };
                Self::of_ours(kind, &e)
            }
        }
    )*};
}

of_ours!(bailiwick_actors::Error, bailiwick_store::Error);

/// What a handler of a page comes to, as an answer.
#[must_use]
pub fn answer(cx: &Cx, done: Result<HttpResponse, PageError>) -> HttpResponse {
    done.unwrap_or_else(|mut e| {
        if let Some(instead) = e.instead.take() {
            return *instead;
        }
        let page = Page::Error(ErrorPage {
            problem: e.problem,
            code: e.code,
            detail: e.detail.as_deref(),
            request_id: &cx.request_id,
            retry: e.retry.as_deref(),
            wait: e.limited.map(|limited| Wait::of(limited.retry_after)),
        });
        let mut answer = show(cx, &page, Show { status: status(e.kind), ..Show::default() });
        if let Some(limited) = &e.limited {
            limits::refuse(answer.headers_mut(), limited);
        }
        answer
    })
}

/// How a page is shown.
#[derive(Clone, Copy)]
pub struct Show<'a> {
    /// The status.
    pub status: StatusCode,
    /// The browser, when its cookie has to be set.
    pub browser: Option<&'a Browser>,
    /// The validated redirect URI that the page's form leads to.
    pub redirect: Option<&'a str>,
    /// The language of the authorization request or of the person, which goes before the browser's.
    pub locale: Option<Locale>,
}

impl Default for Show<'_> {
    fn default() -> Self {
        Self { status: StatusCode::OK, browser: None, redirect: None, locale: None }
    }
}

/// Renders a page with its headers.
#[must_use]
pub fn show(cx: &Cx, page: &Page<'_>, how: Show<'_>) -> HttpResponse {
    let nonce = cx.env().token::<16>();
    let secure = browser::is_secure(cx);
    let look = Look {
        tenant_name: &cx.view.tenant.name,
        theme: &cx.view.tenant.settings.theme,
        locale: how.locale.or(cx.locale).unwrap_or_default(),
        nonce: &nonce,
        base: base(cx.issuer()),
        own: Own::of(&cx.view),
        development: cx.state.config.is_development(),
        secure,
    };
    let mut answer = HttpResponse::build(how.status);
    for header in pages::headers(page, &look, how.redirect) {
        answer.insert_header(header);
    }
    if let Some(browser) = how.browser.filter(|b| b.is_new) {
        answer.cookie(browser.cookie(cx));
    }
    answer.body(pages::render(page, &look))
}

/// Hands an authorization response to the browser.
#[must_use]
pub fn deliver(cx: &Cx, delivery: &Delivery, application: Option<&str>) -> HttpResponse {
    match delivery {
        Delivery::Redirect(to) => see_other(to),
        Delivery::FormPost { action, fields } => {
            let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let page = Page::FormPost(FormPost { action, fields, application });
            show(cx, &page, Show { redirect: Some(action), ..Show::default() })
        }
    }
}

/// 303: the browser goes on with a GET. What carries codes is never kept.
#[must_use]
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", to))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("referrer-policy", "no-referrer"))
        .finish()
}

/// The path of an issuer: `/t/acme`, or empty.
fn base(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.find('/').and_then(|i| rest.get(i..)).unwrap_or("")
}
