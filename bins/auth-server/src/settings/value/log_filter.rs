//! Log filters, as tracing's `EnvFilter` reads them.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::settings::fault::Parsed;

/// A filter's text that [`EnvFilter`] accepts. A word alone must be a level: `EnvFilter` would take a mistyped level for
/// a module's name and log nothing.
pub(crate) fn log_filter(text: &str) -> Parsed<String> {
    let words_are_levels = text.contains('[') || text.split(',').all(|part| part.contains('=') || is_level(part));
    if words_are_levels && EnvFilter::try_new(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err("write a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or levels by module: `info,auth_server=debug`"
        .into())
}

fn is_level(text: &str) -> bool {
    !text.is_empty() && LevelFilter::from_str(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn levels_and_modules_are_read() {
        for text in ["info", "WARN", "off", "info,auth_server=debug", "warn,auth_service[login]=trace"] {
            assert_eq!(log_filter(text).unwrap(), text);
        }
    }

    #[test]
    fn a_mistyped_level_is_refused() {
        assert_refuses(log_filter, &["inof", "info,", "auth_server=debgu", "auth_server", "a=b=c"]);
    }
}
