//! The element table: those of IANA that fit, and our own for all that IANA has none for. From it
//! come templates, records, type records (RFC 5610) and the documents for collectors.
//!
//! An id is never given to another element. Times and delays are signed nanoseconds; what is not
//! known has no element in its record.

use super::element::Kind::{
    Boolean, Ipv4, Ipv6, Milliseconds, Signed64, Text, Unsigned8, Unsigned16, Unsigned32,
    Unsigned64,
};
use super::element::Semantics::{Default, DeltaCounter, Flags, Identifier, Quantity, TotalCounter};
use super::element::Unit::{Entries, Microseconds, Nanoseconds, None, Packets};
use super::element::{Element, iana, own};

/// Declares elements of our own, and the list of all of them.
macro_rules! own {
    ($($name:ident = $id:literal $text:literal $kind:ident $semantics:ident $unit:ident
       $description:literal;)*) => {
        $(pub(super) static $name: Element =
            own($id, $text, $kind, $semantics, $unit, $description);)*
        /// All elements of our own, by id.
        pub(super) static OWN: &[&Element] = &[$(&$name),*];
    };
}

/// Declares elements of IANA's, and the list of all of them.
macro_rules! iana {
    ($($name:ident = $id:literal $text:literal $kind:ident;)*) => {
        $(pub(super) static $name: Element = iana($id, $text, $kind);)*
        /// All of IANA's elements that are used, by id.
        #[cfg(test)]
        pub(super) static IANA: &[&Element] = &[$(&$name),*];
    };
}

iana! {
    OCTET_DELTA = 1 "octetDeltaCount" Unsigned64;
    PACKET_DELTA = 2 "packetDeltaCount" Unsigned64;
    PROTOCOL = 4 "protocolIdentifier" Unsigned8;
    TOS = 5 "ipClassOfService" Unsigned8;
    SOURCE_PORT = 7 "sourceTransportPort" Unsigned16;
    SOURCE_IPV4 = 8 "sourceIPv4Address" Ipv4;
    DESTINATION_PORT = 11 "destinationTransportPort" Unsigned16;
    DESTINATION_IPV4 = 12 "destinationIPv4Address" Ipv4;
    SOURCE_IPV6 = 27 "sourceIPv6Address" Ipv6;
    DESTINATION_IPV6 = 28 "destinationIPv6Address" Ipv6;
    EXPORTED_OCTETS = 40 "exportedOctetTotalCount" Unsigned64;
    EXPORTED_MESSAGES = 41 "exportedMessageTotalCount" Unsigned64;
    EXPORTED_RECORDS = 42 "exportedFlowRecordTotalCount" Unsigned64;
    FLOW_ID = 148 "flowId" Unsigned64;
    DOMAIN = 149 "observationDomainId" Unsigned32;
    FLOW_START = 152 "flowStartMilliseconds" Milliseconds;
    FLOW_END = 153 "flowEndMilliseconds" Milliseconds;
    NOT_SENT_RECORDS = 166 "notSentFlowTotalCount" Unsigned64;
    TTL = 192 "ipTTL" Unsigned8;
    DSCP = 195 "ipDiffServCodePoint" Unsigned8;
    TYPE_ID = 303 "informationElementId" Unsigned16;
    OBSERVED = 323 "observationTimeMilliseconds" Milliseconds;
    TYPE_KIND = 339 "informationElementDataType" Unsigned8;
    TYPE_DESCRIPTION = 340 "informationElementDescription" Text;
    TYPE_NAME = 341 "informationElementName" Text;
    TYPE_RANGE_BEGIN = 342 "informationElementRangeBegin" Unsigned64;
    TYPE_RANGE_END = 343 "informationElementRangeEnd" Unsigned64;
    TYPE_SEMANTICS = 344 "informationElementSemantics" Unsigned8;
    TYPE_UNITS = 345 "informationElementUnits" Unsigned16;
    TYPE_ENTERPRISE = 346 "privateEnterpriseNumber" Unsigned32;
    JITTER_NANOSECONDS = 387 "rfc3550JitterNanoseconds" Unsigned32;
    PATH_DELAY_MEAN = 530 "pathDelayMeanDeltaMicroseconds" Unsigned32;
    PATH_DELAY_MIN = 531 "pathDelayMinDeltaMicroseconds" Unsigned32;
    PATH_DELAY_MAX = 532 "pathDelayMaxDeltaMicroseconds" Unsigned32;
    PATH_DELAY_SUM = 533 "pathDelaySumDeltaMicroseconds" Unsigned64;
}

own! {
    SESSION_ID = 1 "twampSessionId" Text Default None
        "The session's id: the same after any restart.";
    SESSION_NAME = 2 "twampSessionName" Text Default None
        "What people call the session; empty if nothing. Of a line's, the line's name, and behind it that of its class of probes.";
    SESSION_MODE = 3 "twampSessionMode" Text Default None
        "open, auth, encrypted, mixed, light or stamp.";
    SESSION_STATE = 4 "twampSessionState" Unsigned8 Identifier None
        "0 connecting, 1 running, 2 ended, 3 failed.";
    SESSION_FAILURE = 6 "twampSessionFailure" Text Default None
        "While nothing came back: why it failed, or what keeps it from running; empty if nothing does.";
    LINE_ID = 7 "twampLineId" Unsigned64 Identifier None
        "The host's id of the line.";
    LINE_NAME = 8 "twampLineName" Text Default None
        "What people call the line.";

    // Not packetTotalCount: nfdump takes that for the packets of the interval.
    PROBES_SENT = 19 "twampProbesSentTotalCount" Unsigned64 TotalCounter Packets
        "Probes sent since the session began.";
    PROBES_RECEIVED_DELTA = 20 "twampProbesReceivedDeltaCount" Unsigned64 DeltaCounter Packets
        "Probes answered in time in this interval, each counted once.";
    PROBES_LOST_DELTA = 21 "twampProbesLostDeltaCount" Unsigned64 DeltaCounter Packets
        "Probes found lost in this interval, wherever that was.";
    PROBES_RECEIVED = 22 "twampProbesReceivedTotalCount" Unsigned64 TotalCounter Packets
        "Probes answered in time since the session began, each counted once.";
    PROBES_LOST_FORWARD = 23 "twampProbesLostForwardTotalCount" Unsigned64 TotalCounter Packets
        "Probes lost on the way to the far end.";
    PROBES_LOST_BACKWARD = 24 "twampProbesLostBackwardTotalCount" Unsigned64 TotalCounter Packets
        "Probes whose replies were lost on the way back.";
    PROBES_LOST_SOMEWHERE = 25 "twampProbesLostUnattributedCount" Unsigned64 Quantity Packets
        "Lost probes of which it is not known on which way. It shrinks when that becomes known.";
    PROBES_IN_FLIGHT = 26 "twampProbesInFlightCount" Unsigned64 Quantity Packets
        "Probes whose fate is still open.";
    PROBES_SET_ASIDE = 27 "twampProbesSetAsideTotalCount" Unsigned64 TotalCounter Packets
        "Probes and replies set aside for trouble of this host: not the line's doing.";
    PROBES_LATE = 28 "twampProbesLateTotalCount" Unsigned64 TotalCounter Packets
        "Lost probes that were answered after their time-out.";
    DUPLICATES_FORWARD = 29 "twampDuplicatesForwardTotalCount" Unsigned64 TotalCounter Packets
        "Probes that came more than once to the far end.";
    DUPLICATES_BACKWARD = 30 "twampDuplicatesBackwardTotalCount" Unsigned64 TotalCounter Packets
        "Replies that came more than once.";
    REORDERED = 31 "twampRepliesReorderedTotalCount" Unsigned64 TotalCounter Packets
        "Replies out of order (RFC 4737).";

    SERVED_RECEIVED = 32 "twampServedReceivedTotalCount" Unsigned64 TotalCounter Packets
        "Distinct probes that arrived at a responder here since its session began.";
    SERVED_REFLECTED = 33 "twampServedReflectedTotalCount" Unsigned64 TotalCounter Packets
        "Replies that a responder here has sent.";
    SERVED_REORDERED = 34 "twampServedReorderedTotalCount" Unsigned64 TotalCounter Packets
        "Probes that arrived here out of order (RFC 4737).";
    SERVED_LIMITED = 35 "twampServedOverflowTotalCount" Unsigned64 TotalCounter Packets
        "Packets dropped for lack of room on the responder's socket: of its losses, at most so many are none of the line's.";
    SERVED_VARIATION_MEAN = 36 "twampServedVariationMeanNanoseconds" Unsigned64 Quantity Nanoseconds
        "Mean delay towards this responder above the smallest one.";
    SERVED_VARIATION_MAX = 37 "twampServedVariationMaxNanoseconds" Unsigned64 Quantity Nanoseconds
        "Largest delay towards this responder above the smallest one.";
    SERVED_ENDED = 38 "twampServedEnded" Text Default None
        "Why the served session ended; not ended while it goes on.";

    ROUND_TRIP_MIN = 40 "twampRoundTripMinNanoseconds" Signed64 Quantity Nanoseconds
        "Smallest round trip in the interval, without the far end's processing.";
    ROUND_TRIP_MEAN = 41 "twampRoundTripMeanNanoseconds" Signed64 Quantity Nanoseconds
        "Mean round trip in the interval: outbound mean and inbound mean together, exactly.";
    ROUND_TRIP_MAX = 42 "twampRoundTripMaxNanoseconds" Signed64 Quantity Nanoseconds
        "Largest round trip in the interval.";
    ROUND_TRIP_P50 = 43 "twampRoundTripP50Nanoseconds" Signed64 Quantity Nanoseconds
        "Median round trip, of a run exactly, else of late.";
    ROUND_TRIP_P95 = 44 "twampRoundTripP95Nanoseconds" Signed64 Quantity Nanoseconds
        "95th percentile of the round trip, of a run exactly, else of late.";
    ROUND_TRIP_P99 = 45 "twampRoundTripP99Nanoseconds" Signed64 Quantity Nanoseconds
        "99th percentile of the round trip, of a run exactly, else of late.";
    ROUND_TRIP_JITTER = 46 "twampRoundTripJitterNanoseconds" Unsigned64 Quantity Nanoseconds
        "RFC 3550 jitter of the round trip.";
    ROUND_TRIP_MEAN_MICROS = 47 "twampRoundTripMeanMicroseconds" Unsigned64 Quantity Microseconds
        "The mean round trip once more, for collectors that read no signed numbers.";
    OUTBOUND_MIN = 50 "twampOutboundMinNanoseconds" Signed64 Quantity Nanoseconds
        "Smallest delay towards the far end. Its level is as good as twampClocksSynchronised says.";
    OUTBOUND_MEAN = 51 "twampOutboundMeanNanoseconds" Signed64 Quantity Nanoseconds
        "Mean delay towards the far end in the interval.";
    OUTBOUND_MAX = 52 "twampOutboundMaxNanoseconds" Signed64 Quantity Nanoseconds
        "Largest delay towards the far end in the interval.";
    OUTBOUND_P50 = 53 "twampOutboundP50Nanoseconds" Signed64 Quantity Nanoseconds
        "Median of the delay towards the far end, of a run exactly, else of late.";
    OUTBOUND_P95 = 54 "twampOutboundP95Nanoseconds" Signed64 Quantity Nanoseconds
        "95th percentile of the delay towards the far end, of a run exactly, else of late.";
    OUTBOUND_P99 = 55 "twampOutboundP99Nanoseconds" Signed64 Quantity Nanoseconds
        "99th percentile of the delay towards the far end, of a run exactly, else of late.";
    OUTBOUND_JITTER = 56 "twampOutboundJitterNanoseconds" Unsigned64 Quantity Nanoseconds
        "RFC 3550 jitter towards the far end.";
    INBOUND_MIN = 60 "twampInboundMinNanoseconds" Signed64 Quantity Nanoseconds
        "Smallest delay from the far end. Its level is as good as twampClocksSynchronised says.";
    INBOUND_MEAN = 61 "twampInboundMeanNanoseconds" Signed64 Quantity Nanoseconds
        "Mean delay from the far end in the interval.";
    INBOUND_MAX = 62 "twampInboundMaxNanoseconds" Signed64 Quantity Nanoseconds
        "Largest delay from the far end in the interval.";
    INBOUND_P50 = 63 "twampInboundP50Nanoseconds" Signed64 Quantity Nanoseconds
        "Median of the delay from the far end, of a run exactly, else of late.";
    INBOUND_P95 = 64 "twampInboundP95Nanoseconds" Signed64 Quantity Nanoseconds
        "95th percentile of the delay from the far end, of a run exactly, else of late.";
    INBOUND_P99 = 65 "twampInboundP99Nanoseconds" Signed64 Quantity Nanoseconds
        "99th percentile of the delay from the far end, of a run exactly, else of late.";
    INBOUND_JITTER = 66 "twampInboundJitterNanoseconds" Unsigned64 Quantity Nanoseconds
        "RFC 3550 jitter from the far end.";

    TOS_FORWARD = 70 "twampForwardTosSeen" Unsigned8 Identifier None
        "TOS octet with which probes arrive at the far end: DSCP and ECN.";
    TOS_BACKWARD = 71 "twampBackwardTosSeen" Unsigned8 Identifier None
        "TOS octet with which replies arrive.";
    TTL_FORWARD = 72 "twampForwardTtlSeen" Unsigned8 Quantity None
        "TTL or hop limit with which probes arrive at the far end.";
    TTL_BACKWARD = 73 "twampBackwardTtlSeen" Unsigned8 Quantity None
        "TTL or hop limit with which replies arrive.";
    SYNCHRONISED = 74 "twampClocksSynchronised" Boolean Default None
        "Both ends say that their clocks are synchronised: one-way delays are levels.";
    KERNEL_STAMPS = 75 "twampKernelStamps" Boolean Default None
        "The kernel has stamped all packets.";
    CLOCK_OFFSET = 76 "twampClockOffsetNanoseconds" Signed64 Quantity Nanoseconds
        "Far clock minus near clock, if the path is symmetric.";

    LINE_STATE = 80 "twampLineState" Unsigned8 Identifier None
        "0 unknown, 1 alive, 2 dead, 3 unmeasured.";
    CLASS_ID = 81 "twampClassId" Unsigned64 Identifier None
        "The host's id of the class of traffic.";
    CLASS_NAME = 82 "twampClassName" Text Default None
        "What people call the class of traffic.";
    SCORE = 83 "twampLineScore" Unsigned8 Quantity None
        "How good the line is for the class: 0 useless, 100 nothing to improve.";
    SCORE_FLAGS = 84 "twampLineScoreFlags" Unsigned32 Flags None
        "1 loss known, 2 delay known, 4 directions known, 8 clocks synchronised, 16 kernel stamps, 32 score known, 64 within the class's SLA.";
    WINDOW_PROBES = 85 "twampWindowProbes" Unsigned32 Quantity Packets
        "Probes in the rolling window whose fate is known.";
    WINDOW_SAMPLES = 86 "twampWindowSamples" Unsigned32 Quantity Packets
        "Of them, answered in time.";
    LOSS = 87 "twampLossPartsPerMillion" Unsigned32 Quantity None
        "Lost in the rolling window, both directions, parts per million.";
    LOSS_LOW = 88 "twampLossLowPartsPerMillion" Unsigned32 Quantity None
        "Lower end of the 95 % interval of the loss, parts per million.";
    LOSS_HIGH = 89 "twampLossHighPartsPerMillion" Unsigned32 Quantity None
        "Upper end of the 95 % interval of the loss, parts per million.";
    LOSS_FORWARD = 90 "twampLossForwardPartsPerMillion" Unsigned32 Quantity None
        "Lost towards the far end, parts per million.";
    LOSS_BACKWARD = 91 "twampLossBackwardPartsPerMillion" Unsigned32 Quantity None
        "Lost on the way back, parts per million.";
    SAMPLE_AGE = 92 "twampSampleAgeNanoseconds" Unsigned64 Quantity Nanoseconds
        "How old the newest sample is.";

    MOS_FORWARD = 93 "twampMosForwardHundredths" Unsigned16 Quantity None
        "What people would think of a call towards the far end: 100 bad to 441, in hundredths (E-model, ITU-T G.107; G.711).";
    MOS_BACKWARD = 94 "twampMosBackwardHundredths" Unsigned16 Quantity None
        "What people would think of a call from the far end, in hundredths.";
    PROBE_CLASS = 95 "twampProbeClass" Text Default None
        "The class of probes that the class of traffic judges by; empty for those of all that name none.";

    GROUP_ID = 100 "twampGroupId" Unsigned64 Identifier None
        "The host's id of the group of lines.";
    GROUP_NAME = 101 "twampGroupName" Text Default None
        "What people call the group of lines.";
    FROM_LINE_ID = 102 "twampFromLineId" Unsigned64 Identifier None
        "The line that the class was on.";
    FROM_LINE_NAME = 103 "twampFromLineName" Text Default None
        "What people call that line.";
    SWITCHED = 104 "twampSwitched" Boolean Default None
        "False: a switch was considered and refused.";
    REASON = 105 "twampReason" Unsigned8 Identifier None
        "0 none, 1 first verdict, 2 dead line, 3 loss, 4 latency, 5 jitter, 6 failback, 7 best of bad, 8 line gone; of others twampReasonName has the word.";
    REASON_NAME = 106 "twampReasonName" Text Default None
        "The word for it.";
    SENTENCE = 107 "twampSentence" Text Default None
        "The numbers it stands on, for people.";
    ANSWER = 108 "twampAnswer" Unsigned8 Identifier None
        "What the host is answered: 0 no opinion, 1 this line, 2 this line, the best of a bad lot, 3 keep what you have.";
    MODE = 109 "twampMode" Unsigned8 Identifier None
        "What may be done with it: 0 measure, 1 advise, 2 act.";

    EVENT_CODE = 110 "twampEventCode" Text Default None
        "What is wrong, as a stable word: line-dead, sla-broken, line-unmeasured, mark-rewritten and others.";
    EVENT_SEVERITY = 111 "twampEventSeverity" Unsigned8 Identifier None
        "1 critical, 2 major, 3 minor, 4 warning (ITU-T X.733).";
    EVENT_RAISED = 112 "twampEventRaised" Boolean Default None
        "True: it is wrong from now on. False: it is over.";
    EVENT_KIND = 113 "twampEventObjectKind" Text Default None
        "What it is about: line, session, collector, responder or configuration.";
    EVENT_NAME = 114 "twampEventObjectName" Text Default None
        "Which one of these; empty where there is but one.";
    EVENT_TIMES = 115 "twampEventTimes" Unsigned64 Quantity None
        "How often it began; more than once where it came back before it was cleared.";
    EVENT_NUMBERS = 116 "twampEventNumbers" Text Default None
        "The figures it stands on: name=value, separated by spaces.";

    RECORDS_PRODUCED = 120 "twampRecordsProducedTotalCount" Unsigned64 TotalCounter Entries
        "Results that were there to be told to this collector.";
    RECORDS_QUEUED = 121 "twampRecordsQueued" Unsigned64 Quantity Entries
        "Of them, those that still wait, or are on their way.";
    CONNECTIONS = 122 "twampCollectorConnections" Unsigned64 TotalCounter None
        "How often the exporter has connected to this collector.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_an_id_and_a_name_of_its_own() {
        for all in [OWN, IANA] {
            assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
            assert!(all.iter().all(|element| element.id < 0x8000));
        }
        let mut names: Vec<_> = OWN.iter().chain(IANA).map(|element| element.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_element_of_ours_says_what_it_is_in_what_a_short_message_has_room_for() {
        for element in OWN {
            let described = element.description.len();
            assert!((10..=200).contains(&described), "{}", element.name);
            assert!(element.name.starts_with("twamp"), "{}", element.name);
        }
    }

    #[test]
    fn semantics_and_units_are_those_of_numbers_alone() {
        for element in OWN {
            let is_number = !matches!(element.kind, Text | Boolean);
            let plain = element.semantics == Default && element.unit == None;
            assert!(is_number || plain, "{}", element.name);
            assert!(
                element.kind != Signed64 || element.semantics == Quantity,
                "{}: RFC 5610, section 3.10",
                element.name
            );
        }
    }
}
