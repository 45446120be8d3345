//! One word out of a few.

use crate::settings::fault::Parsed;

/// One of the words, exactly as written here.
pub(crate) fn choice<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.ok_or_else(|| format!("write {}", alternatives(words)).into())
    }
}

/// `true` or `on`, `false` or `off`.
pub(crate) fn switch(text: &str) -> Parsed<bool> {
    choice(&[("true", true), ("false", false), ("on", true), ("off", false)])(text)
}

fn alternatives<T>(words: &[(&str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn switches_have_two_spellings() {
        for (text, value) in [("true", true), ("on", true), ("false", false), ("off", false)] {
            assert_eq!(switch(text).unwrap(), value, "{text}");
        }
        assert_refuses(switch, &["", "yes", "1", "True", "ON", " on"]);
    }

    #[test]
    fn the_remedy_lists_the_words() {
        assert_eq!(switch("x").unwrap_err().0, "write `true`, `false`, `on` or `off`");
    }
}
