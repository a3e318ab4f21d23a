//! Events and processes from snapshots.
