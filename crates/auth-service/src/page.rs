//! Lists that are too long for one answer: a page at a time, by an opaque cursor.

use auth_core::FieldError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use uuid::Uuid;

/// As many entries as a page has if its reader doesn't say.
const DEFAULT_LIMIT: u32 = 50;

/// As many entries as a page has at most.
const MAX_LIMIT: u32 = 200;

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    after: Option<Uuid>,
    limit: u32,
}

impl PageRequest {
    /// Reads what a client asks for: the cursor that the page before ended with, none for the first page; and how many
    /// entries it wants at most, 1 to 200, 50 unless it says so.
    ///
    /// # Errors
    ///
    /// For each field that is refused why, `invalid_cursor` and `invalid_limit`.
    pub fn parse(cursor: Option<&str>, limit: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let after = cursor.and_then(|cursor| {
            let id = id_of(cursor);
            if id.is_none() {
                let message = "this must be a next_cursor as it came";
                errors.push(FieldError::new("cursor", "invalid_cursor", message));
            }
            id
        });
        let limit = limit.map_or(Some(DEFAULT_LIMIT), number).unwrap_or_else(|| {
            let message = format!("this must be a whole number from 1 to {MAX_LIMIT}");
            errors.push(FieldError::new("limit", "invalid_limit", message));
            0
        });
        if errors.is_empty() { Ok(Self { after, limit }) } else { Err(errors) }
    }

    /// The id of the entry that the page before ended with.
    pub(crate) const fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// As many entries as the page has at most.
    pub(crate) const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// One more than the page has at most: whether there is one tells whether there is another page.
    pub(crate) const fn one_more(&self) -> u32 {
        self.limit + 1
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// What to ask for the next page with: URL-safe text; `None` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page that `request` asked for, of as many rows as it wants to see; `id` is what they are in the order of.
    pub(crate) fn of<R>(request: PageRequest, mut rows: Vec<R>, id: fn(&R) -> Uuid) -> Self
    where
        T: From<R>,
    {
        let is_last = rows.len() <= request.limit();
        rows.truncate(request.limit());
        let last = if is_last { None } else { rows.last() };
        let last = last.map(id);
        Self::up_to(rows.into_iter().map(T::from).collect(), last)
    }

    /// The page of these entries, after which one goes on behind the id `last`; `None`: there is no more.
    pub(crate) fn up_to(entries: Vec<T>, last: Option<Uuid>) -> Self {
        Self { entries, next_cursor: last.map(|id| BASE64URL.encode(id.as_bytes())) }
    }
}

fn id_of(cursor: &str) -> Option<Uuid> {
    // Not more than a cursor has is decoded.
    let bytes = (cursor.len() == 22).then(|| BASE64URL.decode(cursor).ok())??;
    Uuid::from_slice(&bytes).ok()
}

/// Digits alone: not `+5`, which an unescaped query would have as ` 5`.
fn number(text: &str) -> Option<u32> {
    let limit = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    (1..=MAX_LIMIT).contains(&limit).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(cursor: Option<&str>, limit: Option<&str>) -> Vec<&'static str> {
        PageRequest::parse(cursor, limit).err().unwrap_or_default().iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_limit_is_a_whole_number_from_1_to_200() {
        for (text, limit) in [(None, 50), (Some("1"), 1), (Some("200"), 200), (Some("007"), 7)] {
            assert_eq!(PageRequest::parse(None, text).unwrap().one_more(), limit + 1, "{text:?}");
        }
        for text in ["0", "201", "abc", "", "-1", "+5", " 5", "5.0", "4294967297", "٣"] {
            assert_eq!(refused(None, Some(text)), ["limit"], "{text}");
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_given_and_nothing_else_is() {
        let id = Uuid::from_u128(0xFBFF_0123_4567_89AB_CDEF_0123_4567_89FF);
        let request = PageRequest::parse(None, Some("1")).unwrap();
        let cursor = Page::<Uuid>::of(request, vec![id, Uuid::nil()], |id| *id).next_cursor.unwrap();
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
        assert_eq!(PageRequest::parse(Some(&cursor), None).unwrap().after(), Some(id));
        let damaged = format!("{}\u{e9}", &cursor[..20]);
        for text in ["", "x", &cursor[1..], &format!("{cursor}A"), &cursor.replace('_', "/"), &damaged] {
            assert_eq!(refused(Some(text), None), ["cursor"], "{text}");
        }
        assert_eq!(refused(Some("x"), Some("x")), ["cursor", "limit"]);
    }

    #[test]
    fn only_the_last_page_has_no_cursor() {
        let ids = |count: u128| (0..count).map(Uuid::from_u128).collect::<Vec<_>>();
        let request = PageRequest::parse(None, Some("3")).unwrap();
        for (rows, entries, is_last) in [(0, 0, true), (2, 2, true), (3, 3, true), (4, 3, false)] {
            let page = Page::<Uuid>::of(request, ids(rows), |id| *id);
            assert_eq!((page.entries.len(), page.next_cursor.is_none()), (entries, is_last), "{rows}");
        }
    }
}
