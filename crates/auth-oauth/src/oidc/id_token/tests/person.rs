//! Who the person is.

use super::*;
use crate::user_info::OAuthUserInfo;

fn person(claims: &[(&str, Value)]) -> OAuthUserInfo {
    let desk = Desk::new();
    let mut all = desk.claims();
    for (claim, value) in claims {
        all[claim] = value.clone();
    }
    let VerifiedIdToken { subject, profile } = desk.verify(&all).unwrap();
    profile.into_user(subject)
}

#[test]
fn the_claims_of_the_standard_make_the_person() {
    let person = person(&[
        ("email", json!("Ada@Example.org")),
        ("email_verified", json!(true)),
        ("name", json!("Ada Lovelace")),
        ("picture", json!("https://pictures.example/ada.png")),
        ("preferred_username", json!("ada")),
    ]);
    assert_eq!(person.subject, "248289761001");
    assert_eq!(person.verified_email().unwrap().as_str(), "Ada@Example.org");
    assert_eq!(person.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(person.avatar_url.as_deref(), Some("https://pictures.example/ada.png"));
}

/// O-10: strings and numbers are no booleans.
#[test]
fn an_address_is_verified_by_the_json_value_true_alone() {
    let email = ("email", json!("ada@example.org"));
    for verified in
        [json!(false), json!(null), json!("true"), json!("false"), json!(1), json!("1"), json!([true]), json!({})]
    {
        let person = person(&[email.clone(), ("email_verified", verified.clone())]);
        assert!(person.email.is_some() && !person.email_verified, "{verified}");
        assert_eq!(person.verified_email(), None);
    }
    assert!(!person(std::slice::from_ref(&email)).email_verified);
    assert!(person(&[email, ("email_verified", json!(true))]).email_verified);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    for email in
        [json!(null), json!(1), json!(["ada@example.org"]), json!("ada"), json!(""), json!("a@b.co\r\nBcc: c@d.co")]
    {
        let person = person(&[("email", email.clone()), ("email_verified", json!(true))]);
        assert!(person.email.is_none() && !person.email_verified, "{email}");
    }
    let person = person(&[("name", json!(["Ada"])), ("picture", json!("javascript:alert(1)"))]);
    assert_eq!((person.display_name, person.avatar_url), (None, None));
}
