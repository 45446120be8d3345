//! `AUTH_SECRET` is replaced by the steps of docs/security.md, one instance after the other, while clients refresh and use
//! their tokens (REQ-15).

use rustix::process::Signal;

use crate::database::{Backend, TestDatabase};
use crate::load::{Balancer, Load};
use crate::process::{Launch, Process};

const OLD: &str = "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL";
const NEW: &str = "Q7e2U9t4R1i6O3w8P5y0Ka-Ms-Dz-Fx-Gc";

const INSTANCES: usize = 3;
const CLIENTS: usize = 6;

/// After each change.
const ANSWERS: usize = 150;

#[test]
fn no_request_fails_while_the_secret_is_replaced_on_three_instances_on_sqlite() {
    replace_under_load(&Backend::Sqlite);
}

#[test]
fn no_request_fails_while_the_secret_is_replaced_on_three_instances_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        replace_under_load(&backend);
    }
}

fn replace_under_load(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let launch = |secret, previous: Option<&str>| {
        let launch = Launch::on(&database).set("AUTH_SECRET", secret);
        previous.iter().fold(launch, |launch, secret| launch.set("AUTH_SECRET_PREVIOUS", secret))
    };
    let mut servers: Vec<Process> = (0..INSTANCES).map(|_| launch(OLD, None).start()).collect();
    let balancer = Balancer::new(servers.iter().map(Process::caller));
    let load = Load::on(&balancer);
    let (answers, _) = load.during(CLIENTS, || {
        load.go_on(ANSWERS);
        let mut restart_with = |launch: &Launch| {
            for (number, server) in servers.iter_mut().enumerate() {
                balancer.take_out(number);
                server.signal(Signal::TERM);
                server.exit();
                *server = launch.start();
                balancer.put_in(number, server.caller());
                load.go_on(ANSWERS);
            }
        };
        // 1. The new secret is made known to all.
        restart_with(&launch(OLD, Some(NEW)));
        // 2. It is put in force.
        let swapped = launch(NEW, Some(OLD));
        restart_with(&swapped);
        // 3. The data keys are sealed anew.
        let said = swapped.command(&["keys", "reseal"]);
        assert!(said.starts_with("data keys sealed anew under AUTH_SECRET: 8;"), "{said}");
        load.go_on(ANSWERS);
        // 4. The old secret is taken away.
        restart_with(&launch(NEW, None));
    });
    println!("{answers} answers");
    let (code, said) = launch(OLD, None).refused();
    assert_eq!(code, 1);
    assert!(said.contains("sealed with another AUTH_SECRET"), "{said}");
    assert_eq!(database.count("audit_events WHERE event = 'token.reused'"), 0);
}
