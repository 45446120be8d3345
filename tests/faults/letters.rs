//! What arrived at the mail server: whether it is all, and whether something came twice.

use std::collections::BTreeMap;

use smtp_sink::ReceivedMail;

use crate::caller::Caller;

/// How the mails that ask for a new password are told from others.
pub(crate) fn is_reset(mail: &ReceivedMail) -> bool {
    mail.subject().contains("Reset")
}

/// The hexadecimal digits of the id in a Message-ID.
pub(crate) fn id_of(mail: &ReceivedMail) -> String {
    let id = mail.message_id();
    id.split('@').next().unwrap_or_default().replace('-', "")
}

/// Mails by their Message-ID, each with how often it came; the copies of one don't differ.
pub(crate) fn by_id(mails: &[ReceivedMail]) -> BTreeMap<String, (ReceivedMail, usize)> {
    let mut found: BTreeMap<String, (ReceivedMail, usize)> = BTreeMap::new();
    for mail in mails {
        let (first, copies) = found.entry(mail.message_id()).or_insert_with(|| (mail.clone(), 0));
        *copies += 1;
        assert!(!mail.message_id().is_empty(), "a mail without a Message-ID");
        assert_eq!(mail.to, first.to, "one Message-ID, two recipients");
        assert_eq!(mail.link_token(), first.link_token(), "one Message-ID, two links");
    }
    found
}

/// Fails unless each of `recipients` got one mail, and there were `kills` copies of mails at most. How many there were.
pub(crate) fn check_each_got_one(mails: &[ReceivedMail], recipients: &[String], kills: usize) -> usize {
    let found = by_id(mails);
    let mut left: Vec<&str> = recipients.iter().map(String::as_str).collect();
    for (mail, _) in found.values() {
        let to = &mail.to[0];
        let at = left.iter().position(|recipient| recipient == to);
        left.swap_remove(at.unwrap_or_else(|| panic!("{to} got another mail with another Message-ID")));
    }
    assert!(left.is_empty(), "lost: {left:?}");
    let copies = mails.len() - found.len();
    assert!(copies <= kills, "{copies} copies by {kills} kills");
    copies
}

/// Sets a new password by the link of every mail: each is good, once.
pub(crate) fn use_every_link(mails: &[ReceivedMail], caller: Caller) {
    for (mail, _) in by_id(mails).values() {
        let token = mail.link_token().unwrap_or_else(|| panic!("no link for {:?}", mail.to));
        let answers = [(); 2].map(|()| caller.reset(&token, "a new gate for old Thebes").unwrap().status);
        assert_eq!(answers, [204, 400], "the link of {:?}", mail.to);
    }
}
