//! Templates of a tenant's own.

use harness::{Browser, Server, both};

use super::{forgot, mail, mails};
use crate::oauth::support::{ADA, Acme};

both!(a_tenant_has_pages_and_mails_of_its_own, a_template_that_fails_keeps_nobody_out,);

fn manifest(templates: &str) -> String {
    let settings = format!("templates: {{ {templates} }}");
    super::manifest(&settings)
}

async fn acme<'s>(server: &'s Server, templates: &str) -> Acme<'s> {
    server.apply(&manifest(templates)).await;
    Acme { server, slug: "acme" }
}

const SIGN_IN: &str = r##"sign_in.html: "{% extends \"base.html\" %}{% from \"macros.html\" import hidden %}{% block title %}{{ t(\"sign_in.title\") }}{% endblock %}{% block main %}<h1>Ahoy, {{ page.application }}</h1><form method=\"post\" action=\"{{ page.action }}\">{{ hidden(page) }}<input id=\"email\" name=\"email\" value=\"{{ page.email }}\"><input id=\"password\" name=\"password\" type=\"password\"><button id=\"sign-in\">Aboard</button></form><script>document.title='mine'</script>{% endblock %}""##;

async fn a_tenant_has_pages_and_mails_of_its_own(server: &Server) {
    let mail_template = r##"mail.html: "<html><body><h1>Ship's post</h1>{{ happened }} <a href=\"{{ link }}\">{{ button }}</a></body></html>""##;
    let acme = acme(server, &format!("{SIGN_IN}, {mail_template}")).await;
    let mut browser = Browser::new(server);
    let hint = [("login_hint", "<b>ada@example.com")];
    let page = browser.open(&acme.authorize_url("web", &hint)).await.page();
    assert_eq!(page.text("h1"), "Ahoy, The web");
    assert!(page.html.contains("&lt;b&gt;ada@"), "values are escaped: {}", page.html);
    // Its script is no script of ours: nothing allows it.
    let policy = page.headers["content-security-policy"].to_str().expect("ASCII");
    let scripts = policy.split("script-src ").nth(1).and_then(|rest| rest.split(';').next());
    assert!(scripts.is_none_or(|s| s.starts_with("'sha256-") && !s.contains(' ')), "{policy}");
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    browser.submit(form).await.left();
    // What it does not bring is ours, and so is what others see.
    let page = forgot(&acme, &mut browser, ADA.0).await;
    assert_eq!(page.text("#done"), "Look into your mail");
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert!(subject == "Set a new password" && link.contains("/account/link?token="));
    let text = mails(server).await[0]["text"].as_str().expect("text").to_owned();
    assert!(!text.contains("Ship's post"), "the text of a mail is ours");
    let globex = super::manifest("").replace("slug: acme", "slug: globex");
    server.apply(&globex).await;
    let globex = Acme { server, slug: "globex" };
    let page = browser.open(&globex.authorize_url("web", &[])).await.page();
    assert_eq!(page.text("h1"), "Sign in");
    // Changed, it is shown at once; taken away, ours is there again.
    server.apply(&manifest(&SIGN_IN.replace("Ahoy", "Avast"))).await;
    let page = Browser::new(server).open(&acme.authorize_url("web", &[])).await.page();
    assert_eq!(page.text("h1"), "Avast, The web");
}

async fn a_template_that_fails_keeps_nobody_out(server: &Server) {
    for broken in [
        "{{ page.there_is_none }}",
        "{% for a in page.csrf %}{% for b in page.request %}{{ page.request }}{% endfor %}{% endfor %}",
    ] {
        let acme = acme(server, &format!("sign_in.html: \"{broken}\"")).await;
        let mut browser = Browser::new(server);
        let page = browser.open(&acme.authorize_url("web", &[])).await.page();
        assert_eq!(page.text("h1"), "Sign in", "{broken}");
    }
}
