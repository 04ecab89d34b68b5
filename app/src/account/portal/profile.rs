//! `GET` and `POST /account/profile`: what the person is called.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::EventKind;
use bailiwick_domain::text::is_display_name;
use bailiwick_protocol::Params;
use bailiwick_store::users::{self, UserPatch};
use bailiwick_store::{Error as StoreError, audit};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, Done, FormProblem, Problem, Profile, Tab};

/// The form.
#[utoipa::path(
    get,
    path = "/account/profile",
    tag = "Account",
    operation_id = "account_profile",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/profile")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Profile, Needs::SignIn)).await?;
        Ok(me.show(&content(&me, me.session.name.as_deref().unwrap_or_default())))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Sets the name.
#[utoipa::path(
    post,
    path = "/account/profile",
    tag = "Account",
    operation_id = "account_profile_post",
    responses(
        (status = 303, description = "Done"),
        (status = 400, description = "The form again: the name is too long"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/profile")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Profile, Needs::SignIn)).await?;
        change(&me, &params).await
    };
    let done = done.await;
    answer(&cx, done)
}

fn content<'a>(me: &'a Me<'_>, name: &'a str) -> Content<'a> {
    let (email, email_verified) = (me.session.email.as_deref(), me.session.email_verified);
    Content::Profile(Profile { name, email, email_verified })
}

async fn change(me: &Me<'_>, params: &Params) -> Result<HttpResponse, PageError> {
    let name = params.get("name")?.unwrap_or_default().trim();
    if !name.is_empty() && !is_display_name(name) {
        return Ok(me.again(&content(me, name), Some((FormProblem::LongName, None))));
    }
    let cx = me.cx;
    let (user, version) = (me.person.id, me.person.version);
    let (tenant, now, event) = (cx.tenant_id(), cx.now, me.event(EventKind::UserUpdated));
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    let patch = UserPatch { name: Some(name), ..UserPatch::default() };
    let write = move |tx| async move {
        users::update(&tx, tenant, user, version, &patch, now).await?;
        audit::append(&tx, &[event]).await
    };
    match cx.store().write::<_, StoreError, _, _>(tenant, write).await {
        Err(StoreError::Stale(_)) => Err(PageError::new(Problem::Conflict, "conflict")),
        other => {
            other?;
            Ok(me.go(Tab::Profile, Done::ProfileSaved))
        }
    }
}
