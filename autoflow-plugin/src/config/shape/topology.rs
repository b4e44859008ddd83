//! The keys of a topology.

use super::Kind::{
    self, Elsewhere, Flag, Id, List, Named, Namespace, Near, Object, Ports, Text, Whole,
};
use super::{
    CLASS, EXPORT_S, GROUP, Keys, MODES, PROBE, PROBE_BUDGET, PROBE_CLASS, PROFILE, SCHEDULE,
};

pub(super) const TOPOLOGY: Keys = &[
    ("template", false, Text),
    ("templates", false, Named(&Object(PROBE))),
    ("sites", false, List(&Object(SITE))),
    ("links", false, List(&Object(LINK))),
    ("sessions", false, List(&Object(LINK_SESSION))),
    ("schedule", false, Object(SCHEDULE)),
    ("groups", false, List(&Object(GROUP))),
    ("classes", false, List(&Object(CLASS))),
    ("probe_classes", false, List(&Object(PROBE_CLASS))),
];

const SITE: Keys = &[
    ("name", true, Text),
    ("uplinks", false, List(&Object(UPLINK))),
    ("control_port", false, Whole(1, 65_535)),
    ("test_ports", false, Ports),
    ("modes", false, MODES),
];

const UPLINK: Keys = &[
    ("name", true, Text),
    ("address", false, Near),
    ("device", false, Text),
    ("mark", false, Whole(0, u32::MAX as u64)),
    ("namespace", false, Namespace),
    ("cost", false, Whole(0, u32::MAX as u64)),
    ("metered", false, Flag),
    ("profile", false, PROFILE),
    ("flows_movable", false, Flag),
    ("mtu", false, Whole(68, 65_535)),
    ("capacity_up_mbps", false, Kind::Above0(10_000_000.0)),
    ("capacity_down_mbps", false, Kind::Above0(10_000_000.0)),
    ("probe_budget_mb", false, PROBE_BUDGET),
];

const LINK: Keys = &[
    ("id", true, Id),
    ("name", false, Text),
    ("ends", true, List(&Object(END))),
    ("template", false, Text),
    ("probe", false, Object(PROBE)),
    ("sender", false, Text),
    ("port", false, Whole(1, 65_535)),
    ("cost", false, Whole(0, u32::MAX as u64)),
    ("groups", false, List(&Id)),
];

const LINK_SESSION: Keys = &[
    ("link", true, Id),
    ("name", false, Text),
    ("sender", false, Text),
    ("local_port", false, Whole(1, 65_535)),
    ("template", false, Text),
    ("probe", false, Object(PROBE)),
    ("count", false, Whole(1, u32::MAX as u64)),
    ("schedule", false, Elsewhere),
    ("export", false, Flag),
    ("export_s", false, EXPORT_S),
];

const END: Keys = &[
    ("site", true, Text),
    ("uplink", true, Text),
    ("address", false, Near),
];
