//! The sign-out page in every variation.

use super::super::*;

pub(super) fn pages(text: &str) -> Vec<Page<'_>> {
    // Of a test there are few, and they live as long as it does.
    let frame = Frame { src: text.to_owned(), application: text.to_owned() };
    let frames: &'static [Frame] = Vec::leak(vec![frame.clone(), frame]);
    let mut pages = Vec::new();
    for application in [Some(text), None] {
        let stayed = SignedOut { stayed: true, application, frames: &[], onward: None };
        let page = SignedOut { stayed: false, ..stayed.clone() };
        pages.push(Page::SignedOut(stayed));
        pages.push(Page::SignedOut(page.clone()));
        pages.push(Page::SignedOut(SignedOut { frames, ..page.clone() }));
        pages.push(Page::SignedOut(SignedOut { frames, onward: Some(text), ..page }));
    }
    pages
}

#[test]
fn frames_are_allowed_from_their_own_origins_and_from_nowhere_else() {
    let frame = |src: &str| Frame { src: src.into(), application: "A".into() };
    let policy = |srcs: &[&str]| {
        let frames: Vec<_> = srcs.iter().map(|src| frame(src)).collect();
        let page = SignedOut { stayed: false, application: None, frames: &frames, onward: None };
        let theme = Theme::default();
        let found = headers(&Page::SignedOut(page), &super::look(&theme), None);
        let found = found.into_iter().find(|(name, _)| *name == "content-security-policy");
        let (_, policy) = found.expect("always");
        let frames = policy.split("frame-src ").nth(1).and_then(|rest| rest.split(';').next());
        frames.map(str::to_owned)
    };
    assert_eq!(policy(&[]), None, "default-src 'none' is left");
    let srcs = ["https://b.example/out?sid=1", "https://a.example:8443/x", "https://b.example/y"];
    let wanted = "https://a.example:8443 https://b.example";
    assert_eq!(policy(&srcs).as_deref(), Some(wanted));
}
