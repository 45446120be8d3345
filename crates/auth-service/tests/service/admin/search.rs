//! Finding users.

use auth_core::{Email, UserId};
use auth_persistence::user::{self, NewUser};
use auth_service::{PageRequest, UserQuery};
use uuid::Uuid;

use super::{ADA, BOB, ROOT, Wanted};
use crate::bed::{Account, Bed, Instance, faults, on_both_databases};

on_both_databases! {
    users_are_listed_newest_first,
    a_term_is_found_anywhere_whatever_its_case,
    wildcards_stand_for_themselves,
    a_whole_id_or_address_finds_its_user_alone,
    roles_and_switched_off_accounts_are_listed_apart,
    each_user_is_on_one_page_while_others_come_and_go,
    a_page_looks_at_ten_thousand_users_at_most,
    nothing_secret_is_told,
}

fn three(bed: &Bed) -> (Instance, Account) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    for email in [ADA, BOB] {
        bed.clock().advance(std::time::Duration::from_secs(1));
        service.register(email);
    }
    (service, root)
}

fn q(term: &str) -> Wanted<'_> {
    Wanted { q: Some(term), ..Wanted::default() }
}

fn users_are_listed_newest_first(bed: &Bed) {
    let (service, root) = three(bed);
    assert_eq!(service.found(&root, Wanted::default()), [BOB, ADA, ROOT]);
    assert_eq!(service.found(&root, Wanted { limit: Some("3"), ..Wanted::default() }).len(), 3);
    let page = service.find_users(&root, Wanted { limit: Some("2"), ..Wanted::default() }).unwrap();
    assert_eq!(page.entries.len(), 2);
    let rest = Wanted { cursor: page.next_cursor.as_deref(), ..Wanted::default() };
    assert_eq!(service.found(&root, rest), [ROOT]);
}

fn a_term_is_found_anywhere_whatever_its_case(bed: &Bed) {
    let (service, root) = three(bed);
    bed.execute("UPDATE users SET display_name = 'Frau ÄRGER Σίσυφος' WHERE email = 'ada@example.org'");
    bed.execute("UPDATE users SET username = 'Der_Baumeister', username_normalized = 'der_baumeister' WHERE email = 'bob@example.org'");
    for (term, expected) in [
        ("ADA@", ADA),
        ("a@example", ADA),
        ("ärger", ADA),
        ("a\u{308}RGER", ADA),
        ("ΣΊΣΥΦΟΣ", ADA),
        (" frau ", ADA),
        ("BAUMEISTER", BOB),
        ("r_b", BOB),
    ] {
        assert_eq!(service.found(&root, q(term)), [expected], "{term}");
    }
    assert_eq!(service.found(&root, q("EXAMPLE.ORG")), [BOB, ADA, ROOT]);
    assert_eq!(service.found(&root, q("nobody")), [""; 0]);
}

fn wildcards_stand_for_themselves(bed: &Bed) {
    let (service, root) = three(bed);
    for term in ["%", "_", "a%a", "*", ".*", "\\", "'", "\"", "' OR 1=1 --", "\u{0}", "?"] {
        assert_eq!(service.found(&root, q(term)), [""; 0], "{term}");
    }
    bed.execute("UPDATE users SET display_name = '100 % Ada_L' WHERE email = 'ada@example.org'");
    for term in ["%", "_", "0 %"] {
        assert_eq!(service.found(&root, q(term)), [ADA], "{term}");
    }
}

fn a_whole_id_or_address_finds_its_user_alone(bed: &Bed) {
    let (service, root) = three(bed);
    service.register("not-ada@example.org");
    assert_eq!(service.found(&root, q("Ada@Example.ORG")), [ADA]);
    assert_eq!(service.found(&root, q("a@example.org")), ["not-ada@example.org", ADA], "a part that is nobody's whole");
    let ada = service.log_in(ADA).user;
    assert_eq!(service.found(&root, q(&ada.to_string())), [ADA]);
    assert_eq!(service.found(&root, q(&ada.to_string().to_uppercase())), [ADA]);
    assert_eq!(service.found(&root, q(&Uuid::from_u128(7).to_string())), [""; 0]);
    assert_eq!(service.found(&root, Wanted { role: Some("admin"), ..q(ADA) }), [""; 0]);
    assert_eq!(service.found(&root, Wanted { is_active: Some("true"), ..q(ADA) }), [ADA]);
}

fn roles_and_switched_off_accounts_are_listed_apart(bed: &Bed) {
    let (service, root) = three(bed);
    service.register("eve@example.org");
    bed.give_role(BOB, "admin");
    bed.execute("UPDATE users SET disabled_at = created_at WHERE email IN ('bob@example.org', 'eve@example.org')");
    let sorted = |role, is_active, term| {
        let mut found = service.found(&root, Wanted { role, is_active, q: term, ..Wanted::default() });
        found.sort();
        found
    };
    let eve = "eve@example.org";
    for (role, is_active, expected) in [
        (Some("admin"), None, vec![BOB, ROOT]),
        (Some("user"), None, vec![ADA, eve]),
        (None, Some("true"), vec![ADA, ROOT]),
        (None, Some("false"), vec![BOB, eve]),
        (Some("admin"), Some("true"), vec![ROOT]),
        (Some("admin"), Some("false"), vec![BOB]),
        (Some("user"), Some("true"), vec![ADA]),
        (Some("user"), Some("false"), vec![eve]),
    ] {
        assert_eq!(sorted(role, is_active, None), expected, "{role:?} {is_active:?}");
        assert_eq!(sorted(role, is_active, Some("@EXAMPLE")), expected, "{role:?} {is_active:?}");
    }
}

/// So many users, whose ids are in the order of their numbers.
fn crowd(bed: &Bed, numbers: std::ops::Range<u64>) {
    let made = |number: u64| NewUser {
        id: UserId::from_uuid(Uuid::from_u64_pair(0x0190_0000_0000_7000, number)),
        email: Some(Email::parse(&format!("user-{number}@example.com")).unwrap()),
        email_verified_at: None,
        username: None,
        password_hash: None,
        display_name: None,
        avatar_url: None,
        role: auth_core::Role::User,
        password_must_change: false,
        created_at: auth_core::Timestamp::UNIX_EPOCH,
    };
    bed.open_again()
        .write_blocking(move |conn| numbers.into_iter().try_for_each(|number| user::insert(conn, &made(number))))
        .unwrap();
}

fn each_user_is_on_one_page_while_others_come_and_go(bed: &Bed) {
    let (service, root) = three(bed);
    crowd(bed, 0..30);
    for (term, limit) in [(None, "7"), (Some("USER-"), "7"), (None, "1"), (Some("@example.com"), "30")] {
        let (mut read, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let wanted = Wanted { q: term, cursor: cursor.as_deref(), limit: Some(limit), ..Wanted::default() };
            let page = service.find_users(&root, wanted).unwrap();
            read.extend(page.entries.into_iter().filter_map(|user| user.email));
            // Newer than every page that is still to be read.
            service.register(&format!("late-{pages}-{limit}-{}@example.com", term.map_or(0, str::len)));
            bed.execute("DELETE FROM users WHERE email_normalized LIKE 'late-%'");
            pages += 1;
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let crowd: Vec<String> = (0..30).rev().map(|number| format!("user-{number}@example.com")).collect();
        read.retain(|email| email.starts_with("user-"));
        assert_eq!(read, crowd, "{term:?} {limit}");
    }
}

/// Whoever looks for what is rare goes on until there is no cursor.
fn a_page_looks_at_ten_thousand_users_at_most(bed: &Bed) {
    let (service, root) = three(bed);
    bed.execute(&if bed.is_postgres() {
        "INSERT INTO users (id, role, created_at, updated_at)
         SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'user', now(), now()
         FROM generate_series(1, 12000) AS n"
            .to_owned()
    } else {
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
         INSERT INTO users (id, role, created_at, updated_at)
         SELECT unhex('01900000000070008000' || format('%012x', n)), 'user', 0, 0 FROM numbers"
            .to_owned()
    });
    crowd(bed, 0..1);
    let first = service.find_users(&root, q("USER-0@")).unwrap();
    assert!(first.entries.is_empty() && first.next_cursor.is_some(), "{first:?}");
    let second = service.find_users(&root, Wanted { cursor: first.next_cursor.as_deref(), ..q("user-0@") }).unwrap();
    assert_eq!((second.entries.len(), second.next_cursor), (1, None));
    assert_eq!(service.found(&root, q("user-0@example.com")), ["user-0@example.com"], "by its index");
    assert_eq!(service.found(&root, Wanted { role: Some("admin"), ..q("root") }), [ROOT], "by theirs");
}

/// Z-07
fn nothing_secret_is_told(bed: &Bed) {
    let (service, root) = three(bed);
    let told = format!("{:?}", service.find_users(&root, Wanted::default()).unwrap());
    assert!(!told.contains("argon2") && !told.contains("hash"), "{told}");
}

#[test]
fn what_is_no_query_is_told_by_field() {
    let long = "x".repeat(257);
    let page = |cursor, limit| PageRequest::parse(cursor, limit);
    let refused = |q, role, is_active, page| faults(&UserQuery::parse(q, role, is_active, page).unwrap_err());
    assert_eq!(refused(Some(" "), None, None, page(None, None)), [("q", "invalid_q")]);
    assert_eq!(refused(Some(&long), None, None, page(None, None)), [("q", "invalid_q")]);
    for role in ["", "Admin", "root", "user,admin"] {
        assert_eq!(refused(None, Some(role), None, page(None, None)), [("role", "invalid_role")]);
    }
    for flag in ["", "1", "True", "yes"] {
        assert_eq!(refused(None, None, Some(flag), page(None, None)), [("is_active", "invalid_is_active")]);
    }
    let all = refused(Some(""), Some("x"), Some("x"), page(Some("x"), Some("0")));
    let fields: Vec<_> = all.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["q", "role", "is_active", "cursor", "limit"]);
}
