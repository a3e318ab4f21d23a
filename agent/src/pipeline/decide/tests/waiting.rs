//! Events that wait for the identity of their container.

mod names;

use komainu_common::header::Header;
use proptest::prelude::*;

use super::*;
use crate::enrich::identity::{self, Reach};
use crate::enrich::resolution::Resolution as R;
use crate::event::{Container, ContainerDetails, Pod};

const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

/// A deciding thread under a clock of the test.
struct Bench {
    decider: Decider,
    made: Made,
    set: InForce,
    now: Instant,
    asked: std::sync::Mutex<Vec<String>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(&Config::default())
    }

    fn with(config: &Config) -> Self {
        let (mut decider, made, _) = decider(config);
        decider.notice(reach(Reach::Up));
        Self {
            decider,
            made,
            set: rules(RULES),
            now: Instant::now(),
            asked: std::sync::Mutex::default(),
        }
    }

    fn batch(&mut self, records: &[Vec<u8>]) {
        self.decider.begin(self.now, 0);
        for record in records {
            self.decider.record(&self.set, record);
        }
        self.settle();
    }

    fn settle(&mut self) {
        let ask = |id: &str| {
            self.asked.lock().unwrap().push(id.to_owned());
            true
        };
        self.decider.settle(&self.set, self.now, &ask);
    }

    fn hear(&mut self, news: News) {
        self.decider.notice(Notice::News(Box::new(news)));
        self.settle();
    }

    fn after(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.settle();
    }

    /// Rules and resolutions of the alerts made since.
    fn alerts(&mut self) -> Vec<(String, &'static str)> {
        let alerts = std::iter::from_fn(|| self.made.try_recv());
        alerts
            .map(|alert| (alert.rule, alert.place.resolution.unwrap().name()))
            .collect()
    }
}

fn reach(reach: Reach) -> Notice {
    Notice::News(Box::new(News::Reach(identity::Source::Runtime, reach)))
}

/// What the runtime tells of the container.
fn told() -> News {
    News::Container(Box::new(Container {
        id: CONTAINER.into(),
        runtime: Some("containerd".into()),
        details: Some(ContainerDetails {
            image: "r/web:1".into(),
            image_digest: "sha256:ab".into(),
            ..ContainerDetails::default()
        }),
        pod: Some(Pod {
            uid: Some(UID.into()),
            name: Some("web-1".into()),
            namespace: Some("shop".into()),
            ..Pod::default()
        }),
    }))
}

/// The same record in another cgroup.
fn within(cgroup: u64, mut record: Vec<u8>) -> Vec<u8> {
    let at = std::mem::offset_of!(Header, cgroup);
    record[at..at + 8].copy_from_slice(&cgroup.to_ne_bytes());
    record
}

fn shadow(tgid: u32) -> Vec<u8> {
    open(tgid, b"/etc/shadow", b"/etc/shadow")
}

fn all(names: &[&str], resolution: &'static str) -> Vec<(String, &'static str)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), resolution))
        .collect()
}

#[test]
fn the_first_process_of_a_container_is_named() {
    let mut bench = Bench::new();
    bench.batch(&[exec(11, 10, "cat", b"cat\0"), shadow(11)]);
    assert_eq!(bench.alerts(), []);
    assert_eq!(*bench.asked.lock().unwrap(), [CONTAINER], "asked at once");
    bench.after(20);
    bench.hear(told());
    let alert = bench.made.try_recv().unwrap();
    assert_eq!(alert.place.resolution, Some(R::Complete));
    let pod = alert.place.pod.unwrap();
    assert_eq!(
        (pod.namespace.as_deref(), pod.name.as_deref()),
        (Some("shop"), Some("web-1"))
    );
    let container = alert.place.container.unwrap();
    assert_eq!(container.image_digest.as_deref(), Some("sha256:ab"));
    assert!(alert.message.contains("by cat of sh"), "{}", alert.message);
    bench.batch(&[shadow(11)]);
    assert_eq!(
        bench.alerts(),
        all(&["Read shadow"], "complete"),
        "no more waiting"
    );
    let waited = bench.decider.totals().waited;
    assert_eq!((waited.cgroups, waited.records, waited.known()), (1, 2, 1));
    assert_eq!(waited.times(), "<=25ms 1");
}

#[test]
fn others_do_not_wait() {
    let mut bench = Bench::new();
    bench.decider.state.containers.learn(8, b"/system.slice");
    bench.batch(&[
        exec(11, 10, "cat", b"cat\0"),
        shadow(11),
        within(8, shadow(12)),
    ]);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "host"));
}

#[test]
fn the_process_table_waits_with_its_cgroup() {
    let mut fork = Fork::new_zeroed();
    (fork.creator_tgid, fork.creator_start_time) = (11, 11 * ProcKey::TICK);
    let child = record(Class::FORK, NO_SYSCALL, task(12, 11, "bash"), &fork, &[]);
    let exit = record(
        Class::EXIT,
        NO_SYSCALL,
        task(11, 10, "bash"),
        &Exit::new_zeroed(),
        &[],
    );
    let mut bench = Bench::new();
    bench.batch(&[
        exec(11, 10, "bash", b"bash\0-i\0"),
        child,
        shadow(12),
        exec(12, 11, "cat", b"cat\0x\0"),
        shadow(12),
        exit,
    ]);
    bench.hear(told());
    let messages: Vec<String> = std::iter::from_fn(|| bench.made.try_recv())
        .map(|alert| alert.message)
        .collect();
    assert!(messages[0].contains("by bash -i"), "{messages:?}");
    assert!(messages[1].contains("by cat x"), "{messages:?}");
}

/// A runtime forks in its own cgroup, moves the child and starts the program there.
#[test]
fn what_the_runtime_did_before_is_known() {
    let mut fork = Fork::new_zeroed();
    (fork.creator_tgid, fork.creator_start_time) = (10, 10 * ProcKey::TICK);
    let init = within(
        8,
        record(Class::FORK, NO_SYSCALL, task(11, 10, "runc"), &fork, &[]),
    );
    let gone = record(
        Class::EXIT,
        NO_SYSCALL,
        task(10, 1, "runc"),
        &Exit::new_zeroed(),
        &[],
    );
    let mut bench = Bench::new();
    bench.decider.state.containers.learn(8, b"/system.slice");
    bench.batch(&[
        within(8, exec(10, 1, "runc", b"runc\0create\0")),
        init,
        exec(11, 10, "cat", b"cat\0"),
        shadow(11),
        within(8, gone),
    ]);
    bench.after(2_000);
    bench.hear(told());
    let alert = bench.made.try_recv().unwrap();
    assert_eq!(alert.ancestry[0].cmdline, "runc create");
}

#[test]
fn time_is_bounded_and_the_reason_told() {
    let mut bench = Bench::new();
    bench.batch(&[exec(11, 10, "cat", b"cat\0"), shadow(11)]);
    bench.after(2_980);
    assert_eq!(bench.alerts(), []);
    bench.after(20);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "no_runtime_answer"));
    bench.batch(&[shadow(11)]);
    assert_eq!(
        bench.alerts(),
        all(&["Read shadow"], "no_runtime_answer"),
        "waited once"
    );
    bench.hear(News::NoContainer(CONTAINER.into()));
    bench.batch(&[shadow(11)]);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "no_such_container"));
    bench.hear(News::Reach(
        identity::Source::Runtime,
        Reach::Down("refused".into()),
    ));
    bench.batch(&[shadow(11)]);
    let alert = bench.made.try_recv().unwrap();
    assert_eq!(alert.place.resolution, Some(R::RuntimeUnreachable));
    assert_eq!(alert.place.resolution_detail.as_deref(), Some("refused"));
    bench.hear(told());
    bench.batch(&[shadow(11)]);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "complete"));
    let without: Vec<_> = bench.decider.totals().waited.without().collect();
    assert_eq!(without, [("no_runtime_answer", 1)]);
}

#[test]
fn a_new_cgroup_waits_for_its_path() {
    let mut bench = Bench::new();
    bench.batch(&[shadow(11), within(9, shadow(12))]);
    assert_eq!(bench.alerts(), []);
    let mut keys = Vec::new();
    bench.decider.ask_unknown(|key| {
        keys.push(key.tgid);
        true
    });
    assert_eq!(keys, [11, 12]);
    // Of one the program started there tells the path, of the other `/proc`.
    bench.batch(&[exec(11, 10, "cat", b"cat\0")]);
    let key = ProcKey {
        tgid: 12,
        start_ticks: 12,
    };
    let process = Process {
        cgroup: 9,
        ..Process::default()
    };
    let scanned = Scanned {
        found: Found { key, process },
        cgroup_path: b"/system.slice/x.service".to_vec(),
    };
    bench.decider.notice(Notice::Found(Box::new(scanned)));
    bench.settle();
    assert_eq!(bench.alerts(), all(&["Read shadow"], "host"));
    bench.hear(told());
    assert_eq!(bench.alerts(), all(&["Read shadow"], "complete"));
}

#[test]
fn a_path_that_nobody_tells_is_waited_for_shortly() {
    let mut bench = Bench::new();
    bench.batch(&[shadow(11)]);
    bench.after(280);
    assert_eq!(bench.alerts(), []);
    bench.after(20);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "cgroup_unknown"));
    bench.batch(&[shadow(11)]);
    assert_eq!(
        bench.alerts(),
        all(&["Read shadow"], "cgroup_unknown"),
        "once"
    );
}

#[test]
fn a_flood_goes_out_and_leaves_room() {
    let mut config = Config::default();
    config.containers.waiting_events.0 = 16;
    let mut bench = Bench::with(&config);
    let mut flood = vec![exec(11, 10, "cat", b"cat\0")];
    flood.resize(9, shadow(11));
    bench.batch(&flood);
    assert_eq!(bench.alerts(), all(&["Read shadow"; 8], "too_many_waiting"));
    let path = format!("/docker/{}", CONTAINER.replace("7f60", "7f61"));
    bench.decider.state.containers.learn(8, path.as_bytes());
    bench.batch(&[shadow(11), within(8, shadow(12))]);
    assert_eq!(
        bench.alerts(),
        all(&["Read shadow"], "too_many_waiting"),
        "the other waits"
    );
    bench.hear(told());
    bench.batch(&[shadow(11)]);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "complete"));
}

#[test]
fn nothing_waits_beyond_the_end() {
    let (mut decider, mut made, lost) = decider(&Config::default());
    decider.notice(reach(Reach::Up));
    let (tell, notices) = sync_channel(10);
    tell.send(Notice::Scanned).unwrap();
    let (wanted, _asked) = sync_channel(10);
    let stop = Arc::new(AtomicBool::new(false));
    let wires = Wires {
        in_force: Arc::new(ArcSwap::from_pointee(rules(RULES))),
        notices,
        wanted,
        asked: Asked(Box::new(|_| false)),
        names: sync_channel(1).0,
        stop: Arc::clone(&stop),
        board: Arc::default(),
        drain: DRAIN,
    };
    let script = Script {
        batches: vec![
            vec![exec(11, 10, "cat", b"cat\0"), shadow(11)],
            vec![within(9, shadow(12))],
        ]
        .into(),
        stop,
        before: Box::new(|_| {}),
    };
    let totals = run(script, decider, &wires, Duration::from_secs(5)).unwrap();
    assert_eq!((totals.records, totals.alerts, totals.lost), (3, 2, 0));
    assert_eq!(lost.take().count(), 0);
    let resolutions: Vec<_> = std::iter::from_fn(|| made.try_recv())
        .map(|alert| alert.place.resolution.unwrap())
        .collect();
    assert_eq!(resolutions, [R::NoRuntimeAnswer, R::CgroupUnknown]);
}

/// What can happen, in any order.
#[derive(Clone, Debug)]
enum Step {
    /// An event in one of the cgroups: of a pod, nested in it, of the host, of one whose path comes late or never.
    Event(u64),
    Late,
    Told,
    Denied,
    Reach(Reach),
    Cluster(Reach),
    After(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let reach = prop_oneof![
        Just(Reach::Off),
        Just(Reach::Starting),
        Just(Reach::Up),
        Just(Reach::Down("refused".into())),
    ];
    prop_oneof![
        6 => (7u64..12).prop_map(Step::Event),
        1 => Just(Step::Late),
        1 => Just(Step::Told),
        1 => Just(Step::Denied),
        1 => reach.clone().prop_map(Step::Reach),
        1 => reach.prop_map(Step::Cluster),
        2 => (0u64..2_000).prop_map(Step::After),
    ]
}

const NUMBERED: &str = "
- rule: Any open
  desc: d
  condition: evt.type in (open, openat)
  output: '%evt.num %k8s.pod.name'
  priority: NOTICE
";

proptest! {
    /// Every event is decided once, in the order of its cgroup; and says who it is or why not.
    #[test]
    fn no_alert_without_name_or_reason(steps in prop::collection::vec(step(), 0..80), room in 4u64..40) {
        let mut config = Config::default();
        config.containers.waiting_events.0 = room;
        let mut bench = Bench::with(&config);
        bench.set = rules(NUMBERED);
        let path = format!("/kubepods/pod{UID}/{CONTAINER}");
        bench.decider.state.containers.learn(7, path.as_bytes());
        bench.decider.state.containers.learn(8, format!("{path}/init.scope").as_bytes());
        bench.decider.state.containers.learn(9, b"/system.slice");
        let mut of_cgroup: Vec<u64> = Vec::new();
        for step in steps {
            match step {
                Step::Event(cgroup) => {
                    of_cgroup.push(cgroup);
                    bench.batch(&[within(cgroup, open(11, b"/x", b"/x"))]);
                }
                Step::Late => { bench.decider.state.containers.learn(10, b"/user.slice"); bench.settle(); }
                Step::Told => bench.hear(told()),
                Step::Denied => bench.hear(News::NoContainer(CONTAINER.into())),
                Step::Reach(reach) => bench.hear(News::Reach(identity::Source::Runtime, reach)),
                Step::Cluster(reach) => bench.hear(News::Reach(identity::Source::Cluster, reach)),
                Step::After(time) => bench.after(time),
            }
        }
        bench.decider.settle_all(&bench.set);
        let alerts: Vec<Alert> = std::iter::from_fn(|| bench.made.try_recv()).collect();
        prop_assert_eq!(alerts.len(), of_cgroup.len(), "seen is emitted");
        let mut last = std::collections::HashMap::new();
        for alert in alerts {
            let number: usize = alert.message.split(' ').next().unwrap().parse().unwrap();
            // Both of the container are in one order, and the others each in its own.
            let cgroup = of_cgroup[number - 1].max(8);
            prop_assert!(last.insert(cgroup, number).is_none_or(|before| before < number));
            let place = &alert.place;
            let resolution = place.resolution.unwrap();
            let name = place.pod.as_ref().and_then(|pod| pod.name.as_deref());
            match resolution {
                R::Complete => prop_assert_eq!(name, Some("web-1")),
                R::Host => prop_assert!(place.container.is_none() && cgroup > 8),
                R::NotAPod => prop_assert!(false, "it is one"),
                R::CgroupUnknown => prop_assert!(cgroup > 9),
                R::TooManyWaiting => {}
                _ => prop_assert!(!resolution.is_whole() && cgroup == 8),
            }
        }
    }
}
