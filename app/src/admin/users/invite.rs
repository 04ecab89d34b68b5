//! `POST /api/v1/users/{id}/invite`: lets a user choose a password.

use actix_web::{HttpResponse, post};
use bailiwick_domain::EventKind;
use bailiwick_domain::tenant::Registration;
use bailiwick_domain::user::User;
use bailiwick_store::Error as StoreError;
use bailiwick_store::audit::AuditEvent;

use crate::admin::auth::{Loaded, UpdateUser};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::mails::{News, Wish};

/// Sends the user a mail with a link to choose a password, which works once, for seven days. Only
/// the link of the last mail works. Using it also confirms the address.
///
/// # Errors
/// 400, 401, 403, 404, 409.
#[utoipa::path(
    post,
    path = "/users/{id}/invite",
    tag = "Management",
    operation_id = "users_invite",
    params(("id" = String, Path, description = "`usr_...`")),
    responses(
        (status = 202, description = "A mail is on its way"),
        (status = 400, description = "The user has no address, or is not active",
            body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 409, description = "The tenant's `accounts.registration` is `closed`",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/users/{id}/invite")]
pub async fn handler(found: Loaded<UpdateUser, User>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: user } = found;
    let cx = &permit.cx;
    if cx.view.tenant.settings.accounts.registration == Registration::Closed {
        let detail = "set accounts.registration to invite_only or open";
        return Err(Problem::new(Reason::Closed, detail));
    }
    if !user.active {
        return Err(Problem::mistake("active", "the user may not sign in"));
    }
    let locale = user.locale().unwrap_or_default();
    let Some(email) = user.email else {
        return Err(Problem::mistake("email", "the user has no address"));
    };
    let tenant = cx.tenant_id();
    let event = AuditEvent::new(cx.env(), tenant, EventKind::UserInvited, permit.actor);
    let news = News::new(cx, event.on("user", user.id.0), Some(Wish::Invite { email }), locale);
    let write = move |tx| async move { news.put(&tx, tenant).await };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::Accepted().finish())
}
