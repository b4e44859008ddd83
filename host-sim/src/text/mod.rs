//! Text for people: tables, colours, numbers, progress; and the way to standard output.

mod complain;
mod number;
mod output;
mod paint;
mod progress;
mod table;
mod utc;

pub use complain::complain;
pub use number::{milliseconds, percent, plural, share};
pub use output::Output;
pub use paint::{Paint, Style};
pub use progress::Progress;
pub use table::{Cell, Table};
pub use utc::utc;
