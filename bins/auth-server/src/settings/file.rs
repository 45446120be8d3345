//! The configuration file: TOML, flattened to keys whose nesting is joined with `_`.

use toml::{Table, Value};
use zeroize::Zeroizing;

/// A key of the file and its value as text.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The key as it stands in the file, nesting shown by dots.
    pub(crate) path: String,
    /// The same, joined with `_`.
    pub(crate) words: String,
    /// The value, or what is wrong with its type.
    pub(crate) value: Result<Zeroizing<String>, &'static str>,
}

/// Why a text is not TOML, without quoting it: it may hold secrets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not valid TOML: {message}")]
pub(crate) struct SyntaxError {
    line: usize,
    message: String,
}

/// Reads the file's text.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let table: Table = text.parse().map_err(|error| syntax_error(text, &error))?;
    let mut entries = Vec::new();
    flatten(&mut Vec::new(), table, &mut entries);
    Ok(entries)
}

fn syntax_error(text: &str, error: &toml::de::Error) -> SyntaxError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // The parser's words never quote a value, only its own grammar; a key that stands twice it may name.
    SyntaxError { line, message: error.message().replace('\n', ", ") }
}

fn flatten(path: &mut Vec<String>, table: Table, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        path.push(key);
        match value {
            Value::Table(table) => flatten(path, table, entries),
            value => entries.push(Entry { path: path.join("."), words: path.join("_"), value: text(value) }),
        }
        path.pop();
    }
}

fn text(value: Value) -> Result<Zeroizing<String>, &'static str> {
    match value {
        Value::String(text) => Ok(Zeroizing::new(text)),
        Value::Integer(number) => Ok(Zeroizing::new(number.to_string())),
        Value::Boolean(switch) => Ok(Zeroizing::new(switch.to_string())),
        Value::Array(items) => list(items),
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => {
            Err("write a text in quotes, a whole number, true or false")
        }
    }
}

fn list(items: Vec<Value>) -> Result<Zeroizing<String>, &'static str> {
    let texts = items.into_iter().map(|item| match item {
        Value::String(text) if !text.contains(',') => Ok(text),
        _ => Err("write a list of texts in quotes, without commas in them"),
    });
    Ok(Zeroizing::new(texts.collect::<Result<Vec<_>, _>>()?.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, Option<String>)> {
        let entries = entries(text).unwrap();
        entries.into_iter().map(|entry| (entry.words, entry.value.ok().map(|value| value.to_string()))).collect()
    }

    #[test]
    fn nesting_is_joined() {
        for text in ["[smtp]\nurl = \"x\"", "smtp_url = \"x\"", "smtp.url = \"x\"", "smtp = { url = \"x\" }"] {
            assert_eq!(flat(text), [("smtp_url".to_owned(), Some("x".to_owned()))], "{text}");
        }
    }

    #[test]
    fn numbers_switches_and_lists_become_text() {
        let text = "a = 7\nb = true\nc = [\"x\", \"y\"]\nd = []\ne = 1.5\nf = [1]\ng = [[\"x\"]]\nh = [\"x,y\"]\ni = 2026-01-01";
        let values: Vec<_> = flat(text).into_iter().map(|(_, value)| value).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(values, [some("7"), some("true"), some("x,y"), some(""), None, None, None, None, None]);
    }

    #[test]
    fn a_syntax_error_tells_the_line_and_no_content() {
        for text in [
            "a = 1\nb = canary",
            "a = 1\nb = \"canary",
            "a = 1\n[canary",
            "a = 1\nb \"canary\"",
            "a = 1\nb = \"\\qcanary\"",
        ] {
            let error = entries(text).unwrap_err().to_string();
            assert!(error.starts_with("line 2 "), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
