//! An event that matches nothing allocates nothing.

#![expect(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "events are shared with the other tests"
)]

#[path = "rules/events.rs"]
mod events;

use komainu::rules::{Matching, Scratch};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Every way of comparing that a rule can use, none of which holds.
const RULES: &str = r"
- list: names
  items: [nginx, apache, httpd, lighttpd, caddy, envoy]
- macro: reads
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.typechar = f
- rule: many ways
  desc: d
  priority: INFO
  output: file=%fd.name
  condition: >
    reads and (fd.name in (/etc/passwd, /etc/group, /etc/gshadow, /etc/sudoers, /etc/hosts)
      or fd.directory = /no or fd.filename endswith .pem or fd.name glob '/no/*'
      or fd.name regex '/no/.*[0-9]' or fd.name pmatch (/no, /var/no) or proc.name in (names)
      or proc.aname in (names) or proc.aname[2] = no or proc.args contains xyz
      or proc.env contains xyz or evt.arg.flags contains O_TMPFILE or evt.args contains xyz
      or evt.res startswith E or user.name = nobody or container.id != host
      or thread.cap_effective contains CAP_SYS_PTRACE or proc.cmdline icontains NOTHERE
      or tolower(proc.exe) = x or fd.num > 100 or proc.duration > 1000000000000000000000
      or proc.name startswith oneof (x, y))
- rule: exec
  desc: d
  priority: INFO
  output: o
  condition: evt.type = execve and proc.name in (names)
";

#[test]
fn an_event_that_matches_nothing_allocates_nothing() {
    let rules = events::rules(RULES);
    let table = events::table();
    let mut scratch = Scratch::default();
    let open = events::openat("relative/../link", "/usr/lib/libc.so.6");
    let exec = events::execve();
    for event in [&open, &exec] {
        // Grows the scratch memory to its size.
        assert!(
            rules
                .evaluate(event, &table, Matching::All, &mut scratch)
                .is_empty()
        );
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get();
    for _ in 0..100 {
        for event in [&open, &exec] {
            assert!(
                rules
                    .evaluate(event, &table, Matching::All, &mut scratch)
                    .is_empty()
            );
        }
    }
    let after = dhat::HeapStats::get();
    dhat::assert_eq!(after.total_blocks - before.total_blocks, 0);
}
