//! What stands in the query of an address, read strictly: no parameter twice.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_actix::Problem;
use auth_core::ErrorCode;
use auth_service::PageRequest;
use url::form_urlencoded;

/// The longest query that is read, in bytes as they came: the codes of the largest providers have a few thousand.
pub(super) const MAX_QUERY_BYTES: usize = 8 * 1024;

/// What becomes of parameters that aren't known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Ignored,
    Refused,
}

/// The values of the known parameters. What was sent is never part of the refusal: it may be a code.
pub(super) fn parameters<const N: usize>(
    query: &str,
    known: [&str; N],
    others: Others,
) -> Result<[Option<String>; N], Problem> {
    let refused = |detail: &'static str| Err(Problem::new(ErrorCode::MalformedRequest).detail(detail));
    if query.len() > MAX_QUERY_BYTES {
        return refused("the query has more than 8 KiB");
    }
    let mut values = [const { None }; N];
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(index) = known.iter().position(|known| *known == name) else {
            if others == Others::Ignored {
                continue;
            }
            return refused("the query has an unknown parameter");
        };
        // It stands for bytes that are no UTF-8.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return refused("a parameter is not UTF-8");
        }
        if values[index].replace(value.into_owned()).is_some() {
            return refused("a parameter stands there twice");
        }
    }
    Ok(values)
}

/// Which page of a list is wanted. Other parameters are refused: a mistyped one must not pass for none.
pub(super) struct PageQuery(pub(super) PageRequest);

impl FromRequest for PageQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let [cursor, limit] = match parameters(request.query_string(), ["cursor", "limit"], Others::Refused) {
            Ok(found) => found,
            Err(problem) => return ready(Err(problem)),
        };
        let page = PageRequest::parse(cursor.as_deref(), limit.as_deref());
        ready(page.map(Self).map_err(Problem::invalid))
    }
}
