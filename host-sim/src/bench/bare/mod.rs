//! The references: plain loops over the system calls that the work can't do without, with the same
//! batches, the same socket options and so the same work for the kernel, and no protocol, no books,
//! no statistics. And what loads the engine and the references alike.
//!
//! | file | is |
//! |---|---|
//! | `flood` | packets that nobody waits for, as many as there can be or at a pace |
//! | `reflector` | receives, stamps, sends back |
//! | `sender` | sends at a pace, takes transmit stamps and replies |
//! | `trip` | sends one probe, waits for its reply, by the kernel's stamps |
//! | `mail` | batches of packets, in and out |
//! | `socket` | a reflector's socket |
//! | `tap` | a session agreed on over TWAMP-Control, and its first probe |

pub(super) mod flood;
mod mail;
pub(super) mod reflector;
pub(super) mod sender;
mod socket;
pub(super) mod tap;
pub(super) mod trip;
