//! Every route, on one screen.

use std::sync::LazyLock;

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, dev, web};
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::{cors, headers, request_id, routing};
use crate::state::State;
use crate::{access, account, admin, authz, health, login, metrics, oauth, openapi};

/// The routes of a tenant, below its issuer.
fn tenant(routes: &mut ServiceConfig<'_>) {
    routes
        .service(oauth::discovery::openid)
        .service(oauth::discovery::oauth)
        .service(oauth::jwks::handler)
        .service(oauth::authorize::get)
        .service(oauth::authorize::post)
        .service(oauth::token::handler)
        .service(oauth::userinfo::get)
        .service(oauth::userinfo::post)
        .service(oauth::introspect::handler)
        .service(oauth::revoke::handler)
        .service(oauth::check_session::handler)
        .service(oauth::logout::get)
        .service(oauth::logout::post)
        .service(login::resume::get)
        .service(login::sign_in::get)
        .service(login::sign_in::post)
        .service(login::accounts::get)
        .service(login::accounts::post)
        .service(login::consent::get)
        .service(login::consent::post)
        .service(login::sign_out::post)
        .service(login::passkey::post)
        .service(login::email::post)
        .service(login::factor::get)
        .service(login::factor::post)
        .service(login::enrol::get)
        .service(account::forgot::get)
        .service(account::forgot::post)
        .service(account::register::get)
        .service(account::register::post)
        .service(account::link::get)
        .service(account::link::post)
        .configure(account::portal::routes)
        .service(login::home::tenant)
        .configure(access::routes)
        .configure(authz::routes)
        .configure(admin::routes);
}

/// The routes of the platform itself.
fn platform(routes: &mut ServiceConfig<'_>) {
    routes.service(health::live).service(health::ready);
}

/// The OpenAPI document of every route.
#[must_use]
pub fn document() -> OpenApi {
    let (_, doc) = App::new()
        .into_utoipa_app()
        .openapi(openapi::base())
        .configure(tenant)
        .configure(platform)
        .split_for_parts();
    doc
}

/// The methods of a path, when it is one of ours: the router itself does not tell a method that a
/// path lacks from a path that is not there (RFC 9110 15.5.6).
#[must_use]
pub fn methods(path: &str) -> Option<&'static str> {
    static TABLE: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let methods = |item: &PathItem| {
            let all = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            all.into_iter().filter(|(_, o)| o.is_some()).map(|(m, _)| m).collect::<Vec<_>>()
        };
        let paths = document().paths.paths.into_iter();
        paths.map(|(path, item)| (path, methods(&item).join(", "))).collect()
    });
    let fits = |template: &str| {
        let mut parts = (template.split('/'), path.split('/'));
        loop {
            match (parts.0.next(), parts.1.next()) {
                (None, None) => return true,
                (Some(t), Some(p)) if t == p || (t.starts_with('{') && !p.is_empty()) => {}
                _ => return false,
            }
        }
    };
    TABLE.iter().find(|(template, _)| fits(template)).map(|(_, methods)| methods.as_str())
}

/// The application: what the server runs, and what tests run.
pub fn app(
    state: Data<State>,
    document: OpenApi,
) -> App<
    impl dev::ServiceFactory<
        dev::ServiceRequest,
        Config = (),
        Response = dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let docs = utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document);
    let metrics = state.config.is_development() && state.config.private_listen.is_none();
    let development = state.config.is_development();
    App::new()
        .app_data(state)
        .into_utoipa_app()
        // First, so that it answers on every host.
        .configure(platform)
        // A tenant's routes match only when the request has a tenant; in its scope nothing else does.
        .service(utoipa_actix_web::scope("").guard(routing::HasTenant).configure(tenant))
        .into_app()
        .configure(|routes| metrics_if(metrics, routes))
        .configure(|routes| {
            if development {
                routes.service(account::dev_mail::handler);
            }
        })
        .service(login::home::platform)
        .service(docs)
        .service(web::redirect("/docs", "/docs/"))
        .default_service(web::route().to(login::home::not_found))
        .wrap(from_fn(cors::middleware))
        .wrap(from_fn(routing::middleware))
        .wrap(from_fn(headers::middleware))
        .wrap(from_fn(request_id::middleware))
}

/// What a side listener serves: health checks, and metrics when it is the private one.
pub fn side(
    state: Data<State>,
    private: bool,
) -> App<
    impl dev::ServiceFactory<
        dev::ServiceRequest,
        Config = (),
        Response = dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .service(health::live)
        .service(health::ready)
        .configure(|routes| metrics_if(private, routes))
        .wrap(from_fn(headers::middleware))
        .wrap(from_fn(request_id::middleware))
}

fn metrics_if(wanted: bool, routes: &mut web::ServiceConfig) {
    if wanted {
        routes.service(metrics::handler);
    }
}
