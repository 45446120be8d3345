//! Web origins (RFC 6454), as the browser's `Origin` header spells them.

use std::fmt;

use url::{Origin, Url};

use crate::settings::fault::Parsed;

/// `scheme://host[:port]`: lower case, ASCII, without the scheme's own port. Two origins are the same if and only if
/// their texts are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    text: String,
    origin: Origin,
}

impl WebOrigin {
    /// The text to compare with an `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same to compare with a URL's.
    pub fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// The origin of a URL of http or https.
    pub(crate) fn of(url: &Url) -> Self {
        let origin = url.origin();
        Self { text: origin.ascii_serialization(), origin }
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An origin in its exact spelling. Near misses are refused together with the right spelling, since a browser's header
/// would never equal them.
pub(crate) fn web_origin(text: &str) -> Parsed<WebOrigin> {
    let shape =
        "write exact origins, `scheme://host` or `scheme://host:port` with http or https, no path and no wildcard";
    let url = Url::parse(text).map_err(|_| shape)?;
    if text.contains('*') || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(shape.into());
    }
    let origin = WebOrigin::of(&url);
    if origin.text == text { Ok(origin) } else { Err(format!("write the exact origin: `{origin}`").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn exact_origins_are_accepted() {
        for text in
            ["https://app.example", "http://localhost:3000", "https://[::1]:8443", "https://xn--bcher-kva.example"]
        {
            assert_eq!(web_origin(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn near_misses_are_refused_with_the_right_spelling() {
        for (text, right) in [
            ("https://app.example/", "`https://app.example`"),
            ("https://app.example/path", "`https://app.example`"),
            ("https://App.example", "`https://app.example`"),
            ("https://app.example:443", "`https://app.example`"),
            ("https://ada:pw@app.example", "`https://app.example`"),
        ] {
            assert!(web_origin(text).unwrap_err().0.contains(right), "{text}");
        }
    }

    #[test]
    fn wildcards_and_other_schemes_are_refused() {
        assert_refuses(web_origin, &["", "*", "null", "https://*.app.example", "app.example", "app://x", "file:///x"]);
    }
}
