//! Access tokens in requests (RFC 6750, section 2.1).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use auth_core::ErrorCode;

use crate::Problem;

/// The bearer token of the request, if it sends one: another scheme is as good as none.
///
/// Only the `Authorization` header counts: a token in the URL or in a body is ignored (RFC 9700, section 4.3.2).
pub(crate) fn bearer_token(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(ErrorCode::TokenInvalid.into());
    }
    let Some((scheme, token)) = header.as_bytes().split_at_checked("Bearer ".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(None);
    }
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(ErrorCode::TokenInvalid.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CurrentUser;
    use crate::fixture::Bench;

    /// T-26
    #[actix_web::test]
    async fn odd_authorization_headers_are_refused_and_never_a_fault() {
        let bench = Bench::new();
        let token = bench.token(|_| {});
        let good = format!("Bearer {token}");
        let refused = async |headers: &[&[u8]]| bench.ask::<CurrentUser>(headers).await.unwrap_err().code();
        for nothing in [&b""[..], b"Bearer", b"Basic dXNlcjpwYXNz", token.as_bytes()] {
            assert_eq!(refused(&[nothing]).await, ErrorCode::NotAuthenticated);
        }
        let spaced = format!("Bearer  {token}");
        let tabbed = format!("Bearer\t{token}");
        assert_eq!(refused(&[tabbed.as_bytes()]).await, ErrorCode::NotAuthenticated);
        for invalid in
            [b"Bearer ".as_slice(), spaced.as_bytes(), b"Bearer \xff\xfe", b"Bearer %zz", &vec![b'B'; 65_536]]
        {
            let code = refused(&[invalid]).await;
            assert!(matches!(code, ErrorCode::TokenInvalid | ErrorCode::NotAuthenticated));
        }
        assert_eq!(refused(&[good.as_bytes(), good.as_bytes()]).await, ErrorCode::TokenInvalid);
    }
}
