//! A hosted page and its forms, read as an old browser reads them: no scripts.

use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// An answer of the server in the browser's window.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub html: String,
}

/// A form, filled in as the page has it, with the button that will be pressed.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes; a test may send it there by other means.
    pub action: Url,
    /// `get` or `post`.
    pub method: String,
    /// Names and values, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// Element ids and the names of their fields.
    ids: Vec<(String, String)>,
    /// The page that it is on.
    pub(crate) page: Url,
}

impl Page {
    /// Whether an element matches the CSS selector.
    #[must_use]
    pub fn has(&self, selector: &str) -> bool {
        Html::parse_document(&self.html).select(&css(selector)).next().is_some()
    }

    /// The text of the first element that matches, with white space collapsed.
    ///
    /// # Panics
    /// When nothing matches.
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        let document = Html::parse_document(&self.html);
        let element = self.find(&document, selector);
        let text: String = element.text().collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// An attribute of the first element that matches.
    ///
    /// # Panics
    /// When nothing matches.
    #[must_use]
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let document = Html::parse_document(&self.html);
        self.find(&document, selector).attr(name).map(str::to_owned)
    }

    /// An attribute of every element that matches, in the order of the page.
    ///
    /// # Panics
    /// When one of them has no such attribute.
    #[must_use]
    pub fn every(&self, selector: &str, name: &str) -> Vec<String> {
        let document = Html::parse_document(&self.html);
        let matching = css(selector);
        let all = document.select(&matching).map(|e| e.attr(name).map(str::to_owned));
        all.map(|a| a.unwrap_or_else(|| panic!("a {selector} without {name}"))).collect()
    }

    /// The form that the element is in, or is: `page.form("#sign-in")` is sent with that button.
    ///
    /// # Panics
    /// When there is no such element or it is in no form.
    #[must_use]
    pub fn form(&self, selector: &str) -> Form {
        let document = Html::parse_document(&self.html);
        let pressed = self.find(&document, selector);
        let form = std::iter::once(pressed)
            .chain(pressed.ancestors().filter_map(ElementRef::wrap))
            .find(|e| e.value().name() == "form")
            .unwrap_or_else(|| panic!("{selector} of {} is in no form", self.url));
        let target = pressed.attr("formaction").or_else(|| form.attr("action"));
        let action = match target {
            Some(action) if !action.is_empty() => {
                self.url.join(action).expect("the action of a form is an address")
            }
            _ => self.url.clone(),
        };
        let mut fields = Vec::new();
        let mut ids = Vec::new();
        for control in form.select(&css("input, button, select, textarea")) {
            let Some(name) = control.attr("name") else { continue };
            if let Some(id) = control.attr("id") {
                ids.push((id.to_owned(), name.to_owned()));
            }
            if let Some(value) = value(control, pressed) {
                fields.push((name.to_owned(), value));
            }
        }
        Form {
            action,
            method: form.attr("method").unwrap_or("get").to_ascii_lowercase(),
            fields,
            ids,
            page: self.url.clone(),
        }
    }

    fn find<'a>(&self, document: &'a Html, selector: &str) -> ElementRef<'a> {
        document
            .select(&css(selector))
            .next()
            .unwrap_or_else(|| panic!("{} has no {selector}:\n{}", self.url, self.html))
    }
}

impl Form {
    /// Fills in the field with this element id, `#email`, or this name, `email`.
    ///
    /// # Panics
    /// When the form has no such field.
    #[must_use]
    pub fn fill(mut self, field: &str, value: &str) -> Self {
        let name = match field.strip_prefix('#') {
            None => field.to_owned(),
            Some(id) => {
                let found = self.ids.iter().find(|(i, _)| i == id);
                found.unwrap_or_else(|| panic!("the form has no {field}")).1.clone()
            }
        };
        let found = self.fields.iter_mut().find(|(n, _)| *n == name);
        found.unwrap_or_else(|| panic!("the form has no field {name}")).1 = value.to_owned();
        self
    }

    /// The value of a field by its name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What a control sends (HTML, "constructing the entry list"); none when it sends nothing.
fn value(control: ElementRef<'_>, pressed: ElementRef<'_>) -> Option<String> {
    let attr = |name| control.attr(name);
    if attr("disabled").is_some() {
        return None;
    }
    let text = |e: ElementRef<'_>| e.text().collect::<String>();
    let kind = attr("type").unwrap_or_default().to_ascii_lowercase();
    match (control.value().name(), kind.as_str()) {
        ("button", _) | ("input", "submit" | "button" | "reset" | "image") => {
            (control == pressed).then(|| attr("value").unwrap_or_default().to_owned())
        }
        ("input", "checkbox" | "radio") => {
            attr("checked").map(|_| attr("value").unwrap_or("on").to_owned())
        }
        ("textarea", _) => Some(text(control)),
        ("select", _) => {
            let options: Vec<_> = control.select(&css("option")).collect();
            let chosen = options.iter().find(|o| o.attr("selected").is_some());
            chosen
                .or_else(|| options.first())
                .map(|o| o.attr("value").map_or_else(|| text(*o), str::to_owned))
        }
        _ => Some(attr("value").unwrap_or_default().to_owned()),
    }
}

fn css(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|e| panic!("{selector} is not a CSS selector: {e}"))
}
