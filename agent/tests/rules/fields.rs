//! Values of fields, and the table itself.

use std::collections::BTreeSet;

use komainu::event::fields::{self, Availability};
use komainu::event::flags::open_flags;
use komainu::event::{
    Container, ContainerDetails, Event, FdKind, Membership, Mount, Owner, Params, Pod, PodObject,
    ProcKey, Process, Role, SocketFacts, Value, World, event_type, event_types, path,
};
use komainu::rules::{LoadOptions, OutputOptions, Source, load};

use crate::events::{openat, table, task};

/// Text of a field for an event.
pub(crate) fn shown(field: &str, event: &Event<'_>, world: &dyn World) -> String {
    let yaml = format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.num > 0\n  output: '%{field}'\n"
    );
    let options = LoadOptions {
        output: OutputOptions::default(),
        ..LoadOptions::default()
    };
    let rules = load(&[Source::new("r.yaml", yaml)], &options)
        .rules
        .unwrap();
    rules.rules()[0].output.render(event, world)
}

#[test]
fn names_are_unique_and_documented() {
    let mut seen = BTreeSet::new();
    let reference = fields::reference();
    for field in fields::all() {
        assert!(seen.insert(field.name), "{} is there twice", field.name);
        assert!(
            field.doc.ends_with(['.', '`']),
            "{}: {}",
            field.name,
            field.doc
        );
        assert!(
            reference.contains(&format!("`{}", field.name)),
            "{}",
            field.name
        );
        if let Availability::Later(why) | Availability::Never(why) = field.availability {
            assert!(!why.is_empty(), "{}", field.name);
        }
    }
}

#[test]
fn event_types_are_unique_and_known() {
    let mut seen = BTreeSet::new();
    for ty in event_types() {
        assert!(seen.insert(ty.name), "{} is there twice", ty.name);
        assert!(komainu::event::is_known_name(ty.name), "{}", ty.name);
    }
    assert!(komainu::event::KNOWN_NAMES.is_sorted());
}

#[test]
fn open_flags_are_numbered_as_rules_see_them() {
    let kernel = libc_flags(&["O_RDWR", "O_CREAT", "O_TRUNC", "O_CLOEXEC"]);
    let mut event = openat("/tmp/x", "/tmp/x");
    event.params[3] = Value::Uint(open_flags(kernel));
    let world = table();
    assert_eq!(
        shown("evt.arg.flags", &event, &world),
        "O_TRUNC|O_CREAT|O_RDWR|O_CLOEXEC"
    );
    assert_eq!(shown("evt.is_open_write", &event, &world), "true");
    assert_eq!(shown("evt.is_open_read", &event, &world), "true");
    event.params[3] = Value::Uint(open_flags(0));
    assert_eq!(shown("evt.arg.flags", &event, &world), "O_RDONLY");
    assert_eq!(shown("evt.is_open_write", &event, &world), "false");
}

/// Bits of `open(2)` on x86-64 and aarch64, where these agree.
fn libc_flags(names: &[&str]) -> u32 {
    let bit = |name: &&str| match *name {
        "O_RDWR" => 2,
        "O_CREAT" => 0o100,
        "O_TRUNC" => 0o1000,
        "O_CLOEXEC" => 0o2_000_000,
        other => panic!("{other}"),
    };
    names.iter().map(bit).fold(0, |flags, bit| flags | bit)
}

#[test]
fn paths_are_joined_as_text() {
    let join = |base: &str, path: &str| {
        let mut out = Vec::new();
        path::join(base.as_bytes(), path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        join("/root/", "a/./b/../../etc//shadow"),
        "/root/etc/shadow"
    );
    assert_eq!(join("/root/", "/etc/../../x/"), "/x");
    assert_eq!(join("/", ".."), "/");
    assert_eq!(join("<UNKNOWN>", "x"), "<UNKNOWN>x");
    assert_eq!(join("", ""), "");
}

/// A connect from 10.0.0.5:40000 to 169.254.169.254:80.
fn connect() -> Event<'static> {
    let mut event = openat("", "");
    event.ty = event_type("connect").unwrap();
    event.ret = Some(0);
    event.params = Params::new();
    let fd = event.fd.as_mut().unwrap();
    fd.kind = Some(FdKind::Ipv4);
    fd.resolved = None;
    fd.socket = Some(SocketFacts {
        family: 2,
        kind: 1,
        protocol: 6,
        local: Some("10.0.0.5:40000".parse().unwrap()),
        peer: Some("169.254.169.254:80".parse().unwrap()),
        unix_path: None,
        role: Some(Role::Client),
        connected: true,
    });
    event
}

#[test]
fn socket_fields() {
    let (event, world) = (connect(), table());
    for (field, expected) in [
        ("fd.name", "10.0.0.5:40000->169.254.169.254:80"),
        ("fd.type", "ipv4"),
        ("fd.typechar", "4"),
        ("fd.sip", "169.254.169.254"),
        ("fd.cport", "40000"),
        ("fd.sport", "80"),
        ("fd.lip", "10.0.0.5"),
        ("fd.rport", "80"),
        ("fd.l4proto", "tcp"),
        ("fd.sockfamily", "ip"),
        ("fd.connected", "true"),
        ("fd.directory", "<NA>"),
        ("fd.ip", "<NA>"),
    ] {
        assert_eq!(shown(field, &event, &world), expected, "{field}");
    }
}

#[test]
fn either_end_of_a_connection_counts() {
    let event = connect();
    for (condition, expected) in [
        ("fd.ip = 169.254.169.254", true),
        ("fd.ip != 169.254.169.254", false),
        ("fd.ip in (1.1.1.1, 10.0.0.5)", true),
        ("fd.net = 10.0.0.0/8", true),
        ("fd.net in (192.168.0.0/16, 169.254.0.0/16)", true),
        ("fd.net in ()", false),
        ("fd.snet = 10.0.0.0/8", false),
        ("fd.port = http and fd.sport = 80", true),
        ("fd.port != 80", false),
        ("fd.sip != \"::1\"", true),
        ("fd.l4proto = tcp and fd.connected = true", true),
    ] {
        assert_eq!(
            crate::events::holds(condition, &event),
            expected,
            "{condition}"
        );
    }
}

/// One container, of which details may be known.
struct Contained(Container);

impl World for Contained {
    fn process(&self, _: ProcKey) -> Option<&Process> {
        None
    }

    fn container(&self, _: u64) -> Membership<'_> {
        Membership::Container(&self.0)
    }
}

/// Everything that runtime and API server can tell.
fn known_container(mut container: Container) -> Container {
    container.details = Some(ContainerDetails {
        image_repository: "docker.io/library/nginx".into(),
        image_digest: "sha256:ab".into(),
        privileged: Some(true),
        host_pid: Some(true),
        labels: vec![("role".into(), "main".into())],
        mounts: vec![Mount {
            source: "/etc/kubernetes".into(),
            destination: "/mnt".into(),
            mode: "ro".into(),
            writable: false,
            propagation: "private".into(),
        }],
        ..ContainerDetails::default()
    });
    let pair = |key: &str, value: &str| (key.into(), value.into());
    container.pod = Some(Pod {
        name: Some("web-1".into()),
        labels: vec![
            pair("7", "seven"),
            pair("app", "web"),
            pair("bare", ""),
            pair("io.kubernetes.pod.name", "web-1"),
        ],
        annotations: vec![pair("example.com/owner", "me")],
        ip: Some("10.0.0.1".into()),
        cluster: Some(PodObject {
            owner: Some(Owner {
                kind: "Deployment".into(),
                name: "web".into(),
            }),
            service_account: "robot".into(),
            namespace_labels: vec![pair("team", "shop")],
            node_labels: vec![pair("zone", "a")],
        }),
        ..Pod::default()
    });
    container
}

#[test]
fn container_fields() {
    let container = Container {
        id: "0123456789abcdef0123456789abcdef".into(),
        ..Container::default()
    };
    let event = openat("/a", "/a");
    let bare = Contained(container.clone());
    assert_eq!(shown("container.id", &event, &bare), "0123456789ab");
    assert_eq!(shown("container.image.repository", &event, &bare), "<NA>");
    let known = Contained(known_container(container));
    for (field, expected) in [
        ("container.image.repository", "docker.io/library/nginx"),
        ("container.privileged", "true"),
        ("container.mounts", "/etc/kubernetes:/mnt:ro:false:private"),
        ("container.mount.dest[/etc*]", "/mnt"),
        ("container.mount.dest[/var]", "<NA>"),
        ("container.mount.source[0]", "/etc/kubernetes"),
        ("container.mount.source[/m?t]", "/etc/kubernetes"),
        ("container.mount.source[/etc*]", "<NA>"),
        ("container.image.digest", "sha256:ab"),
        ("container.host_pid", "true"),
        ("container.host_ipc", "<NA>"),
        ("container.ip", "10.0.0.1"),
        ("container.label.role", "main"),
        ("container.labels", "role:main"),
        ("k8s.pod.name", "web-1"),
        ("k8s.pod.labels", "7:seven, app:web, bare"),
        ("k8s.pod.labels[app]", "web"),
        ("k8s.pod.labels[7]", "seven"),
        ("k8s.pod.labels[io.kubernetes.pod.name]", "web-1"),
        ("k8s.pod.annotations[example.com/owner]", "me"),
        ("k8s.pod.ip", "10.0.0.1"),
        ("k8s.owner.kind", "Deployment"),
        ("k8s.owner.name", "web"),
        ("k8s.deployment.name", "web"),
        ("k8s.sa.name", "robot"),
        ("k8s.ns.labels[team]", "shop"),
        ("k8s.ns.label.team", "shop"),
        ("k8s.node.labels", "zone:a"),
        ("k8s.pod.label.app", "web"),
        ("k8s.pod.label[app]", "web"),
        ("k8s.ns.name", "<NA>"),
    ] {
        assert_eq!(shown(field, &event, &known), expected, "{field}");
    }
}

#[test]
fn a_process_that_is_not_in_the_table_still_has_a_name() {
    let event = openat("/a", "/a");
    let empty = crate::events::Table::default();
    assert_eq!(shown("proc.name", &event, &empty), "cat");
    assert_eq!(shown("proc.pid", &event, &empty), task().tgid.to_string());
    assert_eq!(shown("proc.exepath", &event, &empty), "<NA>");
    assert_eq!(shown("proc.pname", &event, &empty), "<NA>");
    assert_eq!(shown("user.uid", &event, &empty), "0");
    assert_eq!(shown("user.name", &event, &empty), "root");
}
