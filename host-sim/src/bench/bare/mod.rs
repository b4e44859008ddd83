//! The references: plain loops over the system calls that the work can't do without, with the same
//! batches and the same kernel stamps, and no protocol, no books, no statistics.
//!
//! | file | is |
//! |---|---|
//! | `flood` | packets without end, which nobody waits for |
//! | `reflector` | receives, stamps, sends back |
//! | `sender` | sends at a pace, takes transmit stamps and replies |
//! | `trip` | sends one probe, waits for its reply, by the kernel's stamps |
//! | `mail` | batches of packets, in and out |

pub(super) mod flood;
mod mail;
pub(super) mod reflector;
pub(super) mod sender;
pub(super) mod trip;
