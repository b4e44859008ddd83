//! What two ends tell each other by STAMP's extensions (RFC 8972).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What the far end told with its newest reply, of itself and of the probe. What was not asked, or
/// not answered, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FarEnd {
    /// It lacks RFC 8972: it answers the base packet alone.
    pub lacks_extensions: bool,
    /// Questions (TLVs) that it did not understand.
    pub unrecognised: u8,
    /// Why answers were left unread: `malformed` or `integrity`.
    pub unread: Option<String>,
    /// Where it sees the probes come from. Not where they left: there is a NAT on the way.
    pub probes_from: Option<Endpoint>,
    /// Where it sees them arrive.
    pub probes_to: Option<Endpoint>,
    /// It refused to answer with the DSCP of the probes.
    pub dscp_refused: Option<bool>,
    /// Its clock.
    pub clock: Option<FarClock>,
    /// How much later than they say its replies really left, mean, microseconds.
    pub departure_lag_us: Option<f64>,
}

/// An address and port, as far as they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address; `None` where it is not told.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

/// A far clock and its stamps (RFC 8972, sections 5.4 and 5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarClock {
    /// What it is synchronised to: `ntp`, `ptp`, `ssu-bits`, `gnss`, `local` (nothing), or the
    /// number of another source.
    pub source: String,
    /// Who stamps what arrives: `hardware`, `software` (near the hardware), `control-plane`, or the
    /// number of another method.
    pub receive_stamps: String,
    /// The same of what leaves.
    pub transmit_stamps: String,
}

/// What a sender told of the way back, over all the spans that it told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backward {
    /// How many spans.
    pub spans: u64,
    /// Probes of these spans whose fate is known to the sender.
    pub counted: u64,
    /// Of them, answered in time.
    pub received: u64,
    /// Of them, lost on the way back; `None` where the direction is not known. Replies that overtake
    /// one another where two spans meet can blur it by one a span.
    pub lost: Option<u64>,
    /// RFC 3550 jitter of the backward direction in the newest span, microseconds.
    pub jitter_us: Option<f64>,
    /// Backward delay above the minimum of its span, mean, microseconds.
    pub variation_mean_us: Option<f64>,
    /// The same, largest.
    pub variation_max_us: Option<f64>,
}
