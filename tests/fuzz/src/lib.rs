//! What the fuzz targets share. Each target is one file in `targets/`; it feeds one parser or one
//! state machine, and says after every step what must hold.

pub mod json;
pub mod memory;
pub mod octets;
pub mod plugin;
