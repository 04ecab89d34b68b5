//! Pages of lists, by sealed cursors: a caller can only go on from where an answer of ours ended.

use actix_web::{HttpResponse, http::header, web};
use bailiwick_domain::Timestamp;
use bailiwick_store::vault::Label;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::auth::{Permission, Permit};
use super::problem::Problem;

const MOST: u64 = 200;
const DEFAULT: u64 = 50;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// How many items: 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
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

/// A place in a list that is ordered by time of creation and id.
pub type Position = (Timestamp, Uuid);

/// What the caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// After this place.
    pub after: Option<Position>,
    /// How many to read: one more than are answered, to know whether there are more.
    pub read: u64,
}

/// Reads which page is wanted.
///
/// # Errors
/// What is wrong with the query; a cursor of another list or tenant is no cursor.
pub fn wanted<P: Permission>(permit: &Permit<P>) -> Result<Wanted, Problem> {
    let query = web::Query::<Query>::from_query(permit.request.query_string())
        .map_err(|e| Problem::mistake("query", e.to_string()))?
        .into_inner();
    let limit = match query.limit.as_deref() {
        None => DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=MOST).contains(n))
            .ok_or_else(|| Problem::mistake("limit", "must be a number from 1 to 200"))?,
    };
    let open = |text: &str| {
        let plain = permit.cx.view.vault.open_token(Label::Cursor, text)?;
        let plain = plain.strip_prefix(P::ACTION.name().as_bytes())?.strip_prefix(b"\0")?;
        let (at, id) = plain.split_first_chunk::<8>()?;
        Some((Timestamp(i64::from_be_bytes(*at)), Uuid::from_slice(id).ok()?))
    };
    let after = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(open(text).ok_or_else(|| {
            Problem::mistake("cursor", "is not a next_cursor of this list: start without it")
        })?),
    };
    Ok(Wanted { after, read: limit + 1 })
}

/// Answers with what was read.
pub fn answer<P: Permission, T, V: Serialize>(
    permit: &Permit<P>,
    wanted: Wanted,
    mut found: Vec<T>,
    place: impl Fn(&T) -> Position,
    view: impl Fn(&T) -> V,
) -> HttpResponse {
    let limit = usize::try_from(wanted.read - 1).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(place);
    let next_cursor = last.map(|(at, id)| {
        let name = P::ACTION.name().as_bytes();
        let plain = [name, b"\0", &at.0.to_be_bytes(), id.as_bytes()].concat();
        permit.cx.view.vault.seal_token(Label::Cursor, &plain, permit.cx.env())
    });
    let page = Page { items: found.iter().map(view).collect(), next_cursor };
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-cache")).json(page)
}
