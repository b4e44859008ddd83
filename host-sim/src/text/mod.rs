//! Text for people: tables, colours, numbers, progress; and the way to standard output.

mod complain;
mod dscp;
mod number;
mod output;
mod paint;
mod progress;
mod table;
mod utc;
mod when;

pub use complain::complain;
pub use dscp::dscp_code;
pub use number::{milliseconds, percent, plural, share};
pub use output::Output;
pub use paint::{Paint, Style, line_style};
pub use progress::{Progress, bar};
pub use table::{Cell, Table};
pub use utc::utc;
pub use when::relative;
