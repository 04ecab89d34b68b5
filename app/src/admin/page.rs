//! Pages of lists, by sealed cursors: a caller can only go on from where an answer of ours ended.

use actix_web::{HttpResponse, http::header, web};
use bailiwick_domain::Timestamp;
use bailiwick_store::vault::Label;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::auth::{Permission, Permit};
use super::problem::Problem;

const MOST: u64 = 200;
const DEFAULT: u64 = 50;

/// Which page, as the OpenAPI document describes it: [`filtered`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// How many items: 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, oldest first.
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A place in a list: what a cursor holds.
pub trait Place: Sized {
    /// It, as bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// The place of these bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// A place in a list that is ordered by time of creation and id.
pub type Position = (Timestamp, Uuid);

impl Place for Position {
    fn to_bytes(&self) -> Vec<u8> {
        [self.0.0.to_be_bytes().as_slice(), self.1.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, id) = bytes.split_first_chunk::<8>()?;
        Some((Timestamp(i64::from_be_bytes(*at)), Uuid::from_slice(id).ok()?))
    }
}

/// A place in a list that is ordered by id.
impl Place for Uuid {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// A place in a list that is ordered by name.
impl Place for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

/// What the caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<K = Position> {
    /// After this place.
    pub after: Option<K>,
    /// How many to read: one more than are answered, to know whether there are more.
    pub read: u64,
}

/// Reads which page is wanted.
///
/// # Errors
/// What is wrong with the query; a cursor of another list or tenant is no cursor.
pub fn wanted<P: Permission, K: Place>(permit: &Permit<P>) -> Result<Wanted<K>, Problem> {
    Ok(filtered(permit, [])?.0)
}

/// Reads which page is wanted of a list that takes these further members in its query, and what
/// they are.
///
/// # Errors
/// As [`wanted`].
pub fn filtered<P: Permission, K: Place, const N: usize>(
    permit: &Permit<P>,
    names: [&str; N],
) -> Result<(Wanted<K>, [Option<String>; N]), Problem> {
    let wrong = |message: String| Problem::mistake("query", message);
    let pairs = web::Query::<Vec<(String, String)>>::from_query(permit.request.query_string())
        .map_err(|e| wrong(e.to_string()))?
        .into_inner();
    let (mut limit, mut cursor, mut filters) = (None, None, [const { None }; N]);
    for (name, value) in pairs {
        let place = match name.as_str() {
            "limit" => &mut limit,
            "cursor" => &mut cursor,
            other => names
                .iter()
                .zip(&mut filters)
                .find_map(|(name, place)| (*name == other).then_some(place))
                .ok_or_else(|| wrong(format!("there is no `{other}` here")))?,
        };
        if place.replace(value).is_some() {
            return Err(wrong(format!("`{name}` is given more than once")));
        }
    }
    let limit = match limit.as_deref() {
        None => DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=MOST).contains(n))
            .ok_or_else(|| Problem::mistake("limit", "must be a number from 1 to 200"))?,
    };
    let open = |text: &str| {
        let plain = permit.cx.view.vault.open_token(Label::Cursor, text)?;
        K::from_bytes(plain.strip_prefix(P::ACTION.name().as_bytes())?.strip_prefix(b"\0")?)
    };
    let after = match cursor.as_deref() {
        None => None,
        Some(text) => Some(open(text).ok_or_else(|| {
            Problem::mistake("cursor", "is not a next_cursor of this list: start without it")
        })?),
    };
    Ok((Wanted { after, read: limit + 1 }, filters))
}

/// Answers with what was read.
pub fn answer<P: Permission, K: Place, T, V: Serialize>(
    permit: &Permit<P>,
    read: u64,
    mut found: Vec<T>,
    place: impl Fn(&T) -> K,
    view: impl Fn(&T) -> V,
) -> HttpResponse {
    let limit = usize::try_from(read - 1).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(place);
    let next_cursor = last.map(|last| {
        let name = P::ACTION.name().as_bytes();
        let plain = [name, b"\0", &last.to_bytes()].concat();
        permit.cx.view.vault.seal_token(Label::Cursor, &plain, permit.cx.env())
    });
    let page = Page { items: found.iter().map(view).collect(), next_cursor };
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-cache")).json(page)
}
