//! The functions of the table, one after the other as the table has them.
//!
//! Each is the same three steps: arguments, engine, answer. What they ask of their caller is
//! said once, here: every pointer is null or points to what the table says, for the time of the
//! call; an engine came from `create` and is not destroyed; a sink is live.

pub(super) mod hot;
pub(super) mod life;
pub(super) mod warm;
