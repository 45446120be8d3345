//! What the policy refuses and what it lets pass, case by case.

use super::PasswordWeakness::{Common, KnownName, MissingClass, TooLong, TooShort};
use super::*;

fn check(policy: &PasswordPolicy, password: &str, context: &PasswordContext<'_>) -> Option<PasswordWeakness> {
    policy.check(&Password::new(password).unwrap(), context).err()
}

fn check_alone(password: &str) -> Option<PasswordWeakness> {
    check(&PasswordPolicy::default(), password, &PasswordContext::default())
}

/// REQ-02: 12 to 256 code points by default, of any kind.
#[test]
fn lengths_are_counted_in_code_points_after_normalising() {
    let too_short = Some(TooShort { min: 12 });
    let too_long = Some(TooLong { max: 256 });
    assert_eq!(check_alone("xkcd-936-jq"), too_short);
    assert_eq!(check_alone("xkcd-936-jqv"), None);
    assert_eq!(check_alone("🦆🦆🦆🦆🦆🦆🦆🦆🦆🦆🦆"), too_short);
    assert_eq!(check_alone("🦆🦆🦆🦆🦆🦆🦆🦆🦆🦆🦆🦆"), None);
    assert_eq!(check_alone(&"e\u{301}".repeat(11)), too_short);
    assert_eq!(check_alone(&"qx".repeat(128)), None);
    assert_eq!(check_alone(&"qx".repeat(129)), too_long);
    assert_eq!(check_alone(&"é".repeat(256)), None);
}

/// REQ-02: the least length may be 8 to 64, the greatest is at least 128.
#[test]
fn lengths_that_can_be_set() {
    for (min, max) in [(8, 128), (64, 1024), (15, 256)] {
        let policy = PasswordPolicy::new(min, max).unwrap();
        for (length, weakness) in
            [(min - 1, Some(TooShort { min })), (min, None), (max, None), (max + 1, Some(TooLong { max }))]
        {
            let password: String = "🦆q7 ж".chars().cycle().take(length).collect();
            assert_eq!(check(&policy, &password, &PasswordContext::default()), weakness, "{length} of {min} to {max}");
        }
    }
    for (min, max) in [(7, 256), (65, 256), (12, 127), (12, 1025)] {
        assert_eq!(PasswordPolicy::new(min, max), Err(InvalidPasswordPolicy), "{min} to {max}");
    }
}

/// REQ-02, ASVS 6.2.5: nothing is asked of a password's characters.
#[test]
fn no_kind_of_character_is_required_by_default() {
    for password in ["83610572947261", "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂", "zzzzzzzzqqqqqqqqq", "            ", "ЖЖЖЖЖЖЖЖЖЖЖЖ"]
    {
        assert_eq!(check_alone(password), None, "{password}");
    }
}

/// REQ-02: rules of composition can be switched on.
#[test]
fn required_classes_are_missed_one_by_one() {
    use CharacterClass::{Digit, Lower, Symbol, Upper};
    let policy = PasswordPolicy::new(8, 256).unwrap().requiring([Lower, Upper, Digit, Symbol]);
    let cases = [
        ("QXV-7-KLMWQ", Some(MissingClass(Lower))),
        ("qxv-7-klmwq", Some(MissingClass(Upper))),
        ("qxv-s-KLMWQ", Some(MissingClass(Digit))),
        ("qxv7s7KLMWQ", Some(MissingClass(Symbol))),
        ("qxv-7-KLMWQ", None),
        ("жжж ٣ ЖЖЖЖЖ", None),
    ];
    for (password, weakness) in cases {
        assert_eq!(check(&policy, password, &PasswordContext::default()), weakness, "{password}");
    }
}

/// REQ-02: a password is none of the names around it, whatever its case and the digits and punctuation at its ends.
#[test]
fn names_are_refused_and_may_be_contained() {
    let email = Email::parse("Ada.Lovelace+news@bücher.example").unwrap();
    let username = Username::parse("Countess_of_L").unwrap();
    let display_name = DisplayName::parse("Ada Straße").unwrap();
    let context = PasswordContext {
        email: Some(&email),
        username: Some(&username),
        display_name: Some(&display_name),
        product_name: "Wortschatz 24!",
    };
    let policy = PasswordPolicy::new(8, 256).unwrap();
    for password in [
        "ada.lovelace+news@bücher.example",
        "ADA.LOVELACE+NEWS@BÜCHER.EXAMPLE2024!",
        "ada.lovelace+news@xn--bcher-kva.example",
        "Ada.Lovelace+News",
        "(ada.lovelace+news)",
        "1815-Ada.Lovelace+news-1852",
        "countess_of_l",
        "COUNTESS_OF_L!!!",
        "__countess_of_l",
        "ａｄａ STRASSE",
        "ada straße99",
        "«Ada Strasse»",
        "Wortschatz",
        "wortschatz 24!",
        "24wortschatz24",
        "٢٤wortschatz",
        " wortschatz ",
    ] {
        assert_eq!(check(&policy, password, &context), Some(KnownName), "{password}");
    }
    for password in [
        "ada.lovelace",
        "ada.lovelace+news@bücher",
        "countess_of_london",
        "countess of l",
        "my wortschatz 24!",
        "ada straße lives here",
        "xada straße",
    ] {
        assert_eq!(check(&policy, password, &context), None, "{password}");
    }
}

#[test]
fn a_name_of_digits_alone_is_compared_as_it_is() {
    let email = Email::parse("8361057294@example.org").unwrap();
    let context = PasswordContext { email: Some(&email), ..PasswordContext::default() };
    let policy = PasswordPolicy::new(8, 256).unwrap();
    assert_eq!(check(&policy, "8361057294", &context), Some(KnownName));
    assert_eq!(check(&policy, "8361057295", &context), None);
}

/// REQ-02, ASVS 6.2.4: common passwords are refused as a whole, and may be contained.
#[cfg(feature = "common-passwords")]
#[test]
fn common_passwords_are_refused_as_a_whole() {
    let policy = PasswordPolicy::new(8, 256).unwrap();
    for password in [
        "password",
        "PassWord",
        "Password2024!",
        "--password--",
        "password 2024",
        "123456789012",
        "!QAZ2wsx",
        "aaaaaaaaaaaaaaa",
        "qwertyuiop",
        "ＱＷＥＲＴＹＵＩＯＰ",
    ] {
        assert_eq!(check(&policy, password, &PasswordContext::default()), Some(Common), "{password}");
    }
    for password in ["my password is long", "aaaaaaaaaaaaaaaaaaaaaaab", "qwertyuiop asdfghjkl zxc"] {
        assert_eq!(check(&policy, password, &PasswordContext::default()), None, "{password}");
    }
}

#[test]
fn messages_stay_as_they_are() {
    let cases = [
        (TooShort { min: 12 }, "must have at least 12 characters"),
        (TooLong { max: 256 }, "must have at most 256 characters"),
        (MissingClass(CharacterClass::Lower), "must have a lower-case letter"),
        (MissingClass(CharacterClass::Upper), "must have an upper-case letter"),
        (MissingClass(CharacterClass::Digit), "must have a digit"),
        (MissingClass(CharacterClass::Symbol), "must have a symbol"),
        (KnownName, "must not be your address, your name or the name of this service"),
        (Common, "is among the most common passwords"),
    ];
    for (weakness, message) in cases {
        assert_eq!(weakness.message(), message);
    }
    assert_eq!(PasswordWeakness::FIELD_CODE, "weak_password");
}
