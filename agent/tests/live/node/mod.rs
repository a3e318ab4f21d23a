//! A node of our own: a real containerd in a directory that goes away, and what a kubelet asks of it.
//!
//! ```ignore
//! let node = Node::start();
//! let pod = node.pod(&Pod { name: "web-0", namespace: "shop", ..Pod::default() });
//! let id = node.container(&pod, &Spec { name: "app", command: &["sleep", "60"], ..Spec::default() });
//! node.exec(&id, &["id"]);
//! node.stop();
//! ```
//!
//! Dropping it leaves nothing behind: no process, cgroup, mount or file, whatever the test left running; what a killed
//! test run left is swept by the next.

mod client;
mod config;
mod image;
mod place;
#[rustfmt::skip]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated"
)]
mod v1;

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) use client::{Confined, Output, Pids, Pod, Sandbox, Spec};

pub(crate) use image::BUSYBOX;

use client::Client;
use image::Image;
use place::Place;

/// For containerd to answer, and to know an imported image.
const PATIENCE: Duration = Duration::from_secs(30);

/// Programs that a node is made of; packages of the same names in Debian, but for the plugins of
/// `containernetworking-plugins` and the shell of `busybox-static`.
const PROGRAMS: [&str; 5] = [
    "/usr/bin/containerd",
    "/usr/bin/ctr",
    "/usr/lib/cni/ptp",
    BUSYBOX,
    "/usr/bin/tar",
];

/// Why there can be no node here.
pub(crate) fn missing() -> Option<String> {
    let programs = PROGRAMS
        .into_iter()
        .filter(|program| !Path::new(program).exists());
    let runc = config::runc().is_none().then_some("runc");
    let missing: Vec<_> = programs.chain(runc).collect();
    (!missing.is_empty()).then(|| {
        let list = missing.join(", ");
        format!("no {list}; `cargo xtask setup --test` installs them where it can")
    })
}

/// A running containerd.
pub(crate) struct Node {
    daemon: Option<Child>,
    client: Client,
    image: Image,
    // Last: what the others use is below it.
    place: Place,
}

impl Node {
    /// Starts containerd with an image of busybox.
    pub(crate) fn start() -> Self {
        let place = Place::new();
        config::write(&place);
        let image = Image::make(place.dir());
        let daemon = Some(daemon(&place));
        let client = Client::new(place.socket());
        let node = Self {
            daemon,
            client,
            image,
            place,
        };
        node.wait("containerd answers", || node.client.version().is_ok());
        node.import();
        node
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.place.socket()
    }

    /// The image that [`Self::container`] starts.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    /// `ctr`, containerd's own client, as it is called for containers of Kubernetes.
    pub(crate) fn ctr(&self) -> Command {
        let mut ctr = Command::new("/usr/bin/ctr");
        ctr.arg("--address").arg(self.place.socket());
        ctr.args(["--namespace", "k8s.io"]);
        ctr
    }

    /// The log of a container of the pod with this unique id.
    pub(crate) fn log_of(&self, uid: &str, container: &str) -> PathBuf {
        self.place.logs(uid).join(format!("{container}.log"))
    }

    /// Makes and starts a pod.
    pub(crate) fn pod(&self, pod: &Pod<'_>) -> Sandbox {
        self.client.pod(&self.place, pod)
    }

    /// Stops and removes a pod with its containers.
    pub(crate) fn remove_pod(&self, sandbox: &Sandbox) {
        self.client.remove_pod(sandbox);
    }

    /// Makes and starts a container, and gives its full id.
    pub(crate) fn container(&self, sandbox: &Sandbox, spec: &Spec<'_>) -> String {
        let id = self.create(sandbox, spec);
        self.begin(&id);
        id
    }

    /// Makes a container, which has no process and no cgroup before [`Self::begin`].
    pub(crate) fn create(&self, sandbox: &Sandbox, spec: &Spec<'_>) -> String {
        self.client.create(sandbox, image::NAME, spec)
    }

    /// Starts a container that was made.
    pub(crate) fn begin(&self, id: &str) {
        self.client.begin(id);
    }

    /// Runs a command in a container to its end.
    pub(crate) fn exec(&self, id: &str, command: &[&str]) -> Output {
        self.client.exec(id, command)
    }

    /// Kills and removes a container.
    pub(crate) fn remove(&self, id: &str) {
        self.client.remove(id);
    }

    /// Kills containerd, as a crash does: containers go on running.
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.daemon = Some(daemon(&self.place));
        self.wait("containerd answers again", || self.client.version().is_ok());
    }

    /// The end; the same as dropping it.
    pub(crate) fn stop(self) {
        drop(self);
    }

    fn import(&self) {
        let status = self
            .ctr()
            .args(["images", "import"])
            .arg(self.image.archive())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "the image was not imported");
        // CRI learns of it by containerd's events, and marks what it has learned.
        self.wait("the image is known", || {
            let mut ctr = self.ctr();
            ctr.args(["images", "ls", "--quiet"]);
            ctr.arg("labels.\"io.cri-containerd.image\"==managed");
            let names = ctr.output().unwrap().stdout;
            let names = String::from_utf8_lossy(&names).into_owned();
            names.contains(image::NAME) && names.contains(image::PAUSE)
        });
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(
                Instant::now() < deadline,
                "not within {PATIENCE:?}: {what}; {}",
                self.place.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.place.log());
        }
        if let Some(daemon) = &mut self.daemon {
            // Fails where it has ended already.
            let _ended = daemon.kill().and_then(|()| daemon.wait().map(drop));
        }
    }
}

fn daemon(place: &Place) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(place.log_file())
        .unwrap();
    Command::new("/usr/bin/containerd")
        .arg("--config")
        .arg(place.config_file())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
