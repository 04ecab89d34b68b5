//! Reads the entries of a document, each as far as it is sound, and collects every mistake.

use std::collections::HashMap;

use bailiwick_domain::application::Mistake as Rule;
use bailiwick_domain::text::{is_display_name, is_slug, normalize_email};
use bailiwick_domain::user::check_claims;
use bailiwick_domain::{ApplicationSpec, ScopeSet, TenantSettings};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::shape::{APPLICATION, DOCUMENT, Shape, USER, check, say};
use super::tree::{Content, Node, Path};
use super::{
    ApplicationEntry, MIN_PASSWORD, Mistake, Password, Rules, TenantEntry, UserEntry, merge,
};
use crate::pages::check_template;
use crate::password::{ACCEPTED, MAX_PASSWORD, is_password_hash};

/// The shortest client secret in production mode, in characters.
const STRONG_SECRET: usize = 24;
/// The shortest client secret in development mode; a shorter one than [`STRONG_SECRET`] is
/// warned of.
const WEAK_SECRET: usize = 8;
/// The longest client secret, in bytes.
const MAX_SECRET: usize = 512;

/// What is wrong with the templates of a tenant.
fn templates(settings: &TenantSettings) -> impl Iterator<Item = Rule> + '_ {
    settings.templates.iter().filter_map(|(name, source)| {
        let why = check_template(name, source).err()?;
        Some(Rule::new(format!("templates.{name}"), why))
    })
}

/// What was seen, and where first.
pub(super) struct Unique {
    what: &'static str,
    seen: HashMap<String, usize>,
}

impl Unique {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, seen: HashMap::new() }
    }

    pub(super) fn see(
        &mut self,
        key: Option<&str>,
        line: usize,
        path: &str,
        out: &mut Vec<Mistake>,
    ) {
        let Some(key) = key else { return };
        if let Some(first) = self.seen.get(key) {
            let what = self.what;
            say(out, line, path, format!("this {what} is already in line {first}"));
        } else {
            self.seen.insert(key.to_owned(), line);
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

impl Reader<'_> {
    /// Reads a document; `None` when its tenant is not sound.
    pub(super) fn document(&mut self, node: &Node) -> Option<TenantEntry> {
        let sound = check(node, Shape::Map(DOCUMENT), Path::Root, &mut self.mistakes);
        let tenant = node.get("tenant").filter(|_| sound);
        let tenant = tenant.and_then(|tenant| self.tenant(tenant));
        let (mut applications, mut users) = (Vec::new(), Vec::new());
        let (mut client_ids, mut emails) = (Unique::new("client_id"), Unique::new("email"));
        for (i, item) in node.get("applications").map_or(&[][..], Node::items).iter().enumerate() {
            let (parent, key) = (Path::Key(&Path::Root, "applications"), item.get("client_id"));
            let path = Path::Index(&parent, i);
            if let Some(client_id) = key {
                let path = Path::Key(&path, "client_id").to_string();
                client_ids.see(client_id.text(), client_id.line, &path, &mut self.mistakes);
            }
            applications.extend(self.application(item, path));
        }
        for (i, item) in node.get("users").map_or(&[][..], Node::items).iter().enumerate() {
            let parent = Path::Key(&Path::Root, "users");
            let path = Path::Index(&parent, i);
            if let Some(user) = self.user(item, path) {
                let path = Path::Key(&path, "email").to_string();
                emails.see(Some(&user.key), user.line, &path, &mut self.mistakes);
                users.push(user);
            }
        }
        let (slug, name, settings) = tenant?;
        Some(TenantEntry { slug, name, settings, line: node.line, applications, users })
    }

    fn tenant(&mut self, node: &Node) -> Option<(String, String, Value)> {
        let slug = self.text(node, "slug", "tenant", |slug| {
            is_slug(slug).then_some(()).ok_or("must be 2 to 40 of a-z, 0-9 and -")
        });
        let name = self.text(node, "name", "tenant", display_name);
        let patch = node.get("settings").map_or(Value::Object(Map::new()), Node::to_json);
        let mut settings = Value::Object(Map::new());
        merge(&mut settings, &patch);
        let checked = serde_json::from_value::<TenantSettings>(settings)
            .map_err(|e| vec![Rule::new("", e.to_string())])
            .and_then(|settings| {
                let mut wrong = settings.check().err().unwrap_or_default();
                wrong.extend(templates(&settings));
                if wrong.is_empty() { Ok(()) } else { Err(wrong) }
            });
        for m in checked.err().unwrap_or_default() {
            let line = node.line_at(&format!("settings.{}", m.path));
            say(&mut self.mistakes, line, format!("tenant.settings.{}", m.path), m.message);
        }
        Some((slug?, name?, patch))
    }

    fn application(&mut self, node: &Node, path: Path<'_>) -> Option<ApplicationEntry> {
        if !check(node, Shape::Map(APPLICATION), path, &mut self.mistakes) {
            return None;
        }
        let before = self.mistakes.len();
        let mut patch = node.to_object();
        patch.remove("client_secret");
        let list = node.get("scopes").map_or(&[][..], Node::items);
        for (i, scope) in list.iter().enumerate() {
            let one = scope.text().map(str::to_owned).into_iter().collect::<Vec<_>>();
            if ScopeSet::try_from(one).is_err() {
                let at = format!("{path}.scopes[{i}]");
                let why = "must be of printable ASCII without spaces, quotes and backslashes";
                say(&mut self.mistakes, scope.line, at, why);
            }
        }
        if before != self.mistakes.len() {
            return None;
        }
        let settled = settle(&patch, self.rules.development);
        for m in settled.as_ref().err().into_iter().flatten() {
            let at =
                if m.path.is_empty() { path.to_string() } else { format!("{path}.{}", m.path) };
            say(&mut self.mistakes, node.line_at(&m.path), at, m.message.clone());
        }
        let spec = settled.ok();
        let client_secret = node
            .get("client_secret")
            .and_then(|secret| self.client_secret(secret, spec.as_ref(), &path.to_string()));
        let (spec, line, path) = (spec?, node.line, path.to_string());
        let client_id = spec.client_id.clone();
        Some(ApplicationEntry { client_id, spec, patch, client_secret, line, path })
    }

    fn client_secret(
        &mut self,
        node: &Node,
        spec: Option<&ApplicationSpec>,
        application: &str,
    ) -> Option<SecretString> {
        let path = format!("{application}.client_secret");
        let secret = self.secret(node, &path)?;
        let (length, bytes) = {
            let secret = secret.expose_secret();
            (secret.chars().count(), secret.len())
        };
        let least = if self.rules.development { WEAK_SECRET } else { STRONG_SECRET };
        if spec.is_some_and(|spec| !spec.auth_method().uses_secret()) {
            let why = "this application authenticates without a secret: leave it out";
            say(&mut self.mistakes, node.line, path, why);
        } else if length < least || bytes > MAX_SECRET {
            let why =
                format!("must have {least} to {MAX_SECRET} characters; left out, one is made");
            say(&mut self.mistakes, node.line, path, why);
        } else if length < STRONG_SECRET {
            let why = format!("shorter than the {STRONG_SECRET} characters of production mode");
            say(&mut self.warnings, node.line, path, why);
        }
        Some(secret)
    }

    fn user(&mut self, node: &Node, path: Path<'_>) -> Option<UserEntry> {
        if !check(node, Shape::Map(USER), path, &mut self.mistakes) {
            return None;
        }
        let before = self.mistakes.len();
        let here = path.to_string();
        let email = self.text(node, "email", &here, |email| {
            normalize_email(email).map(|_| ()).ok_or("is not an e-mail address")
        });
        let name = match node.get("name").map(Node::text) {
            None => None,
            Some(None) => Some(None),
            Some(Some(_)) => Some(self.text(node, "name", &here, display_name)),
        };
        let claims = node.get("claims").map(Node::to_object).unwrap_or_default();
        if let Err(why) = check_claims(&claims) {
            say(&mut self.mistakes, node.line_at("claims"), format!("{here}.claims"), why);
        }
        let password = self.password(node, &here);
        let email = email.filter(|_| before == self.mistakes.len())?;
        Some(UserEntry {
            key: normalize_email(&email)?,
            email: email.trim().to_owned(),
            email_verified: node.get("email_verified").map(|n| n.content == Content::Flag(true)),
            name,
            claims,
            password,
            line: node.line,
            path: here,
        })
    }

    fn password(&mut self, node: &Node, user: &str) -> Option<Password> {
        let given = |key| node.get(key).filter(|n| n.text().is_some());
        let (plain, hashed) = (given("password"), given("password_hash"));
        if let (Some(_), Some(hashed)) = (plain, hashed) {
            let why = "give password or password_hash, not both";
            say(&mut self.mistakes, hashed.line, format!("{user}.password_hash"), why);
        }
        if let Some(plain) = plain {
            let path = format!("{user}.password");
            let secret = self.secret(plain, &path)?;
            if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&secret.expose_secret().len()) {
                let why = format!("must have {MIN_PASSWORD} to {MAX_PASSWORD} bytes");
                say(&mut self.mistakes, plain.line, path, why);
            }
            return Some(Password::Plain(secret));
        }
        let hash = hashed.and_then(Node::text)?;
        if !is_password_hash(hash) {
            let (line, path) = (node.line_at("password_hash"), format!("{user}.password_hash"));
            say(&mut self.mistakes, line, path, ACCEPTED);
        }
        Some(Password::Hashed(hash.to_owned()))
    }

    /// A secret as it stands, or, when it is wholly `${NAME}`, what the environment says.
    fn secret(&mut self, node: &Node, path: &str) -> Option<SecretString> {
        let text = node.text()?;
        let name = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
        let Some(name) = name else { return Some(text.into()) };
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let is_name = !name.is_empty() && name.bytes().all(word);
        let found = if is_name { (self.rules.variable)(name) } else { None };
        match found.filter(|value| !value.is_empty()) {
            Some(value) if value.contains('\0') => {
                say(&mut self.mistakes, node.line, path, "must not hold a NUL character");
                None
            }
            Some(value) => Some(value.into()),
            None if is_name => {
                let why = format!("the environment variable {name} is not set");
                say(&mut self.mistakes, node.line, path, why);
                None
            }
            None => {
                let why = "${...} names an environment variable: letters, digits and _";
                say(&mut self.mistakes, node.line, path, why);
                None
            }
        }
    }

    /// The text of a key, held against a rule.
    fn text(
        &mut self,
        node: &Node,
        key: &str,
        parent: &str,
        rule: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Option<String> {
        let found = node.get(key)?;
        let text = found.text()?;
        match rule(text) {
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                say(&mut self.mistakes, found.line, format!("{parent}.{key}"), why);
                None
            }
        }
    }
}

fn display_name(text: &str) -> Result<(), &'static str> {
    is_display_name(text).then_some(()).ok_or("must be 1 to 200 bytes without control characters")
}

/// What a new application of this patch is registered with.
fn settle(patch: &Map<String, Value>, development: bool) -> Result<ApplicationSpec, Vec<Rule>> {
    let mut spec = Value::Object(Map::new());
    merge(&mut spec, &Value::Object(patch.clone()));
    serde_json::from_value::<ApplicationSpec>(spec)
        .map_err(|e| vec![Rule::new("", e.to_string())])?
        .settle(development)
}
