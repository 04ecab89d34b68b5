//! Mail over a real SMTP server: delivered, tried again while it is away, given up when it refuses.

use harness::smtp::Smtp;
use harness::{Browser, Options, Server, both, free_port};

use super::{acme, forgot, settled};
use crate::oauth::support::ADA;

const URL: &str = "BAILIWICK_MAIL__SMTP_URL";

fn options() -> Options {
    let url = format!("smtp://127.0.0.1:{}", free_port());
    Options::real_time().with(URL, url).with("BAILIWICK_MAIL__FROM", "no-reply@id.example")
}

both!(options() => goes_out_when_the_server_is_there, is_given_up_when_it_is_refused);

fn port(server: &Server) -> u16 {
    let url = &server.config()[URL];
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}

async fn goes_out_when_the_server_is_there(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    // Nobody notices that the mail server is away, and nothing is lost.
    assert_eq!(forgot(&acme, &mut browser, ADA.0).await.status, 200);
    let failed = "SELECT COUNT(*) FROM jobs WHERE last_error IS NOT NULL";
    while server.number(failed).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let smtp = Smtp::start(port(server));
    let (mail, _smtp) = smtp.next().await;
    assert_eq!(mail["from"], "no-reply@id.example");
    assert_eq!(mail["to"][0], ADA.0);
    let headers = &mail["headers"];
    assert_eq!(headers["From"], "\"Tenant acme\" <no-reply@id.example>");
    assert_eq!(headers["Subject"], "Set a new password");
    let text = mail["parts"]["text/plain"].as_str().expect("a text");
    let link =
        text.split_whitespace().find(|w| w.contains("/account/link?token=")).expect("a link");
    let html = mail["parts"]["text/html"].as_str().expect("the same as HTML");
    assert!(html.contains(link), "{html}");
    // The link of the attempt that reached nobody is not the one that counts.
    assert!(browser.open(link).await.page().has("#save"));
    settled(server).await;
}

async fn is_given_up_when_it_is_refused(server: &Server) {
    let smtp = Smtp::start(port(server));
    let manifest = super::manifest(super::OPEN)
        .replace("bob@example.com", "refused@example.com")
        .replace("ada@example.com", "later@example.com");
    server.apply(&manifest).await;
    let acme = crate::oauth::support::Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    forgot(&acme, &mut browser, "refused@example.com").await;
    forgot(&acme, &mut browser, "later@example.com").await;
    let (mail, _smtp) = smtp.next().await;
    assert_eq!(mail["to"][0], "later@example.com");
    settled(server).await;
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind = 'mail.failed'";
    assert_eq!(server.number(events).await, 1);
}
