//! What a link is good for, and what ends it (P-02, P-03).

use std::time::Duration;

use auth_service::{ChallengeError, ChallengeKind, LinkError};

use crate::bed::{Account, Bed, Instance, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases};

on_both_databases! {
    a_link_does_what_it_was_made_for_and_nothing_else,
    links_to_reset_die_with_the_first_that_is_used,
    a_changed_password_ends_links_that_let_in,
    a_changed_address_ends_links_that_let_in,
    a_secured_account_ends_links_that_let_in,
    a_change_taken_back_ends_links_that_let_in,
    a_deleted_account_ends_all_links,
    links_of_an_account_do_nothing_for_who_has_its_address_next,
}

const ADA: &str = "ada@example.org";
const MINUTE: Duration = Duration::from_mins(1);

type Call = fn(&Instance, &str) -> Result<(), LinkError>;

/// Every call that takes a link's token, with what it needs beside it.
const CALLS: [(&str, Call); 5] = [
    ("verify-email", |service, token| service.verify_by_password(token, PASSWORD)),
    ("reset-password", |service, token| service.reset(token, NEW_PASSWORD)),
    ("change-email", |service, token| service.confirm_address(token)),
    ("undo-email", |service, token| service.undo_address(token)),
    ("secure-account", |service, token| service.secure(token)),
];

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

/// The token of a link of each kind, of an account each.
fn one_of_each(service: &Mailing) -> [String; 5] {
    service.register("verify@example.org");
    let verify = service.token("verify-email");
    service.register("reset@example.org");
    let reset = service.reset_token("reset@example.org");
    let changing = service.register("change@example.org");
    service.ask_for_address(&changing, "change2@example.org").unwrap();
    let change = service.token("change-email");
    let undoing = service.register("undo@example.org");
    service.ask_for_address(&undoing, "undo2@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    let undo = service.token("undo-email");
    let securing = service.register("secure@example.org");
    service.change_password(&securing, PASSWORD, OTHER_PASSWORD).unwrap();
    [verify, reset, change, undo, service.token("secure-account")]
}

/// Crosswise over all calls, the challenge's too.
fn a_link_does_what_it_was_made_for_and_nothing_else(bed: &Bed) {
    let service = bed.mailing();
    let tokens = one_of_each(&service);
    service.register("challenge@example.org");
    bed.execute("UPDATE users SET password_must_change = true WHERE email LIKE 'challenge%'");
    let challenge = service.challenged("challenge@example.org", PASSWORD, ChallengeKind::ChangePassword);
    for (purpose, call) in CALLS {
        for (token, made_for) in tokens.iter().zip(CALLS).map(|(token, (purpose, _))| (token, purpose)) {
            if made_for != purpose {
                let result = call(&service, token);
                assert!(is_invalid(&result), "{made_for} at {purpose}: {result:?}");
            }
        }
        assert!(is_invalid(&call(&service, &challenge)), "a challenge at {purpose}");
    }
    for token in &tokens {
        for answer in [service.answer_link(token, Some(token)), service.answer_password(token, NEW_PASSWORD)] {
            assert!(matches!(answer, Err(ChallengeError::ChallengeInvalid)), "{answer:?}");
        }
        assert!(service.verify(token).is_err() && service.refresh(token).is_err());
    }
    for ((purpose, call), token) in CALLS.into_iter().zip(&tokens) {
        let result = call(&service, token);
        assert!(result.is_ok(), "{purpose} is good still: {result:?}");
        assert!(is_invalid(&call(&service, token)), "{purpose} is used up");
    }
    assert!(service.answer_password(&challenge, NEW_PASSWORD).is_ok());
}

/// P-02
fn links_to_reset_die_with_the_first_that_is_used(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    let links: Vec<_> = (0..3)
        .map(|_| {
            bed.clock().advance(MINUTE);
            service.reset_token(ADA)
        })
        .collect();
    service.reset(&links[1], NEW_PASSWORD).unwrap();
    assert!(links.iter().all(|link| is_invalid(&service.reset(link, PASSWORD))));
    bed.clock().advance(MINUTE);
    assert!(service.reset(&service.reset_token(ADA), PASSWORD).is_ok(), "one that is asked for later is good");
}

/// Links that let somebody in, as mailed, and once more on their way.
struct Links {
    account: Account,
    verify: String,
    reset: String,
    change: String,
}

impl Links {
    fn of(bed: &Bed, service: &Mailing) -> Self {
        let account = service.register(ADA);
        let verify = service.token("verify-email");
        let reset = service.reset_token(ADA);
        service.ask_for_address(&account, "new@example.org").unwrap();
        let change = service.token("change-email");
        bed.clock().advance(MINUTE);
        service.forgot(ADA).unwrap();
        service.resend(ADA).unwrap();
        Self { account, verify, reset, change }
    }

    #[track_caller]
    fn assert_dead(&self, service: &Instance) {
        for password in [PASSWORD, NEW_PASSWORD] {
            assert!(is_invalid(&service.verify_by_password(&self.verify, password)));
        }
        assert!(is_invalid(&service.reset(&self.reset, OTHER_PASSWORD)));
        assert!(is_invalid(&service.confirm_address(&self.change)));
    }
}

/// What came, without the tokens.
fn purposes(service: &Mailing) -> Vec<String> {
    service.mails().into_iter().map(|mail| mail.purpose).collect()
}

/// P-03
fn a_changed_password_ends_links_that_let_in(bed: &Bed) {
    let service = bed.mailing();
    let links = Links::of(bed, &service);
    service.change_password(&links.account, PASSWORD, NEW_PASSWORD).unwrap();
    links.assert_dead(&service);
    assert_eq!(purposes(&service), ["secure-account"], "what was queued is not sent");
}

/// P-03
fn a_changed_address_ends_links_that_let_in(bed: &Bed) {
    let service = bed.mailing();
    let links = Links::of(bed, &service);
    service.confirm_address(&links.change).unwrap();
    links.assert_dead(&service);
    assert_eq!(purposes(&service), ["undo-email"]);
}

/// P-03
fn a_secured_account_ends_links_that_let_in(bed: &Bed) {
    let service = bed.mailing();
    let account = service.register("first@example.org");
    service.change_password(&account, PASSWORD, NEW_PASSWORD).unwrap();
    let secure = service.token("secure-account");
    let reset = service.reset_token("first@example.org");
    service.ask_for_address(&account, "new@example.org").unwrap();
    let change = service.token("change-email");
    bed.clock().advance(MINUTE);
    service.forgot("first@example.org").unwrap();
    service.secure(&secure).unwrap();
    assert!(is_invalid(&service.reset(&reset, OTHER_PASSWORD)) && is_invalid(&service.confirm_address(&change)));
    assert_eq!(purposes(&service), ["reset-password"], "its own, and no other");
}

fn a_change_taken_back_ends_links_that_let_in(bed: &Bed) {
    let service = bed.mailing();
    let account = service.register(ADA);
    service.ask_for_address(&account, "new@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    let undo = service.token("undo-email");
    let reset = service.reset_token("new@example.org");
    service.ask_for_address(&account, "third@example.org").unwrap();
    let change = service.token("change-email");
    bed.clock().advance(MINUTE);
    service.forgot("new@example.org").unwrap();
    service.ask_for_address(&account, "fourth@example.org").unwrap();
    service.undo_address(&undo).unwrap();
    assert!(is_invalid(&service.reset(&reset, OTHER_PASSWORD)) && is_invalid(&service.confirm_address(&change)));
    let mail = service.one_mail();
    assert!(mail.is("reset-password", ADA), "{mail:?}");
}

/// P-03: those too that outlive other events.
fn a_deleted_account_ends_all_links(bed: &Bed) {
    let service = bed.mailing();
    let links = Links::of(bed, &service);
    service.confirm_address(&links.change).unwrap();
    service.change_password(&links.account, PASSWORD, NEW_PASSWORD).unwrap();
    let mails = service.mails();
    let token_of = |purpose: &str| &mails.iter().find(|mail| mail.purpose == purpose).unwrap().token;
    bed.clock().advance(MINUTE);
    service.forgot("new@example.org").unwrap();
    service.resend("new@example.org").unwrap();
    service.ask_for_address(&links.account, "third@example.org").unwrap();
    service.delete(&links.account).unwrap();
    links.assert_dead(&service);
    assert!(is_invalid(&service.undo_address(token_of("undo-email"))));
    assert!(is_invalid(&service.secure(token_of("secure-account"))));
    assert_eq!(purposes(&service), [""; 0]);
    for table in ["users", "one_time_tokens", "email_outbox", "reserved_addresses"] {
        assert_eq!(bed.count(table, "true"), 0, "{table}");
    }
}

/// T-19
fn links_of_an_account_do_nothing_for_who_has_its_address_next(bed: &Bed) {
    let service = bed.mailing();
    let links = Links::of(bed, &service);
    service.delete(&links.account).unwrap();
    let next = service.register(ADA);
    links.assert_dead(&service);
    assert!(service.is_live(&next));
    assert!(bed.user(next.user).unwrap().email_verified_at.is_none());
}
