//! `GET` and `POST /login/factor`: who has signed in proves more.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_actors::Error as ActorError;
use bailiwick_actors::limits::Limited;
use bailiwick_domain::acr::{Acr, Factor};
use bailiwick_protocol::Params;
use bailiwick_protocol::authorize::interaction::Step;
use bailiwick_store::Error as StoreError;
use bailiwick_store::credentials::Credential;
use bailiwick_store::sessions::SessionRow;

use super::resume;
use crate::cx::Cx;
use crate::factors::{self, Proof, passkey, recovery, totp};
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, pending_in_form, pending_in_query};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::flow::proceed;
use crate::flow::start::{Started, strengthen};
use crate::http::limits;
use crate::pages::{Account, FactorProblem, Page, Passkey, SecondFactor, Wait};

/// The longest code that is looked at, in bytes.
const MAX_CODE: usize = 64;

/// What the page is about.
struct Asked {
    pending: Pending,
    browser: Browser,
    session: SessionRow,
    /// What the user has, of what will do.
    factors: Vec<Factor>,
    mine: Vec<Credential>,
}

/// Asks for another factor.
#[utoipa::path(
    get,
    path = "/login/factor",
    tag = "Hosted pages",
    operation_id = "login_factor",
    params(
        ("request" = String, Query, description = "The sealed pending request"),
        ("method" = Option<String>, Query,
            description = "`passkey`, `totp`, `sms_code`, `email_code`, `recovery_code`"),
    ),
    responses(
        (status = 200, description = "A page"),
        (status = 303, description = "There is nothing to ask: on to the next step"),
    )
)]
#[get("/login/factor")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let params = Params::parse(request.query_string().as_bytes())?;
        let asked = asked(&cx, pending_in_query(&cx, &request)?).await?;
        let method = method(&asked, &params)?;
        page(&cx, &asked, &Shown::of(method))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Checks the factor.
#[utoipa::path(
    post,
    path = "/login/factor",
    tag = "Hosted pages",
    operation_id = "login_factor_post",
    responses(
        (status = 200, description = "The form again: a code was sent"),
        (status = 303, description = "Right: on to the next step"),
        (status = 401, description = "The form again: it is not right"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 429, description = "The form again: too many tries"),
        (status = 503, description = "The form again: too many codes wait to be hashed"),
    )
)]
#[post("/login/factor")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = prove(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

/// The session that has to prove more; when none has to, on to the next step.
async fn asked(cx: &Cx, (pending, browser): (Pending, Browser)) -> Result<Asked, PageError> {
    let (step, sessions) = proceed::next(cx, &pending, &browser).await?;
    let Step::Factor { session, acr } = step else {
        return Err(PageError::first(resume::redirect(cx, &pending)));
    };
    let session = proceed::of(&sessions, session)?.clone();
    let usable = proceed::usable(cx, &session);
    let enough = |factor: &Factor| factor.reaches() >= acr || acr == Acr::Two;
    let factors: Vec<Factor> = usable.iter().filter(enough).collect();
    let mine = factors::of_user(cx, session.user).await?;
    Ok(Asked { pending, browser, session, factors, mine })
}

/// The factor that was chosen, or the best.
fn method(asked: &Asked, params: &Params) -> Result<Factor, PageError> {
    let chosen = params.get("method")?.and_then(Factor::parse);
    let chosen = chosen.filter(|factor| asked.factors.contains(factor));
    let gone = || PageError::new(crate::pages::Problem::Forbidden, "no_factor");
    chosen.or_else(|| asked.factors.first().copied()).ok_or_else(gone)
}

async fn prove(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let asked = asked(cx, pending_in_form(cx, request, &params)?).await?;
    let method = method(&asked, &params)?;
    let user = asked.session.user;
    let ceremony = params.get("ceremony")?.map(str::to_owned);
    let sent = matches!(method, Factor::EmailCode | Factor::SmsCode);
    let mut shown = Shown { ceremony: ceremony.clone().filter(|_| sent), ..Shown::of(method) };
    if sent && shown.ceremony.is_none() {
        return send(cx, &asked, shown).await;
    }
    // Whoever knows the password has this many tries, from wherever.
    let attempt = match cx.attempt("factor", &user.to_string()).await {
        Ok(attempt) => attempt,
        Err(limited) => return too_many(cx, &asked, shown, &limited),
    };
    let code = params.get("code")?.unwrap_or_default();
    let code = code.get(..MAX_CODE).unwrap_or(code);
    let with = (asked.mine.as_slice(), code);
    let proof = match method {
        Factor::Totp => totp::check(cx, with.0, with.1),
        Factor::RecoveryCode => match recovery::check(cx, with.0, with.1).await {
            Ok(proof) => proof,
            Err(error) => {
                tracing::warn!(%error, "a recovery code was not verified");
                attempt.released().await;
                shown.problem = Some((FactorProblem::Busy, None));
                return page(cx, &asked, &shown);
            }
        },
        Factor::EmailCode | Factor::SmsCode => {
            let given = (code, ceremony.as_deref().unwrap_or_default());
            factors::check_sent(cx, &asked.browser, (user, method, with.0), given)
        }
        Factor::Passkey => {
            let answer = params.get("answer")?.unwrap_or_default();
            let given = (answer, ceremony.as_deref().unwrap_or_default());
            passkey::check(cx, &asked.browser, Some(user), given).await?.map(|(_, proof)| proof)
        }
    };
    let Some(proof) = proof else {
        attempt.failed(cx.now);
        return wrong(cx, &asked, shown);
    };
    // An emergency is not remembered: nobody would notice that the phone is gone.
    let remember = method != Factor::RecoveryCode && params.get("remember")? == Some("1");
    done(cx, request, (&asked, shown), (proof, remember, attempt)).await
}

/// Sends a code, and asks for it.
async fn send(cx: &Cx, asked: &Asked, mut shown: Shown) -> Result<HttpResponse, PageError> {
    let session = &asked.session;
    let attempt = match cx.attempt("factor.send", &session.user.to_string()).await {
        Ok(attempt) => attempt,
        Err(limited) => return too_many(cx, asked, shown, &limited),
    };
    attempt.counted();
    let locale = asked.pending.request.ui_locale.or(cx.locale).unwrap_or_default();
    let to = (session.user, session.email.as_deref(), asked.mine.as_slice());
    shown.ceremony = factors::send(cx, &asked.browser, shown.method, to, locale).await?;
    page(cx, asked, &shown)
}

async fn done(
    cx: &Cx,
    request: &HttpRequest,
    (asked, shown): (&Asked, Shown),
    (proof, remember, attempt): (Proof, bool, bailiwick_actors::limits::Attempt<'_>),
) -> Result<HttpResponse, PageError> {
    let with = (proof, remember);
    match strengthen(cx, (&asked.browser, request), &asked.session, with).await {
        Ok(Started { session, browser }) => {
            attempt.succeeded(cx.now).await;
            let pending = asked.pending.clone().after(|p| p.chose(session)).rebound(cx, &browser);
            let mut done = resume::redirect(cx, &pending);
            let _ = done.add_cookie(&browser.cookie(cx));
            Ok(done)
        }
        // The same code a second time, or the session ended.
        Err(ActorError::Store(StoreError::NotFound(_))) => {
            attempt.failed(cx.now);
            wrong(cx, asked, shown)
        }
        Err(e) => Err(e.into()),
    }
}

fn wrong(cx: &Cx, asked: &Asked, mut shown: Shown) -> Result<HttpResponse, PageError> {
    cx.refused("factor.refused", None);
    shown.problem = Some((FactorProblem::Wrong, None));
    page(cx, asked, &shown)
}

fn too_many(
    cx: &Cx,
    asked: &Asked,
    mut shown: Shown,
    limited: &Limited,
) -> Result<HttpResponse, PageError> {
    shown.problem = Some((FactorProblem::TooMany, Some(Wait::of(limited.retry_after))));
    let mut answer = page(cx, asked, &shown)?;
    limits::refuse(answer.headers_mut(), limited);
    Ok(answer)
}

/// How the page is shown.
struct Shown {
    method: Factor,
    ceremony: Option<String>,
    problem: Option<(FactorProblem, Option<Wait>)>,
}

impl Shown {
    const fn of(method: Factor) -> Self {
        Self { method, ceremony: None, problem: None }
    }
}

fn page(cx: &Cx, asked: &Asked, shown: &Shown) -> Result<HttpResponse, PageError> {
    let Shown { method, problem, .. } = *shown;
    let Asked { pending, browser, session, mine, .. } = asked;
    let sealed = pending.seal(cx);
    let place = format!("{}/login/factor", cx.issuer());
    let others = asked.factors.iter().filter(|f| **f != method);
    let others = others.map(|f| (*f, format!("{place}?request={sealed}&method={}", f.name())));
    let others: Vec<(Factor, String)> = others.collect();
    let asking = (method == Factor::Passkey)
        .then(|| passkey::ask(cx, browser, Some((session.user, mine))))
        .flatten();
    let number = (method == Factor::SmsCode)
        .then(|| mine.iter().find(|c| c.factor == Factor::SmsCode))
        .flatten();
    let (problem, wait) = problem.unzip();
    let days = cx.view.tenant.settings.mfa.remember_days;
    let page = Page::SecondFactor(SecondFactor {
        action: &place,
        request: &sealed,
        csrf: &browser.csrf(cx),
        application: proceed::name(proceed::application(cx, pending)?),
        account: Account {
            value: "",
            name: session.name.as_deref(),
            identifier: session.email.as_deref().unwrap_or(&session.sub),
            signed_in: true,
        },
        method,
        others: others.iter().map(|(factor, url)| (*factor, url.as_str())).collect(),
        passkey: asking.as_ref().map(|a| Passkey {
            action: &place,
            options: &a.options,
            ceremony: &a.ceremony,
        }),
        ceremony: shown.ceremony.as_deref(),
        number: number.as_ref().and_then(|c| c.name.as_deref()),
        // What an application asks for is asked for whatever the browser.
        remember_days: (days > 0).then_some(days),
        problem,
        wait: wait.flatten(),
    });
    let status = problem.map_or(StatusCode::OK, FactorProblem::status);
    let redirect = Some(pending.request.to.redirect_uri.as_str());
    let locale = pending.request.ui_locale;
    Ok(show(cx, &page, Show { status, browser: Some(browser), redirect, locale }))
}
