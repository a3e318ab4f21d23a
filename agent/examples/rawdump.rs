//! Prints records as they arrive: for looking at the kernel half alone.
use std::time::Duration;
use komainu::kernel::{Batch, Kernel, Options};
fn main() {
    let t = std::time::Instant::now();
    let mut k = Kernel::load(&Options::default()).unwrap_or_else(|e| panic!("{e:?}"));
    eprintln!("loaded in {:?}", t.elapsed());
    for p in k.probes() { eprintln!("{} {:?}", p.probe.program, p.error); }
    let mut lanes = k.lanes().unwrap();
    let mut batch = Batch::default();
    let end = std::time::Instant::now() + Duration::from_secs(3);
    let mut n = 0;
    while std::time::Instant::now() < end {
        lanes.wait(Duration::from_millis(50)).unwrap();
        if lanes.drain(&mut batch) {
            for r in batch.records() {
                n += 1;
                if n < 60 { println!("{} {}", r.len(), String::from_utf8_lossy(&r[40..]).replace(|c: char| c.is_control(), ".")); }
            }
        }
    }
    eprintln!("{n} records; {:?}", k.counters().unwrap());
}
