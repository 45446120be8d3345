//! The URL of a Redis server: on the network, in clear text or by TLS, or at a socket of this machine. It may carry a
//! password, and none of the texts here quotes it.

use secrecy::SecretString;
use url::Url;

use super::connection_url::service_url;
use crate::settings::fault::Parsed;

/// Where Redis is.
pub(crate) fn redis_url(text: &str) -> Parsed<SecretString> {
    let is_good = service_url(text).is_some_and(|url| is_redis_server(&url)) || redis_socket_password(text).is_some();
    if is_good { Ok(text.into()) } else { Err(REDIS_SHAPE.into()) }
}

const REDIS_SHAPE: &str = "write `redis://[[user]:password@]host[:port][/number]`, `rediss://…` for TLS, or \
                           `unix:///path[?db=number&user=…&pass=…]`";

fn is_redis_server(url: &Url) -> bool {
    let is_numbered = matches!(url.path(), "" | "/") || url.path()[1..].parse::<u16>().is_ok();
    let is_whole = url.username().is_empty() || url.password().is_some_and(|password| !password.is_empty());
    matches!(url.scheme(), "redis" | "rediss") && is_numbered && is_whole && url.query().is_none()
}

/// The password for the socket, which may be none.
pub(super) fn redis_socket_password(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "unix" && text.starts_with("unix:///"))?;
    let parameter = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (user, password) = (parameter("user"), parameter("pass"));
    let is_known = url.query_pairs().all(|(key, value)| match &*key {
        "db" => value.parse::<u16>().is_ok(),
        "user" | "pass" => !value.is_empty(),
        _ => false,
    });
    let is_whole = user.is_none() || password.is_some();
    let is_path = url.path().len() > 1 && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_known && is_whole && is_path && url.fragment().is_none()).then(|| password.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn redis_is_a_server_or_a_socket() {
        for text in [
            "redis://localhost",
            "rediss://:pw@cache.example:6380/3",
            "redis://ada:pw@[::1]/",
            "unix:///run/redis.sock",
            "unix:///run/redis.sock?db=2&user=ada&pass=p%40w",
        ] {
            assert!(redis_url(text).is_ok(), "{text}");
        }
        assert_refuses(
            redis_url,
            &[
                "",
                "localhost:6379",
                "redis:",
                "redis://",
                "http://x",
                "redis://h/x",
                "redis://h/65536",
                "redis://h#f",
                "rediss://h#insecure",
                "redis://h?protocol=resp2",
                "redis://ada@h",
                "unix:/run/redis.sock",
                "unix://run/redis.sock",
                "unix:///",
                "unix:///run/redis.sock?db=x",
                "unix:///run/redis.sock?user=ada",
                "unix:///run/redis.sock?password=pw",
                "unix:///run/re dis.sock",
                "unix:///run/redis.sock#f",
            ],
        );
    }
}
