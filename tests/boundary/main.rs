//! The boundary from outside: the header, the two doors, the barrier, and the life of engines.

mod doors;
mod header;
mod tools;
mod variants;
