//! `GET` and `POST /login`: sign-in with e-mail address and password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_actors::limits::Limited;
use bailiwick_domain::acr::Factor;
use bailiwick_domain::tenant::Registration;
use bailiwick_domain::text::normalize_email;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;
use bailiwick_store::users::{self, IdentifierKind, SignInRow};
use secrecy::SecretString;

use super::signed_in::signed_in;
use crate::cx::Cx;
use crate::factors::{Proof, passkey};
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, pending_in_form, pending_in_query};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::flow::proceed;
use crate::http::limits;
use crate::pages::{Page, Passkey, SignIn, SignInProblem, Wait};
use crate::password::{MAX_PASSWORD, PasswordError, rehash};

/// The sign-in form.
#[utoipa::path(
    get,
    path = "/login",
    tag = "Hosted pages",
    operation_id = "login",
    params(("request" = String, Query, description = "The sealed pending request")),
    responses(
        (status = 200, description = "A page"),
        (status = 400, description = "A page: no pending request, or it is too old"),
    )
)]
#[get("/login")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let (pending, browser) = pending_in_query(&cx, &request)?;
        let others = browser.sessions(&cx).await?;
        let email = pending.request.login_hint.clone().unwrap_or_default();
        form(&cx, (&pending, &browser), !others.is_empty(), (&email, None, None))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Checks the password and starts a session.
#[utoipa::path(
    post,
    path = "/login",
    tag = "Hosted pages",
    operation_id = "login_post",
    responses(
        (status = 303, description = "Signed in: on to the next step"),
        (status = 400, description = "The form again: something is missing"),
        (status = 401, description = "The form again: address and password do not match"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 429, description = "The form again, or a page: too many tries"),
        (status = 503, description = "The form again: too many sign-ins are waiting"),
    )
)]
#[post("/login")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = sign_in(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn sign_in(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let (pending, browser) = match pending_in_form(cx, request, &params) {
        Ok(both) => both,
        Err(e) if e.is_limited() => return Err(e),
        // Another tab may have signed in, which changed the browser's secret: a form of this
        // browser that is good again, for the same request, with nothing done for it yet.
        Err(e) => {
            let browser = Browser::of(cx, request);
            let Ok(pending) = Pending::open(cx, params.require("request")?, &browser) else {
                return Err(e);
            };
            return form(cx, (&pending, &browser), false, ("", Some(SignInProblem::Stale), None));
        }
    };
    let typed = params.get("email")?.unwrap_or_default();
    let password = params.get("password")?.unwrap_or_default();
    let again = |problem| form(cx, (&pending, &browser), false, (typed, Some(problem), None));
    let Some(email) = normalize_email(typed) else { return again(SignInProblem::NoEmail) };
    if password.is_empty() {
        return again(SignInProblem::NoPassword);
    }
    // Counted before anything is looked at: so many tries at once, too, and for whoever is not there.
    let attempt = match cx.attempt("password", &email).await {
        Ok(attempt) => attempt,
        Err(limited) => return too_many(cx, (&pending, &browser), typed, &limited),
    };
    let (tenant, address) = (cx.tenant_id(), email.clone());
    let read = move |tx| async move {
        users::find_for_sign_in(&tx, tenant, IdentifierKind::Email, &email).await
    };
    let row: Option<SignInRow> = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let hash = row.as_ref().and_then(|r| r.password.as_ref()).map(|(_, hash)| hash.clone());
    let typed_password = SecretString::from(password.get(..MAX_PASSWORD).unwrap_or(password));
    // Always one hash of work, whether or not there is such a user.
    let right = match cx.state.passwords.verify(typed_password, hash).await {
        Ok(right) => right && password.len() <= MAX_PASSWORD,
        Err(PasswordError::Busy) => {
            attempt.released().await;
            return again(SignInProblem::Busy);
        }
        Err(e) => {
            attempt.released().await;
            // That of one user, or all of them: either way not "wrong password".
            tracing::error!(error = %e, "a password could not be verified");
            return again(SignInProblem::Busy);
        }
    };
    match row.filter(|r| right && r.user.active) {
        Some(row) => {
            attempt.succeeded(cx.now).await;
            let stored = row.which_password();
            let proof = Proof::Password { email: address, stored };
            let at = (pending.clone(), &browser, request);
            let with = (proof, SignInProblem::Wrong);
            let done = signed_in(cx, at, row.user.id, with).await?;
            if done.is_ok() {
                rehash::at_sign_in(cx, &row, password).await;
            }
            done.or_else(again)
        }
        None => {
            attempt.failed(cx.now);
            cx.refused("session.refused", None);
            again(SignInProblem::Wrong)
        }
    }
}

/// The form again, with when it may be sent again.
pub(super) fn too_many(
    cx: &Cx,
    (pending, browser): (&Pending, &Browser),
    email: &str,
    limited: &Limited,
) -> Result<HttpResponse, PageError> {
    let problem = Some(SignInProblem::TooMany);
    let shown = (email, problem, Some(Wait::of(limited.retry_after)));
    let mut answer = form(cx, (pending, browser), false, shown)?;
    limits::refuse(answer.headers_mut(), limited);
    Ok(answer)
}

pub(super) fn form(
    cx: &Cx,
    (pending, browser): (&Pending, &Browser),
    has_others: bool,
    (email, problem, wait): (&str, Option<SignInProblem>, Option<Wait>),
) -> Result<HttpResponse, PageError> {
    let app = proceed::application(cx, pending)?;
    let sealed = pending.seal(cx);
    let others = format!("{}/login/accounts?request={sealed}", cx.issuer());
    let accounts = &cx.view.tenant.settings.accounts;
    let open = accounts.registration == Registration::Open;
    let register = open.then(|| format!("{}/account/register?request={sealed}", cx.issuer()));
    let passkey_action = format!("{}/login/passkey", cx.issuer());
    let asking = cx.offers(Factor::Passkey).then(|| passkey::ask(cx, browser, None)).flatten();
    let email_action = format!("{}/login/email", cx.issuer());
    let page = Page::SignIn(SignIn {
        action: &format!("{}/login", cx.issuer()),
        request: &sealed,
        csrf: &browser.csrf(cx),
        application: proceed::name(app),
        email,
        problem,
        another_account: has_others.then_some(others.as_str()),
        wait,
        forgot: &format!("{}/account/forgot?request={sealed}", cx.issuer()),
        register: register.as_deref(),
        email_code: accounts.email_codes.then_some(email_action.as_str()),
        passkey: asking.as_ref().map(|a| Passkey {
            action: &passkey_action,
            options: &a.options,
            ceremony: &a.ceremony,
        }),
    });
    let status = match problem {
        None => StatusCode::OK,
        Some(SignInProblem::Wrong | SignInProblem::Passkey) => StatusCode::UNAUTHORIZED,
        Some(SignInProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(SignInProblem::TooMany) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignInProblem::Stale | SignInProblem::Full | SignInProblem::Blocked) => {
            StatusCode::FORBIDDEN
        }
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let how = Show {
        status,
        browser: Some(browser),
        redirect: Some(&pending.request.to.redirect_uri),
        locale: pending.request.ui_locale,
    };
    let mut answer = show(cx, &page, how);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        use actix_web::http::header::{HeaderValue, RETRY_AFTER};
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    Ok(answer)
}
