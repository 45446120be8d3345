//! One session, its client, the network, and perhaps a thief. Every step is checked.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_core::Clock as _;
use auth_persistence::session::Session;
use auth_service::RefreshError;

use super::client::{Client, Contract, Pair};
use super::schedule::{At, NEWEST, Step};
use super::stage::Stage;
use super::watch::{Met, Presentation, Watch};
use crate::bed::{Account, records::generation_of};

/// Everything happens at whole ticks, so that the edges of all windows are met.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// More messages than this on their way at once bring nothing new.
const IN_FLIGHT: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Owner,
    Thief,
}

struct Request {
    tab: usize,
    token: Pair,
    age: u32,
    /// Somebody waits for the answer.
    live: bool,
    copied: bool,
}

struct Answer {
    tab: usize,
    sent: u32,
    pair: Pair,
}

pub(super) struct World<'a> {
    stage: &'a Stage<'a>,
    contract: Contract,
    account: Account,
    /// The session's row as the last step left it: nothing else may write it.
    row: Session,
    client: Client,
    requests: Vec<Request>,
    answers: Vec<Answer>,
    watch: Watch,
    /// In ticks.
    time: u32,
    /// What the thief holds; empty before the theft.
    pub(super) loot: Vec<Pair>,
    changed_by: Party,
    /// Who succeeded first with which generation since the theft, in order.
    successes: Vec<(Party, u32)>,
    /// How often one of the two succeeded after the other, with a generation that it had not succeeded with before: inside
    /// the quiet time both may get the same token as often as they like.
    pub(super) changes_of_hands: u32,
}

impl<'a> World<'a> {
    /// A new user has just registered.
    pub(super) fn new(stage: &'a Stage<'a>, contract: Contract) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        stage.set_clocks();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let account = stage.at(At::A).register(&format!("user-{number}@example.org"));
        let first = Pair { generation: 1, refresh: account.refresh.clone(), access: account.access.clone() };
        Self {
            row: stage.bed.session(account.session),
            stage,
            contract,
            account,
            client: Client::new(contract, first),
            requests: Vec::new(),
            answers: Vec::new(),
            watch: Watch::new(stage.bounds),
            time: 0,
            loot: Vec::new(),
            changed_by: Party::Owner,
            successes: Vec::new(),
            changes_of_hands: 0,
        }
    }

    /// Takes the steps until the session is revoked, or there are no more.
    pub(super) fn run(&mut self, steps: &[Step]) {
        for step in steps {
            if self.is_revoked() {
                return;
            }
            self.step(*step);
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Tick => self.tick(),
            Step::Send(tab) => self.send(usize::from(tab) % self.contract.tabs),
            Step::Handle { request, at, copied } => self.handle(request, at, copied),
            Step::Receive(answer) => self.receive(answer),
            Step::LoseRequest(request) => drop(take(&mut self.requests, request)),
            Step::LoseAnswer(answer) => drop(take(&mut self.answers, answer)),
            Step::GiveUp(tab) => self.give_up(usize::from(tab) % self.contract.tabs),
            Step::Use { token, at } => self.use_access(&self.client.usable, token, at),
            Step::Flush(at) => self.flush(at),
            Step::Restart(at) => self.stage.restart(at),
            Step::Persist => self.client.persist(),
            Step::Crash => self.crash(),
            Step::Steal(token) => self.steal(token),
            Step::ThiefRefresh { token, at } => self.thief_refresh(token, at),
            Step::ThiefUse { token, at } => self.use_access(&self.loot, token, at),
        }
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.row.revoked_at.is_some()
    }

    pub(super) fn met(&self) -> Met {
        self.watch.met
    }

    pub(super) fn tick(&mut self) {
        for tab in 0..self.contract.tabs {
            match &mut self.client.waiting[tab] {
                Some(age) if *age >= self.stage.bounds.timeout => self.give_up(tab),
                Some(age) => *age += 1,
                None => {}
            }
        }
        let (latest, in_time) = (self.stage.bounds.delay, self.contract.in_time);
        self.requests.retain(|request| request.age < latest || !in_time);
        for request in &mut self.requests {
            request.age += 1;
        }
        self.time += 1;
        self.stage.pass_a_tick();
    }

    fn send(&mut self, tab: usize) {
        if self.client.waiting[tab].is_some() || self.requests.len() + self.answers.len() >= IN_FLIGHT {
            return;
        }
        self.client.waiting[tab] = Some(0);
        let token = self.client.token(tab).clone();
        self.requests.push(Request { tab, token, age: 0, live: true, copied: false });
    }

    fn handle(&mut self, which: u8, at: At, copied: bool) {
        let Some(request) = pick(&self.requests, which) else { return };
        let (token, tab, live) = (request.token.clone(), request.tab, request.live);
        if self.is_barred(Party::Owner, token.generation, at) {
            return;
        }
        if copied && !request.copied {
            let index = index(&self.requests, which);
            self.requests[index].copied = true;
        } else {
            take(&mut self.requests, which);
        }
        match self.present(Party::Owner, &token.refresh, at) {
            Ok(pair) if live => self.answers.push(Answer { tab, sent: token.generation, pair }),
            // A refusal tells nothing that could be stored: the tab is free to try again.
            Err(_) if live => self.give_up(tab),
            _ => {}
        }
    }

    fn receive(&mut self, which: u8) {
        let Some(Answer { tab, sent, pair }) = take(&mut self.answers, which) else { return };
        if pair.generation == self.row.generation {
            self.succeeded(Party::Owner);
        }
        // Copies of the request that are still on their way have nobody to answer.
        self.give_up(tab);
        self.client.receive(tab, sent, pair);
    }

    pub(super) fn give_up(&mut self, tab: usize) {
        self.client.waiting[tab] = None;
        self.answers.retain(|answer| answer.tab != tab);
        for request in self.requests.iter_mut().filter(|request| request.tab == tab) {
            request.live = false;
        }
    }

    fn crash(&mut self) {
        for tab in 0..self.contract.tabs {
            self.give_up(tab);
        }
        self.client.crash();
    }

    fn use_access(&self, tokens: &[Pair], which: u8, at: At) {
        if let Some(pair) = pick(tokens, which) {
            assert!(self.stage.at(at).verify(&pair.access).is_ok(), "an access token of a live session is good");
        }
    }

    fn flush(&mut self, at: At) {
        self.stage.at(at).flush();
        let after = self.read_row();
        self.watch.row(&after);
        assert!(after.seen_generation >= self.row.seen_generation, "3: a mark is never taken back");
        self.row.seen_generation = after.seen_generation;
        assert_eq!(self.row, after, "a flush writes the mark alone");
    }

    fn read_row(&self) -> Session {
        self.stage.bed.session(self.account.session)
    }

    fn steal(&mut self, which: u8) {
        let row = &self.row;
        let mut known = vec![self.client.token(0).clone()];
        let generations = [Some(row.generation), row.previous_generation];
        known.extend(generations.into_iter().flatten().map(|generation| Pair {
            generation,
            refresh: self.stage.bed.mint(self.account.session, generation),
            access: self.account.access.clone(),
        }));
        self.loot.push(pick(&known, which).unwrap().clone());
    }

    fn thief_refresh(&mut self, which: u8, at: At) {
        // The two newest: a thief who tries an older one is caught at once.
        let newest = self.loot.len().saturating_sub(2);
        let Some(token) = pick(&self.loot[newest..], which).cloned() else { return };
        if self.is_barred(Party::Thief, token.generation, at) {
            return;
        }
        if let Ok(pair) = self.present(Party::Thief, &token.refresh, at) {
            self.loot.push(pair);
            self.succeeded(Party::Thief);
        }
    }

    /// With a thief about, nobody presents the previous token inside the window of a rotation that the other one made:
    /// then they share the tokens, which is the residual risk that `docs/tokens.md` names.
    fn is_barred(&self, who: Party, generation: u32, at: At) -> bool {
        let row = &self.row;
        let window = row.rotated_at.map(|at| at.plus(TICK * self.stage.bounds.grace));
        let is_open = window.is_some_and(|end| self.stage.at(at).clock.now() < end);
        !self.loot.is_empty() && self.changed_by != who && is_open && row.previous_generation == Some(generation)
    }

    fn succeeded(&mut self, who: Party) {
        if self.loot.is_empty() {
            return;
        }
        let success = (who, self.row.generation);
        let is_first = !self.successes.contains(&success);
        let changes = self.successes.last().is_some_and(|(last, _)| *last != who);
        if is_first {
            self.changes_of_hands += u32::from(changes);
            self.successes.push(success);
        }
    }

    /// Presents a token, and checks what became of it.
    pub(super) fn present(&mut self, who: Party, refresh: &str, at: At) -> Result<Pair, RefreshError> {
        let stage = self.stage;
        let instance = stage.at(at);
        let answer = instance.refresh(refresh).map(|tokens| Pair::of(&tokens));
        let after = self.read_row();
        let before = std::mem::replace(&mut self.row, after.clone());
        if after.generation != before.generation {
            self.changed_by = who;
        }
        self.watch.presentation(&Presentation {
            presented: generation_of(refresh),
            before: &before,
            after: &after,
            answer: answer.as_ref(),
            clock: instance.clock.now(),
            time: self.time,
        });
        answer
    }

    /// Everything on its way is lost, and the first tab tries until it gets through. Returns for how many ticks it had
    /// to wait.
    pub(super) fn get_through(&mut self, at: At) -> Result<u32, RefreshError> {
        self.requests.clear();
        for tab in 0..self.contract.tabs {
            self.give_up(tab);
        }
        let began = self.time;
        loop {
            let token = self.client.token(0).clone();
            match self.present(Party::Owner, &token.refresh, at) {
                Ok(pair) => {
                    self.client.receive(0, token.generation, pair);
                    return Ok(self.time - began);
                }
                Err(RefreshError::RetryLater(time)) => {
                    let until = u32::try_from(time.as_secs()).unwrap() + self.time;
                    while self.time < until {
                        self.tick();
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Invariants 6 and 9 for a session that reuse has ended.
    pub(super) fn assert_dead(&mut self) {
        let (bed, account) = (self.stage.bed, &self.account);
        let (user, session, newest) = (account.user, account.session, self.row.generation);
        assert_eq!(bed.count_events(user, "token.reused"), 1, "6: one record");
        assert_eq!(bed.mails(user).len(), 1, "6: one mail");
        let (row, trail) = (self.row.clone(), bed.trail(user).len());
        for generation in 0..=newest {
            let token = bed.mint(session, generation);
            for at in [At::A, At::B] {
                assert!(matches!(self.present(Party::Thief, &token, at), Err(RefreshError::Invalid)));
            }
        }
        assert_eq!((self.read_row(), bed.trail(user).len(), bed.mails(user).len()), (row, trail, 1), "9");
        for at in [At::A, At::B] {
            self.stage.at(at).sync();
            for pair in self.client.usable.iter().chain(&self.loot) {
                assert!(self.stage.at(at).verify(&pair.access).is_err(), "6: an access token outlived its session");
            }
        }
    }

    pub(super) fn assert_one_session(&self) {
        let user = self.account.user.as_uuid().simple().to_string();
        let condition =
            if self.stage.bed.is_postgres() { format!("user_id = '{user}'") } else { format!("user_id = x'{user}'") };
        assert_eq!(self.stage.bed.count("sessions", &condition), 1, "9: refreshing adds no row");
    }
}

fn pick<T>(all: &[T], which: u8) -> Option<&T> {
    all.get(index(all, which))
}

fn take<T>(all: &mut Vec<T>, which: u8) -> Option<T> {
    let index = index(all, which);
    (index < all.len()).then(|| all.remove(index))
}

/// Out of bounds where there is nothing.
fn index<T>(all: &[T], which: u8) -> usize {
    if which == NEWEST { all.len().saturating_sub(1) } else { usize::from(which) % all.len().max(1) }
}
