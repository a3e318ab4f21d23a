//! Whatever has no room: a session that was begun is told to have ended, or open still; any other is counted.

use proptest::prelude::*;

use super::script::{Machine, Put, key};
use super::*;

fn limits(sessions: usize, processes: usize) -> Limits {
    Limits {
        sessions,
        processes,
        linger: 10,
        ..Limits::default()
    }
}

fn running(limits: Limits) -> Machine {
    let mut machine = Machine::with(limits);
    machine.begin_container(50);
    machine
}

/// A flood of processes in one session pushes out what another one had, before that was told.
#[test]
fn a_full_table_keeps_what_is_to_be_told() {
    let mut machine = running(limits(8, 3));
    machine.exec_into(60, b"sh", 0);
    machine.exec_into(70, b"cat", 0);
    let ended = machine.exit(62, 3 << 8).unwrap();
    for pid in 80..82 {
        machine.fork(pid, 72, Put::A.inside());
    }
    assert!(machine.of(62).is_none(), "forgotten");
    let sessions = &mut machine.state.sessions;
    let session = sessions.get(ended).unwrap();
    assert_eq!(
        (&*session.cmdline, session.exit_status()),
        (&b"sh"[..], Some(3))
    );
    sessions.expire(u64::MAX);
    assert!(sessions.close(ended), "not told yet");
    assert!(sessions.get(ended).is_some(), "for those who tell it");
    sessions.expire(u64::MAX);
    assert!(sessions.get(ended).is_none());
}

/// Another session has to wait for it, or is counted.
#[test]
fn what_is_to_be_told_has_its_room() {
    let mut machine = running(limits(1, 8));
    machine.exec_into(60, b"sh", 0);
    let ended = machine.exit(62, 0).unwrap();
    machine.exec_into(70, b"sh", 0);
    assert!(machine.of(72).is_none());
    let sessions = &mut machine.state.sessions;
    assert_eq!(sessions.take_refused().sessions, 1);
    assert_eq!(sessions.untold(), [ended]);
    assert!(sessions.close(ended));
    machine.exec_into(80, b"sh", 0);
    assert!(machine.of(82).is_some());
}

/// Its only member makes room for what that made, and is not the session's last.
#[test]
fn a_late_fork_in_a_full_table() {
    let mut machine = running(limits(8, 1));
    machine.exec_into(60, b"sh", 0);
    let ended = machine.exit(62, 0).unwrap();
    assert!(machine.state.sessions.close(ended));
    machine.fork(70, 62, Put::A.inside());
    assert_eq!(machine.of(70).unwrap().root.tgid, 62);
    assert_eq!(machine.state.sessions.take_refused(), Refused::default());
    assert_eq!(machine.exit(70, 0), Some(ended), "told anew");
}

/// A session without its root would never end.
#[test]
fn no_room_for_the_root_is_none_for_the_session() {
    let mut machine = running(limits(8, 1));
    machine.exec_into(60, b"sh", 0);
    machine.exec_into(70, b"sh", 0);
    let sessions = &mut machine.state.sessions;
    assert_eq!(sessions.take_refused().sessions, 1);
    assert_eq!(sessions.sizes(), [1, 1]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Begin,
    /// By this process, exited or not, as long as it is known as one of a session.
    Fork(usize),
    Exit(usize),
    Gone(usize),
    /// Tells the ends that are to be told.
    Tell,
    Expire,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let any = 0_usize..64;
    let act = prop_oneof![
        3 => Just(Act::Begin),
        3 => any.clone().prop_map(Act::Fork),
        4 => any.clone().prop_map(Act::Exit),
        1 => any.prop_map(Act::Gone),
        1 => Just(Act::Tell),
        1 => Just(Act::Expire),
    ];
    prop::collection::vec(act, 0..100)
}

/// What the deciding thread sees.
struct Watched {
    machine: Machine,
    begun: Vec<Number>,
    /// Ended, to be told.
    ending: Vec<Number>,
    told: Vec<Number>,
    attempts: u64,
    pids: Vec<u32>,
    next: u32,
}

impl Watched {
    fn act(&mut self, act: Act) {
        let machine = &mut self.machine;
        let pick = |index: usize| self.pids.get(index % self.pids.len().max(1)).copied();
        self.next += 10;
        let next = self.next;
        match act {
            Act::Begin => {
                self.attempts += 1;
                let number = Number(machine.state.sessions.next);
                machine.exec_into(next, b"sh", 0);
                if machine.of(next + 2).is_some() {
                    self.begun.push(number);
                    self.pids.push(next + 2);
                }
            }
            Act::Fork(index) => {
                let maker = pick(index).filter(|maker| machine.of(*maker).is_some());
                if let Some(maker) = maker {
                    machine.fork(next, maker, Put::A.inside());
                    self.pids.push(next);
                }
            }
            Act::Exit(index) => {
                let ended = pick(index).and_then(|pid| machine.exit(pid, 0));
                self.ending.extend(ended);
            }
            Act::Gone(index) => {
                let sessions = &mut machine.state.sessions;
                let ended = pick(index).and_then(|pid| sessions.gone(key(pid), 5));
                self.ending.extend(ended);
            }
            Act::Tell => {
                for number in self.ending.drain(..) {
                    if machine.state.sessions.close(number) {
                        assert!(machine.state.sessions.get(number).is_some());
                        self.told.push(number);
                    }
                }
            }
            Act::Expire => machine.state.sessions.expire(u64::MAX),
        }
    }
}

proptest! {
    #[test]
    fn begun_is_told_or_open_and_else_counted(
        acts in acts(),
        sessions in 0_usize..5,
        processes in 1_usize..7,
    ) {
        let mut watched = Watched {
            machine: running(limits(sessions, processes)),
            begun: Vec::new(),
            ending: Vec::new(),
            told: Vec::new(),
            attempts: 0,
            pids: Vec::new(),
            next: 100,
        };
        let mut refused = 0;
        for act in acts {
            watched.act(act);
            let followed = &mut watched.machine.state.sessions;
            refused += followed.take_refused().sessions;
            prop_assert_eq!(watched.attempts, watched.begun.len() as u64 + refused);
            let open = followed.untold();
            for number in &watched.begun {
                let is_told = watched.told.contains(number);
                prop_assert!(is_told || open.contains(number), "{:?} after {:?}", number, act);
            }
            let [held, members] = followed.sizes();
            prop_assert!(held <= sessions && members <= processes);
        }
        // When all have exited, every end is told.
        for index in 0..watched.pids.len() {
            watched.act(Act::Exit(index));
        }
        watched.act(Act::Tell);
        prop_assert_eq!(watched.machine.state.sessions.untold(), []);
        for number in &watched.begun {
            prop_assert!(watched.told.contains(number));
        }
    }
}
