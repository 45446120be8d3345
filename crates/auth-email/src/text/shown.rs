//! Text that strangers wrote, made fit to be shown in a mail: one line, no hidden characters, not too long, and nothing
//! that a mail program would make a link of.

use std::net::IpAddr;

/// The most characters that are shown of it.
const LONGEST: usize = 120;

/// `text` as it can be shown. `http://evil.example` becomes `http[:]//evil[.]example`, as those write who warn of links.
pub(crate) fn shown(text: &str) -> String {
    let mut characters = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c));
    let mut line: Vec<char> = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    let mut harmless = String::with_capacity(line.len());
    for (index, &c) in line.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| line.get(index)).copied();
        let after = line.get(index + 1).copied();
        if makes_a_link(before, c, after) {
            harmless.extend(['[', c, ']']);
        } else {
            harmless.push(c);
        }
    }
    harmless.trim().to_owned()
}

/// An IP address; nothing for any other text.
pub(crate) fn ip_address(text: &str) -> Option<String> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical().to_string())
}

/// Whether `c` holds a domain name or a scheme together. Version numbers (`Firefox/128.0`) may stay as they are.
fn makes_a_link(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    match c {
        // The dots that UTS 46 takes for one.
        '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => !before.is_whitespace() && after.is_alphabetic(),
        ':' => before.is_alphabetic() && (after == '/' || after.is_alphabetic()),
        _ => false,
    }
}

/// Control characters, and those that turn the direction of text, join, separate or tag it without being seen
/// (categories Cc and Cf, and the variation selectors and tags of plane 14).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// P-23.
    #[test]
    fn nothing_that_a_stranger_wrote_becomes_a_link() {
        for (text, expected) in [
            ("http://evil.example/x?y", "http[:]//evil[.]example/x?y"),
            ("<a href=//evil.example>x</a>", "<a href=//evil[.]example>x</a>"),
            ("www.evil.com", "www[.]evil[.]com"),
            ("HTTPS://10.0.0.1", "HTTPS[:]//10.0.0.1"),
            ("mailto:ada@evil.example", "mailto[:]ada@evil[.]example"),
            ("evil\u{3002}example", "evil[\u{3002}]example"),
            ("ada@new.example", "ada@new[.]example"),
            ("xn--e1awd7f.com", "xn--e1awd7f[.]com"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_program_stays_readable() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        assert_eq!(shown(agent), agent);
        assert_eq!(shown("Firefox 128 on Linux"), "Firefox 128 on Linux");
    }

    /// P-23.
    #[test]
    fn what_strangers_wrote_is_one_short_line_in_one_direction() {
        assert_eq!(shown("a\r\nBcc: b@c\u{202e}\u{2066}\u{200b}\0d"), "a  Bcc: b@cd");
        assert_eq!(shown(&"x".repeat(10_240)), format!("{}…", "x".repeat(120)));
        assert_eq!(shown(&"ä".repeat(120)), "ä".repeat(120));
    }

    #[test]
    fn only_an_address_is_shown_as_one() {
        assert_eq!(ip_address("::ffff:203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(ip_address("2001:DB8:0:0::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip_address("evil.example"), None);
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_scheme_or_a_domain(text in "(https?|ftp)://[a-z]{1,9}\\.[a-z]{2,9}/\\PC{0,40}|\\PC{0,200}") {
            let line = shown(&text);
            prop_assert!(!line.contains("tp://") && !line.contains("tps://"), "{}", line);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(line.chars().count() <= 121 + 2 * 120);
        }
    }
}
