//! Questions that are asked again, and what is told at the end.

use super::*;

fn wires(wanted: SyncSender<ProcKey>, drain: Duration) -> (Wires, SyncSender<Notice>) {
    let (tell, notices) = sync_channel(4096);
    let wires = Wires {
        in_force: Arc::new(ArcSwap::from_pointee(rules(RULES))),
        notices,
        wanted,
        asked: nobody(),
        names: sync_channel(1).0,
        stop: Arc::new(AtomicBool::new(false)),
        board: Arc::default(),
        drain,
    };
    (wires, tell)
}

fn messages(lost: &Lost) -> Vec<String> {
    lost.take().map(|(_, blind)| blind.message).collect()
}

#[test]
fn what_is_left_in_the_rings_is_told() {
    let (decider, mut made, lost) = decider(&Config::default());
    let (wanted, _asked) = sync_channel(10);
    let (wires, tell) = wires(wanted, Duration::ZERO);
    wires.stop.store(true, Ordering::Release);
    tell.send(Notice::Scanned).unwrap();
    let batch = || vec![open(11, b"/etc/shadow", b"/etc/shadow"); 2];
    let script = Script {
        batches: vec![batch(), batch(), batch()].into(),
        stop: Arc::clone(&wires.stop),
        // Longer than draining may take.
        before: Box::new(|_| std::thread::sleep(Duration::from_millis(2))),
    };
    let totals = run(script, decider, &wires, Duration::ZERO).unwrap();
    let alerts = std::iter::from_fn(|| made.try_recv()).count() as u64;
    assert!(totals.lost >= 2, "{totals:?}");
    assert_eq!(alerts + totals.lost, 6, "each record is decided or told");
    let told = messages(&lost);
    let expected = format!("{} open events of cgroup 7 were lost at ring", totals.lost);
    assert!(told[0].contains(&expected), "{told:?}");
}

#[test]
fn every_notice_is_heard_at_the_end() {
    let (decider, _made, lost) = decider(&Config::default());
    let (wanted, _asked) = sync_channel(10);
    let (wires, tell) = wires(wanted, DRAIN);
    let one = Loss {
        stage: "internal",
        class: Class::OPEN,
        cgroup: None,
        count: 1,
        first: 0,
        last: 0,
    };
    tell.send(Notice::Scanned).unwrap();
    for _ in 0..10 * NOTICES {
        tell.send(Notice::Lost(vec![one])).unwrap();
    }
    let script = Script {
        batches: std::collections::VecDeque::new(),
        stop: Arc::clone(&wires.stop),
        before: Box::new(|_| {}),
    };
    run(script, decider, &wires, Duration::from_secs(5)).unwrap();
    let expected = format!("{} open events were lost at internal", 10 * NOTICES);
    assert_eq!(messages(&lost), [expected]);
}

#[test]
fn the_first_wait_ends_with_the_agent() {
    let (decider, _made, _lost) = decider(&Config::default());
    let (wanted, _asked) = sync_channel(10);
    let (wires, _tell) = wires(wanted, DRAIN);
    wires.stop.store(true, Ordering::Release);
    let script = Script {
        batches: std::collections::VecDeque::new(),
        stop: Arc::clone(&wires.stop),
        before: Box::new(|_| {}),
    };
    let began = Instant::now();
    run(script, decider, &wires, Duration::from_mins(1)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn unknown_cgroups_are_asked_about_again_in_few_rounds() {
    let (mut decider, _made, _lost) = decider(&Config::default());
    let set = rules(RULES);
    let record = open(11, b"/x", b"/x");
    decider.record(&set, &record);
    decider.ask_unknown(|_| false);
    let mut asked = Vec::new();
    for _ in 0..100 {
        decider.record(&set, &record);
        decider.ask_unknown(|key| {
            asked.push(key.tgid);
            true
        });
        decider.ask_again();
    }
    assert_eq!(asked, [11; 5], "refused once, then once in each of five");
}
