//! News of revocations that instances tell each other at once, and what becomes of those that get lost (REQ-12, REQ-60).

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AccessGrant, AccessTokenError, Clock as _, ManualClock, OsRandom, Role, SessionId, new_uuid};
use auth_ephemeral::{Broadcast, Heard, Listener};
use auth_persistence::revocation::{self, Revocation};

use crate::bed::lags::lags;
use crate::bed::{Account, Bed, Instance, Setup, block_on, browser, journal, on_both_databases};

on_both_databases! {
    what_one_instance_revokes_all_others_hear_without_reading,
    without_a_broadcast_the_timed_reading_brings_it,
    who_missed_messages_reads_the_feed_at_once,
    what_nobody_heard_the_next_reading_brings,
    what_is_no_message_of_an_instance_does_nothing_and_is_told_once,
    a_message_that_is_told_again_does_nothing,
    an_instance_that_was_paused_trusts_no_token_until_it_has_read,
    checking_tokens_does_no_i_o,
    the_lag_of_other_instances_news_is_measured_once,
}

/// Far longer than any test.
const HOUR: Duration = Duration::from_hours(1);

const LIFE: Duration = Duration::from_mins(15);

fn instance(bed: &Bed, broadcast: &Broadcast, poll: Duration) -> Instance {
    let mut setup = Setup { database: bed.open_again(), broadcast: broadcast.clone(), ..bed.setup() };
    setup.config.revocation_poll = poll;
    setup.start().unwrap()
}

/// `count` instances that share a broadcast, and read the feed once at their start.
fn neighbours<const N: usize>(bed: &Bed) -> (Broadcast, [Instance; N]) {
    let broadcast = Broadcast::in_memory();
    let instances = std::array::from_fn(|_| instance(bed, &broadcast, HOUR));
    (broadcast, instances)
}

fn knows(instance: &Instance, ended: &Account) -> bool {
    matches!(instance.verify(&ended.access), Err(AccessTokenError::SessionRevoked))
}

async fn log_out(instance: &Instance, account: &Account) {
    instance.service.log_out(account.user, account.session, &browser()).await.unwrap();
}

/// Waits until `condition` holds, while others on this thread go on.
async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), waiting).await.expect("waited in vain");
}

/// Does `work` while the jobs of `instances` run, which have had their first turn.
fn at_work(instances: &[&Instance], work: impl AsyncFnOnce()) {
    block_on(async {
        // So that a reading of before isn't taken for the first one.
        for instance in instances {
            instance.clock.advance(Duration::from_micros(1));
        }
        let jobs: Vec<_> = instances.iter().map(|instance| instance.service.run_jobs()).collect();
        let has_read = |instance: &&Instance| instance.service.revocation_list_age() == Some(Duration::ZERO);
        until(|| instances.iter().all(has_read)).await;
        work().await;
        for jobs in jobs {
            jobs.stop().await;
        }
    });
}

async fn overheard(listener: &mut Listener) -> Vec<u8> {
    match listener.next().await {
        Some(Heard::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// REQ-12, REQ-60
fn what_one_instance_revokes_all_others_hear_without_reading(bed: &Bed) {
    let (_, [one, two, three]) = neighbours(bed);
    let all = [&one, &two, &three];
    for (speaker, email) in all.iter().zip(["ada@example.org", "bob@example.org", "cleo@example.org"]) {
        let ends = [speaker.register(email), speaker.log_in(email), speaker.log_in(email)];
        let other = speaker.register(&format!("not-{email}"));
        at_work(&all, async || {
            log_out(speaker, &ends[0]).await;
            assert!(knows(speaker, &ends[0]), "its own at once");
            until(|| all.iter().all(|instance| knows(instance, &ends[0]))).await;
            speaker.service.log_out_everywhere(ends[0].user, &browser()).await.unwrap();
            until(|| all.iter().all(|instance| ends.iter().all(|ended| knows(instance, ended)))).await;
        });
        assert!(all.iter().all(|instance| instance.verify(&other.access).is_ok()));
    }
}

/// REQ-12
fn without_a_broadcast_the_timed_reading_brings_it(bed: &Bed) {
    let instances = [0, 1, 2].map(|_| instance(bed, &Broadcast::in_memory(), Duration::from_millis(50)));
    let all = instances.each_ref();
    let account = all[0].register("ada@example.org");
    at_work(&all, async || {
        log_out(all[0], &account).await;
        until(|| all.iter().all(|instance| knows(instance, &account))).await;
    });
}

/// The message is gone before anybody listens, pushed out by others.
fn who_missed_messages_reads_the_feed_at_once(bed: &Bed) {
    let (broadcast, [one, other]) = neighbours(bed);
    let account = one.register("ada@example.org");
    at_work(&[&other], async || {
        log_out(&one, &account).await;
        assert!(!knows(&other, &account));
        (0..10_000).for_each(|_| broadcast.tell(Vec::new()));
        until(|| knows(&other, &account)).await;
    });
}

fn what_nobody_heard_the_next_reading_brings(bed: &Bed) {
    let (_, [one, other, third]) = neighbours(bed);
    other.sync();
    let account = one.register("ada@example.org");
    // Nobody listens: no jobs run.
    block_on(log_out(&one, &account));
    assert!(!knows(&other, &account));
    other.sync();
    assert!(knows(&other, &account));
    third.sync();
    assert!(knows(&third, &account), "one that has never read before");
}

/// Whoever has Redis has no say in who is signed out.
fn what_is_no_message_of_an_instance_does_nothing_and_is_told_once(bed: &Bed) {
    let (broadcast, [one, other]) = neighbours(bed);
    let accounts = [0, 1].map(|number| one.register(&format!("user-{number}@example.org")));
    let another_database = Bed::sqlite();
    let stranger = instance(&another_database, &broadcast, HOUR);
    let strange = stranger.register("ada@example.org");
    let log = journal::logged(|| {
        at_work(&[&other], async || {
            let mut listener = broadcast.listen();
            log_out(&stranger, &strange).await;
            log_out(&one, &accounts[0]).await;
            let (strange, genuine) = (overheard(&mut listener).await, overheard(&mut listener).await);
            until(|| knows(&other, &accounts[0])).await;
            for message in [Vec::new(), vec![1], b"news!".to_vec(), vec![0; 1 << 20], strange] {
                broadcast.tell(message);
            }
            for index in 0..genuine.len() {
                let mut changed = genuine.clone();
                changed[index] ^= 1;
                broadcast.tell(changed);
                broadcast.tell(genuine[..index].to_vec());
            }
            log_out(&one, &accounts[1]).await;
            until(|| knows(&other, &accounts[1])).await;
        });
    });
    assert_eq!(other.service.revocations_listed(), 2);
    assert_eq!(log.matches("isn't news of revocations").count(), 1, "{log}");
}

/// Now nothing changes, and later there is nothing left to change.
fn a_message_that_is_told_again_does_nothing(bed: &Bed) {
    let (broadcast, [one, other]) = neighbours(bed);
    let mut listener = broadcast.listen();
    let mut told = Vec::new();
    for expected in [2, 1] {
        let accounts = [0, 1].map(|number| one.register(&format!("user-{number}-{expected}@example.org")));
        at_work(&[&other], async || {
            if told.is_empty() {
                log_out(&one, &accounts[0]).await;
                told = overheard(&mut listener).await;
            }
            broadcast.tell(told.clone());
            // Heard in order: whoever knows this has heard the other.
            log_out(&one, &accounts[1]).await;
            until(|| knows(&other, &accounts[1])).await;
        });
        assert_eq!(other.service.revocations_listed(), expected);
        bed.clock().advance(LIFE + Duration::from_secs(30));
        other.sync();
        assert_eq!(other.service.revocations_listed(), 0);
    }
}

/// REQ-12: it may have missed whatever happened meanwhile.
fn an_instance_that_was_paused_trusts_no_token_until_it_has_read(bed: &Bed) {
    let one = bed.service();
    let clock = Arc::new(ManualClock::at(bed.clock().now()));
    let mut setup = Setup { clock, database: bed.open_again(), ..bed.setup() };
    setup.config.revocation_max_age = Some(Duration::from_secs(5));
    let paused = setup.start().unwrap();
    paused.sync();
    let (ended, kept) = (one.register("ada@example.org"), one.register("bob@example.org"));
    assert!(paused.verify(&ended.access).is_ok() && paused.verify(&kept.access).is_ok());
    block_on(log_out(&one, &ended));
    paused.clock.advance(Duration::from_secs(6));
    for account in [&ended, &kept] {
        assert!(matches!(paused.verify(&account.access), Err(AccessTokenError::RevocationsStale)));
    }
    assert_eq!(paused.service.revocation_list_age(), Some(Duration::from_secs(6)));
    paused.sync();
    assert!(knows(&paused, &ended) && paused.verify(&kept.access).is_ok());
    assert_eq!(paused.service.revocation_list_age(), Some(Duration::ZERO));
}

/// REQ-12: good, revoked, past and forged ones, each looked at as if for the first time and then again.
fn checking_tokens_does_no_i_o(bed: &Bed) {
    const TOKENS: usize = 3_000;
    let service = bed.service();
    let account = service.register("ada@example.org");
    let now = bed.clock().now();
    let tokens = service.service.access_tokens();
    let issue = |session_id, epoch| {
        let grant = AccessGrant {
            user_id: account.user,
            session_id,
            generation: 0,
            epoch,
            role: Role::User,
            amr: &[],
            auth_time: now,
            session_expires_at: now.plus(LIFE),
            premium_until: None,
        };
        tokens.issue(&grant, &OsRandom).unwrap().token.expose().to_owned()
    };
    let sessions: Vec<SessionId> = (0..TOKENS).map(|_| SessionId::new(now, &OsRandom)).collect();
    let texts: Vec<String> = sessions.iter().map(|session| issue(*session, 1)).collect();
    let past = issue(SessionId::new(now, &OsRandom), 0);
    let row = |session_id, user_id, lowest_epoch| Revocation {
        id: new_uuid(now, &OsRandom),
        at: now,
        session_id,
        user_id,
        lowest_epoch,
        premium_epoch: None,
        premium_until: None,
        expires_at: now.plus(LIFE),
    };
    let mut news: Vec<Revocation> = sessions.iter().step_by(2).map(|session| row(Some(*session), None, None)).collect();
    news.push(row(None, Some(account.user), Some(1)));
    service.database.write_blocking(move |conn| revocation::insert(conn, &news)).unwrap();
    service.sync();

    let before = service.service.database_statistics().jobs;
    for _ in 0..2 {
        for (number, text) in texts.iter().enumerate() {
            let revoked = matches!(service.verify(text), Err(AccessTokenError::SessionRevoked));
            assert_eq!(revoked, number % 2 == 0, "{number}");
            assert!(revoked || service.verify(text).is_ok());
        }
        assert!(matches!(service.verify(&past), Err(AccessTokenError::Expired)));
        assert!(matches!(service.verify(&format!("{past}x")), Err(AccessTokenError::Invalid)));
    }
    let after = service.service.database_statistics();
    assert_eq!((after.jobs, after.queued), (before, 0));
    service.sync();
    assert_eq!(service.service.database_statistics().jobs, before + 1, "it does count");
}

/// By whichever way they came first; one's own aren't news, nor is what happened before the start.
fn the_lag_of_other_instances_news_is_measured_once(bed: &Bed) {
    let broadcast = Broadcast::in_memory();
    let one = instance(bed, &broadcast, HOUR);
    let ahead = |span: Duration| Arc::new(ManualClock::at(bed.clock().now().plus(span)));
    let other = |clock| {
        let setup = Setup { clock, database: bed.open_again(), broadcast: broadcast.clone(), ..bed.setup() };
        setup.start().unwrap()
    };
    let accounts = [0, 1, 2, 3].map(|number| one.register(&format!("user-{number}@example.org")));
    block_on(log_out(&one, &accounts[0]));
    let late = other(ahead(Duration::from_millis(1500)));
    let early = other(Arc::new(ManualClock::at(bed.clock().now().minus(Duration::from_secs(2)))));
    assert!(lags(|| [&one, &late, &early].into_iter().for_each(Instance::sync)).is_empty());
    assert!(knows(&late, &accounts[0]));

    // Nobody listens, so each finds it by reading, once.
    let own = lags(|| {
        block_on(log_out(&one, &accounts[1]));
        [(); 2].iter().for_each(|()| one.sync());
    });
    assert!(own.is_empty(), "{own:?}");
    let read = lags(|| [(); 2].iter().for_each(|()| late.sync()));
    assert!(matches!(read[..], [lag] if (lag - 1.5).abs() < 1e-3), "{read:?}");
    assert_eq!(lags(|| [(); 2].iter().for_each(|()| early.sync())), [0.0], "by its clock it hasn't happened yet");

    // It hears, and finds nothing new by reading.
    let heard = lags(|| {
        at_work(&[&late], async || {
            log_out(&one, &accounts[2]).await;
            until(|| knows(&late, &accounts[2])).await;
            late.service.sync_revocations().await.unwrap();
            late.service.sync_revocations().await.unwrap();
        });
    });
    assert!(matches!(heard[..], [lag] if (lag - 1.5).abs() < 1e-3), "{heard:?}");
}
