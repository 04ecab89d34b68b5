//! The pages of accounts in every variation, and the letters.

use super::super::letter::{Letter, LetterKind, TEXT_MESSAGE, keys, letter};
use super::super::*;
use crate::mails::mailbox::Sent;
use crate::password::strength::{Strength, Weakness};

pub(super) fn pages<'a>(text: &'a str, mails: &'a [Sent]) -> Vec<Page<'a>> {
    let (action, request, csrf, token) = ("/t/acme/account/x", text, text, text);
    let (back, email, problem) = (Some(text), text, None);
    let forgot = Forgot { action, request, csrf, email, problem, back };
    let (strength, min_length) = (None, 8);
    let register =
        Register { action, request, csrf, name: text, email, problem, strength, min_length, back };
    let new_password =
        NewPassword { action, token, csrf, email, invited: false, problem, strength, min_length };
    let confirm = |ask_password, problem| ConfirmRegistration {
        action,
        token,
        csrf,
        email,
        ask_password,
        problem,
    };
    let mut pages = vec![
        Page::Forgot(forgot.clone()),
        Page::Forgot(Forgot { request: "", email: "", back: None, ..forgot.clone() }),
        Page::Register(register.clone()),
        Page::Register(Register {
            request: "",
            name: "",
            email: "",
            back: None,
            ..register.clone()
        }),
        Page::NewPassword(new_password.clone()),
        Page::NewPassword(NewPassword { invited: true, ..new_password.clone() }),
        Page::NewPassword(NewPassword {
            invited: true,
            problem: Some(FormProblem::ShortPassword),
            ..new_password.clone()
        }),
        Page::ConfirmEmail(ConfirmEmail { action, token, csrf, new: text, agreed: false }),
        Page::ConfirmEmail(ConfirmEmail { action, token, csrf, new: text, agreed: true }),
        Page::ConfirmRegistration(confirm(false, None)),
        Page::ConfirmRegistration(confirm(true, None)),
        Page::ConfirmRegistration(confirm(true, Some(FormProblem::OtherPassword))),
        Page::DevMail(DevMail { mails }),
        Page::DevMail(DevMail { mails: &[] }),
    ];
    for problem in FormProblem::ALL.map(Some) {
        if matches!(problem, Some(FormProblem::NoEmail | FormProblem::Busy)) {
            pages.push(Page::Forgot(Forgot { problem, ..forgot.clone() }));
        }
        pages.push(Page::Register(Register { problem, ..register.clone() }));
        pages.push(Page::NewPassword(NewPassword { problem, ..new_password.clone() }));
    }
    for weakness in Weakness::ALL.map(Some).into_iter().chain([None]) {
        let (problem, strength) =
            (Some(FormProblem::Guessable), Some(Strength { score: 1, weakness }));
        pages.push(Page::Register(Register { problem, strength, ..register.clone() }));
        pages.push(Page::NewPassword(NewPassword { problem, strength, ..new_password.clone() }));
    }
    for kind in NoticeKind::ALL {
        let asks = kind.names_address();
        pages.push(Page::Notice(Notice { kind, email: asks.then_some(text), back }));
        pages.push(Page::Notice(Notice { kind, email: asks.then_some(text), back: None }));
    }
    pages
}

/// A mail in which somebody else chose every text.
pub(super) fn sent(text: &str) -> Sent {
    let text = || text.to_owned();
    Sent { at: 0, from: text(), to: text(), subject: text(), text: text(), link: Some(text()) }
}

pub(super) fn keys_of_letters() -> impl Iterator<Item = String> {
    LetterKind::ALL.iter().copied().flat_map(keys).chain([TEXT_MESSAGE.to_owned()])
}

#[test]
fn letters_say_what_happened_and_where_to_go() {
    let theme = Theme { accent: Some("#ffff00".into()), accent_dark: None, logo: None };
    let link = "https://id.example/t/acme/account/link?token=a&b=<c>";
    let languages = Locale::ALL.into_iter();
    for (kind, locale) in languages.flat_map(|l| LetterKind::ALL.iter().map(move |kind| (*kind, l)))
    {
        let tenant_name = "Acme <b>\u{202e}";
        let detail = Some("<1234>");
        let (subject, text, html) =
            letter(&Letter { kind, tenant_name, theme: &theme, locale, link, detail, own: None })
                .expect("written");
        assert!(text.contains("<1234>") && html.contains("&lt;1234&gt;"), "{html}");
        let sms = text_message(locale, tenant_name, "1234 5678");
        assert!(sms.contains("1234 5678") && sms.contains(tenant_name) && !sms.contains('{'));
        assert!(!subject.is_empty() && !subject.contains('\n'), "{subject}");
        assert!(text.contains(link) && text.contains(tenant_name), "{text}");
        assert!(html.contains("token=a&amp;b=&lt;c&gt;"), "{html}");
        assert!(html.contains("Acme &lt;b&gt;") && !html.contains("<b>"), "{html}");
        assert!(!html.contains("#ffff00"), "white is not legible on yellow: {html}");
        assert!(!text.contains('{') && !html.contains('{'), "{text} {html}");
        assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
    }
}

#[test]
fn a_logo_stands_in_place_of_the_monogram() {
    let uri = "data:image/png;base64,iVBORw0KGgo=";
    let theme = Theme { logo: Some(uri.into()), ..Theme::default() };
    let page = Page::TenantHome(TenantHome { issuer: "https://id.example" });
    let html = render(&page, &super::look(&theme)).replace("&#x2f;", "/");
    assert!(html.contains(&format!("src=\"{uri}\"")) && !html.contains("monogram\""), "{html}");
    let good = |logo: &str| {
        let theme = Theme { logo: Some(logo.into()), ..Theme::default() };
        let settings = bailiwick_domain::TenantSettings { theme, ..Default::default() };
        settings.check().is_ok()
    };
    assert!(good(uri) && good("data:image/svg+xml;base64,PHN2Zz4="));
    for bad in
        ["", "https://x.example/a.png", "data:text/html;base64,AA", "data:image/png;base64,\"x"]
    {
        assert!(!good(bad), "{bad}");
    }
    assert!(!good(&format!("data:image/png;base64,{}", "A".repeat(17 * 1024))));
}
