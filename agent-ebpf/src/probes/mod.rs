//! Programs, one file per hook family. Each names the prototype of its tracepoint, so that a
//! moved argument is found by reading.

mod call;
mod connect;
mod exec;
mod exit;
mod floor;
mod fork;
mod open;
mod syscall;
mod whoami;
