//! Events that the agent makes itself, from what many records add up to.

use super::events;

events! {
    sessionend => reason: Text;
}
