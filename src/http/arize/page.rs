//! Pagination: `limit` and `cursor` in the request, `pagination` in the response (contract, section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use super::Failure;
use super::body::Query;
use super::listed::Listed;
use crate::domain::page::{Page, Slice};
use crate::tokens::tags::TagKey;

const MAX_LIMIT: u32 = 100;

const DEFAULT_LIMIT: u32 = 50;

/// The length of the tag in a cursor.
const TAG_LENGTH: usize = 16;

/// The position in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pagination {
    /// Whether there is another page.
    has_more: bool,
    /// The cursor of the next page; omitted on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Pagination {
    /// The position of the next page. `list` names the list, so that a cursor of one list is refused by another.
    pub(super) fn of<T>(key: &TagKey, list: &str, slice: &Slice<T>) -> Self {
        let next_cursor = slice.next.map(|row| {
            let position = row.to_string();
            let tag = key.tag("cursor", &format!("{list} {position}"), TAG_LENGTH);
            URL_SAFE_NO_PAD.encode(format!("{position}:{tag}"))
        });
        Self { has_more: next_cursor.is_some(), next_cursor }
    }
}

/// The page of a list that a query requests.
///
/// Refuses a limit that is not from 1 to 100, and a cursor that this list did not return.
pub(super) fn requested<T: Listed>(key: &TagKey, query: &Query) -> Result<Page, Failure> {
    parse(key, T::CURSOR_NAME, query.one("limit")?, query.one("cursor")?)
}

fn parse(key: &TagKey, list: &str, limit: Option<&str>, cursor: Option<&str>) -> Result<Page, Failure> {
    let limit = match limit {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| Failure::malformed("limit", format!("must be a number from 1 to {MAX_LIMIT}")))?,
    };
    let after = cursor.filter(|text| !text.is_empty()).map(|text| position(key, list, text)).transpose()?;
    Ok(Page { after, limit })
}

fn position(key: &TagKey, list: &str, cursor: &str) -> Result<i64, Failure> {
    let forged = || Failure::malformed("cursor", "must be the next_cursor of the previous page of this list");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| forged())?;
    let text = String::from_utf8(bytes).map_err(|_| forged())?;
    let (position, tag) = text.split_once(':').ok_or_else(forged)?;
    if tag.len() != TAG_LENGTH || !key.matches("cursor", &format!("{list} {position}"), tag) {
        return Err(forged());
    }
    position.parse().map_err(|_| forged())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TagKey {
        TagKey::new(&[3; 32])
    }

    #[test]
    fn a_cursor_is_valid_for_its_own_list_only() {
        let slice = Slice { items: vec![(); 2], next: Some(42) };
        let cursor = Pagination::of(&key(), "spaces", &slice).next_cursor.expect("a cursor");
        let page = parse(&key(), "spaces", Some("2"), Some(&cursor)).expect("a page");
        assert_eq!(page, Page { after: Some(42), limit: 2 });
        assert!(parse(&key(), "users", None, Some(&cursor)).is_err());
        assert!(parse(&TagKey::new(&[4; 32]), "spaces", None, Some(&cursor)).is_err());
        assert!(parse(&key(), "spaces", None, Some("NDI")).is_err());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let last = Pagination::of(&key(), "spaces", &Slice { items: vec![()], next: None });
        assert_eq!(serde_json::to_string(&last).expect("JSON"), r#"{"has_more":false}"#);
    }

    #[test]
    fn the_limit_is_bounded() {
        for bad in ["0", "101", "-1", "x", "", "1e2"] {
            assert!(parse(&key(), "spaces", Some(bad), None).is_err(), "{bad}");
        }
        assert_eq!(parse(&key(), "spaces", None, None).expect("a page").limit, 50);
    }
}
