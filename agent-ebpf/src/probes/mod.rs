//! Programs, one file per hook family. Each names the prototype of its tracepoint, so that a
//! moved argument is found by reading.

mod connect;
mod exec;
mod exit;
mod floor;
mod fork;
mod open;
mod ring;
mod syscall;
mod whoami;
