//! `GET` and `POST /account/passkeys`: passkeys.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::acr::Factor;
use bailiwick_domain::{CredentialId, EventKind};
use bailiwick_protocol::Params;
use bailiwick_store::{Error as StoreError, credentials, spent};

use super::{Me, Needs, recovery_codes};
use crate::cx::Cx;
use crate::factors::{self, passkey};
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, Done, FormProblem, LetterKind, PasskeyItem, Passkeys, Problem, Tab};

/// Of one user.
const MOST: usize = 20;
/// The longest name, in characters.
const MAX_NAME: usize = 60;

/// The passkeys, and what a new one needs.
#[utoipa::path(
    get,
    path = "/account/passkeys",
    tag = "Account",
    operation_id = "account_passkeys",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/passkeys")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Passkeys, Needs::FreshToSetUp)).await?;
        page(&me, None).await
    };
    let done = done.await;
    answer(&cx, done)
}

/// Adds a passkey, or removes one.
#[utoipa::path(
    post,
    path = "/account/passkeys",
    tag = "Account",
    operation_id = "account_passkeys_post",
    responses(
        (status = 303, description = "Done"),
        (status = 400, description = "The form again: the passkey was not accepted"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/passkeys")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Passkeys, Needs::FreshToSetUp)).await?;
        match params.get("remove")? {
            Some(id) => remove(&me, id).await,
            None => add(&me, &params).await,
        }
    };
    let done = done.await;
    answer(&cx, done)
}

async fn page(me: &Me<'_>, problem: Option<FormProblem>) -> Result<HttpResponse, PageError> {
    let mine = factors::of_user(me.cx, me.user()).await?;
    let keys: Vec<_> = mine.iter().filter(|c| c.factor == Factor::Passkey).collect();
    let items = keys.iter().map(|c| PasskeyItem {
        id: c.id.to_string(),
        name: c.name.as_deref(),
        since: c.created_at.to_rfc3339(),
        used: c.last_used_at.map(bailiwick_domain::Timestamp::to_rfc3339),
    });
    let allowed = me.cx.offers(Factor::Passkey);
    let who = (me.user(), me.identifier(), me.session.name.as_deref().unwrap_or(me.identifier()));
    let asking = (allowed && keys.len() < MOST)
        .then(|| passkey::register(me.cx, &me.browser, who, &mine))
        .flatten();
    let content = Passkeys {
        items: items.collect(),
        options: asking.as_ref().map(|a| a.options.as_str()),
        ceremony: asking.as_ref().map_or("", |a| a.ceremony.as_str()),
    };
    Ok(me.again(&Content::Passkeys(content), problem.map(|p| (p, None))))
}

async fn add(me: &Me<'_>, params: &Params) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let given = (params.require("answer")?, params.require("ceremony")?);
    let made = passkey::registered(cx, &me.browser, me.user(), given);
    let Some((mut new, ceremony)) = made else {
        return page(me, Some(FormProblem::Passkey)).await;
    };
    let name = params.get("name")?.unwrap_or_default().trim();
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    new.name = Some(name).filter(|name| !name.is_empty());
    let allowed = cx.offers(Factor::Passkey);
    let (tenant, user) = (cx.tenant_id(), me.user());
    let data = serde_json::json!({ "factor": Factor::Passkey });
    let event = me.event(EventKind::FactorAdded).with(data);
    let news = me.news(event, LetterKind::FactorAdded, None);
    let write = move |tx| async move {
        let mine = credentials::of_user(&tx, tenant, user).await?;
        let keys = mine.iter().filter(|c| c.factor == Factor::Passkey).count();
        let fresh = spent::spend(&tx, tenant, &ceremony.hash, ceremony.expires_at).await?;
        if !fresh || !allowed || keys >= MOST {
            return Err(StoreError::Taken("passkey"));
        }
        credentials::add(&tx, (tenant, user), &[new]).await?;
        news.put(&tx, tenant).await
    };
    match cx.store().write(tenant, write).await {
        Err(StoreError::Taken(_)) => page(me, Some(FormProblem::Passkey)).await,
        other => {
            other?;
            Ok(recovery_codes::after_adding(me, None))
        }
    }
}

async fn remove(me: &Me<'_>, id: &str) -> Result<HttpResponse, PageError> {
    let unknown = |_| PageError::new(Problem::BadRequest, "invalid_request");
    let id: CredentialId = id.parse().map_err(unknown)?;
    let (tenant, user) = (me.cx.tenant_id(), me.user());
    let data = serde_json::json!({ "factor": Factor::Passkey });
    let event = me.event(EventKind::FactorRemoved).on("credential", id.0).with(data);
    let news = me.news(event, LetterKind::FactorRemoved, None);
    let write = move |tx| async move {
        let mine = credentials::of_user(&tx, tenant, user).await?;
        let known = mine.iter().any(|c| c.id == id && c.factor == Factor::Passkey);
        if known {
            credentials::remove(&tx, (tenant, user), id).await?;
            news.put(&tx, tenant).await?;
        }
        Ok::<_, StoreError>(())
    };
    me.cx.store().write(tenant, write).await?;
    Ok(me.go(Tab::Passkeys, Done::FactorRemoved))
}
