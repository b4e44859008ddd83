//! The boundary from outside, through the files that ship: the header, the two doors, the
//! barrier, and the life of engines.

mod alone;
mod arguments;
mod barrier;
mod c_host;
mod classes;
mod classify;
mod doors;
mod exports;
mod header;
mod life;
mod listener;
mod loops;
mod manual;
mod raw;
mod reading;
mod samples;
mod sockets;
mod tools;
mod variants;
