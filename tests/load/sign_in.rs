//! What a sign-in costs beside its hash, and what many of them cost everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::Browser;
use reqwest::RequestBuilder;

use crate::site::{NEW_USER, USER, authorize};
use crate::target::Target;

/// The form of a sign-in page, filled in, as a request.
async fn form(target: &Target, (email, password): (&str, &str)) -> RequestBuilder {
    let mut browser = Browser::at(&target.base, &target.http);
    let page = browser.open(&format!("{}{}", target.base, authorize("es256"))).await.page();
    let form = page.form("#sign-in").fill("#email", email).fill("#password", password);
    let cookies: Vec<String> =
        browser.cookies().iter().map(|c| format!("{}={}", c.name, c.value)).collect();
    let request = target.http.post(form.action.clone()).form(&form.fields);
    request.header("cookie", cookies.join("; ")).header("origin", &target.base)
}

/// Milliseconds of a sign-in that goes on, and of its hash, each one at a time and in turn: medians.
/// The hash is what a wrong password takes more than none.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) async fn one_by_one(target: &Target, count: usize) -> (f64, f64) {
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..count {
        for (n, (password, status)) in
            [(NEW_USER.1, 303), ("a wrong password", 401), ("", 400)].into_iter().enumerate()
        {
            let request = form(target, (NEW_USER.0, password)).await;
            let at = Instant::now();
            let answer = request.send().await.expect("the server answers");
            took[n].push(at.elapsed());
            assert_eq!(answer.status(), status);
        }
    }
    let [right, wrong, none] = took.map(median);
    (right, wrong - none)
}

fn median(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all.get(all.len() / 2).map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
}

/// People who sign in, so many at once and again and again, until it is dropped.
pub(crate) struct Crowd {
    over: Arc<AtomicBool>,
    signed_in: Arc<AtomicU32>,
    refused: Arc<AtomicU32>,
    began: Instant,
}

impl Crowd {
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    pub(crate) fn start(target: &Arc<Target>, people: usize) -> Self {
        let crowd = Self {
            over: Arc::default(),
            signed_in: Arc::default(),
            refused: Arc::default(),
            began: Instant::now(),
        };
        for _ in 0..people {
            let (target, over) = (Arc::clone(target), Arc::clone(&crowd.over));
            let counts = (Arc::clone(&crowd.signed_in), Arc::clone(&crowd.refused));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let answer =
                        form(&target, USER).await.send().await.expect("the server answers");
                    let count = match answer.status().as_u16() {
                        303 => &counts.0,
                        503 => &counts.1,
                        other => panic!("status {other}"),
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        crowd
    }

    /// Sign-ins a second, and how many were told to come again.
    pub(crate) fn so_far(&self) -> (f64, u32) {
        let count = f64::from(self.signed_in.load(Ordering::Relaxed));
        let refused = self.refused.load(Ordering::Relaxed);
        (count / self.began.elapsed().as_secs_f64(), refused)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
