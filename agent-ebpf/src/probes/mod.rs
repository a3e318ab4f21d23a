//! Programs, one file per hook family. Each names the prototype of its tracepoint, so that a
//! moved argument is found by reading.

mod accept;
mod address;
mod call;
mod cgroup;
mod connect;
mod exec;
mod exit;
mod floor;
mod fork;
mod listen;
mod message;
mod network;
mod open;
mod receive;
mod ring;
mod send;
mod socket;
mod syscall;
mod whoami;
