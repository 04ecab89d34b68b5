//! `GET /metrics`: what operators watch, in the text format of Prometheus. Never public.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, gauge, histogram};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::state::State;

/// The upper bounds of the classes that durations are counted in, in seconds.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];
/// How often counted values are folded, so that a process that nobody reads does not grow.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting: once a process, and again does nothing. Must run inside an actor system.
///
/// # Errors
/// When something else in the process records metrics already.
pub fn start() -> anyhow::Result<()> {
    if RECORDER.get().is_some() {
        return Ok(());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .build_recorder();
    if RECORDER.set(recorder.handle()).is_ok() {
        ::metrics::set_global_recorder(recorder).map_err(|e| anyhow::anyhow!("metrics: {e}"))?;
    }
    Ok(())
}

/// Folds what is counted until the process stops.
pub fn keep_up() -> actix_web::rt::task::JoinHandle<()> {
    actix_web::rt::spawn(async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            if let Some(recorder) = RECORDER.get() {
                recorder.run_upkeep();
            }
        }
    })
}

/// Where the answers of a route are counted: looked up once a thread.
struct Route {
    /// By class, from 2xx on.
    answers: [Counter; 4],
    seconds: Histogram,
}

thread_local! {
    static ROUTES: RefCell<HashMap<String, Route>> = RefCell::default();
}

impl Route {
    fn new(route: &str) -> Self {
        let answers = ["2xx", "3xx", "4xx", "5xx"].map(|class| {
            counter!("bailiwick_http_requests_total", "route" => route.to_owned(), "status" => class)
        });
        let seconds = histogram!("bailiwick_http_request_seconds", "route" => route.to_owned());
        Self { answers, seconds }
    }
}

/// Counts an answered request by its route: never by its path, tenant or user.
pub fn answered(route: &str, status: u16, took: Duration) {
    let class = usize::from(status / 100).clamp(2, 5) - 2;
    ROUTES.with_borrow_mut(|routes| {
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Route::new(route));
        }
        let Some(known) = routes.get(route) else { return };
        if let Some(answers) = known.answers.get(class) {
            answers.increment(1);
        }
        known.seconds.record(took.as_secs_f64());
    });
}

/// The handler.
#[get("/metrics")]
pub async fn handler(state: Data<State>) -> HttpResponse {
    let platform = &state.platform;
    let ready = platform.health().is_ready(platform.env().now());
    gauge!("bailiwick_ready").set(if ready { 1.0 } else { 0.0 });
    gauge!("bailiwick_database_up").set(if platform.store().is_away() { 0.0 } else { 1.0 });
    let warm = u32::try_from(platform.warm_tenants().await).unwrap_or(u32::MAX);
    gauge!("bailiwick_warm_tenants").set(f64::from(warm));
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(RECORDER.get().map_or_else(String::new, PrometheusHandle::render))
}
