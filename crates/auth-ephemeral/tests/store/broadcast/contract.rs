//! The contract, as functions of a [`Subject`]. `broadcast_tests!` makes a test of each for one implementation.

use std::thread;
use std::time::Duration;

use auth_ephemeral::{Broadcast, Heard, Listener};

use crate::contract::wait;

/// So long that only what never comes takes longer, also on a machine with other work.
const PATIENCE: Duration = Duration::from_mins(3);

/// What a message begins with that only finds out who is connected.
pub(super) const CHATTER: &[u8] = b"chatter ";

/// An implementation under test.
pub(super) trait Subject: Sized {
    /// None where there is nothing to test it with, which it has said.
    fn new() -> Option<Self>;
    /// A handle on the same channel; of another instance, where there can be more than one.
    fn instance(&self) -> Broadcast;
    /// A handle that is the only one on its channel.
    fn only_handle(&self) -> Broadcast {
        self.instance()
    }
    /// A listener that hears what is told from now on.
    fn listener(&self, broadcast: &Broadcast) -> Listener;
}

macro_rules! broadcast_tests {
    ($subject:ty: $($test:ident)+) => { $(
        #[test]
        fn $test() {
            if let Some(subject) = <$subject as $crate::broadcast::contract::Subject>::new() {
                $crate::broadcast::contract::$test(&subject);
            }
        }
    )+ };
    ($subject:ty) => {
        broadcast_tests! { $subject:
            what_one_tells_all_hear_and_the_teller_too
            messages_of_any_bytes_come_as_they_were_told_and_in_order
            what_was_told_before_is_not_heard
            a_listener_that_is_too_slow_hears_of_a_gap_and_then_the_newest
            without_the_last_handle_nothing_is_heard_any_more
            no_message_is_printed
        }
    };
}
pub(super) use broadcast_tests;

/// What is heard next, with a deadline.
pub(super) fn next(listener: &mut Listener) -> Option<Heard> {
    wait(async { tokio::time::timeout(PATIENCE, listener.next()).await.unwrap() })
}

/// The next message, whatever gaps and chatter there are before it.
pub(super) fn message(listener: &mut Listener) -> Vec<u8> {
    loop {
        match next(listener).unwrap() {
            Heard::Message(message) if !message.starts_with(CHATTER) => return message,
            _ => {}
        }
    }
}

/// REQ-60
pub(super) fn what_one_tells_all_hear_and_the_teller_too(subject: &impl Subject) {
    let instances = [subject.instance(), subject.instance(), subject.instance()];
    let mut listeners: Vec<_> = instances.iter().map(|instance| subject.listener(instance)).collect();
    listeners.push(subject.listener(&instances[0]));
    for instance in &instances {
        instance.tell(b"news".to_vec());
        for listener in &mut listeners {
            assert_eq!(message(listener), b"news");
        }
    }
}

pub(super) fn messages_of_any_bytes_come_as_they_were_told_and_in_order(subject: &impl Subject) {
    let (teller, hearer) = (subject.instance(), subject.instance());
    let mut listener = subject.listener(&hearer);
    let messages = [vec![], vec![0, 255, 13, 10], vec![b'x'; 100_000]];
    for told in messages.iter().chain(&(0..200).map(|number| vec![number; 9]).collect::<Vec<_>>()) {
        teller.tell(told.clone());
        assert_eq!(message(&mut listener), *told);
    }
}

pub(super) fn what_was_told_before_is_not_heard(subject: &impl Subject) {
    let broadcast = subject.instance();
    let mut first = subject.listener(&broadcast);
    broadcast.tell(vec![1]);
    assert_eq!(message(&mut first), [1]);
    let mut second = subject.listener(&broadcast);
    broadcast.tell(vec![2]);
    assert_eq!((message(&mut first), message(&mut second)), (vec![2], vec![2]));
}

pub(super) fn a_listener_that_is_too_slow_hears_of_a_gap_and_then_the_newest(subject: &impl Subject) {
    let broadcast = subject.instance();
    let (mut slow, mut fast) = (subject.listener(&broadcast), subject.listener(&broadcast));
    for number in 0..3000_u32 {
        broadcast.tell(number.to_be_bytes().to_vec());
        assert_eq!(message(&mut fast), number.to_be_bytes());
    }
    assert_eq!(next(&mut slow), Some(Heard::Gap));
    let rest: Vec<_> = (0..1024).map(|_| message(&mut slow)).collect();
    assert!(rest.into_iter().eq((3000 - 1024..3000_u32).map(|number| number.to_be_bytes().to_vec())));
}

pub(super) fn without_the_last_handle_nothing_is_heard_any_more(subject: &impl Subject) {
    let broadcast = subject.only_handle();
    let mut listener = subject.listener(&broadcast);
    let clone = broadcast.clone();
    drop(broadcast);
    clone.tell(vec![1]);
    assert_eq!(message(&mut listener), [1]);
    // While somebody is waiting for it, too.
    let waiting = thread::spawn(move || next(&mut listener));
    drop(clone);
    assert_eq!(waiting.join().unwrap(), None);
}

pub(super) fn no_message_is_printed(subject: &impl Subject) {
    let broadcast = subject.instance();
    let mut listener = subject.listener(&broadcast);
    broadcast.tell(b"canary".to_vec());
    let printed = format!("{broadcast:?} {:?}", next(&mut listener));
    assert!(!printed.contains("canary") && !printed.contains("99, 97"), "{printed}");
}
