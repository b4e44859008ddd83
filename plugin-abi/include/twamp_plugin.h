// The contract between an SD-WAN routing daemon (the host) and the autoflow plugin.
//
// Generated from the crate plugin-abi; don't edit.
//
// A host loads the plugin's file with dlopen, looks TWAMP_C_DOOR up with dlsym, compares
// `abi_major` and `struct_size` of the table, and calls `create`.
//
// # The rules of the boundary
//
// 1. Within a major version things are only appended: nothing is reordered, resized or given
//    another meaning. Reserved words are zero.
// 2. Every struct that crosses by pointer begins with `struct_size`, and every array states the
//    size of its elements, so a reader steps by the *writer's* size. A size that is too small
//    is refused; what lies beyond the known size is ignored.
// 3. No enum, no `bool`, no Rust container crosses: `uint32_t` constants, and an unknown value is
//    treated as its group of constants says.
// 4. Who allocates frees. A borrowed pointer is valid for the call it came with, or as long as
//    the guard it came with.
// 5. Text is `TwampText`: pointer and length, UTF-8, not NUL-terminated.
// 6. Durations and times are `uint64_t` nanoseconds; times are of `CLOCK_BOOTTIME` unless the name
//    says `wall` (Unix epoch). Loss is in parts per million. *Not known* is a flag bit, never
//    a magic number.
// 7. Functions answer an `int32_t`: `TWAMP_CODE_OK` or a negative `TWAMP_CODE_*`. The sentence that says why
//    goes to the call's `TwampSink`, before the call returns.
// 8. Lines, groups and classes carry the host's own `uint64_t` ids; `TWAMP_NONE` is no id. An id is not
//    reused in the life of an engine.
// 9. `acquire`, `renew`, `release`, `classify` and `choose` may be called from any thread at any time
//    between `create` and `destroy`, and never wait. All other functions of one engine are
//    called by one thread at a time.
// 10. The plugin calls back only from its thread `twamp-ctl`, holds no lock while it does, and
//     never after `destroy` has returned. A callback must not call into the same engine; a
//     call that does is answered `TWAMP_CODE_REENTRANT`.
// 11. A panic never crosses: every function answers `TWAMP_CODE_PANIC` instead.
// 12. The library is never unloaded; the life of an engine ends with `destroy`.
//
// The version rule for hosts: the checked door takes a plugin built against this crate's minor
// version, or a newer one that has appended functions only; the C door takes any minor, by
// `struct_size` and the sizes of rows.

#ifndef TWAMP_PLUGIN_H
#define TWAMP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

// The symbol to look up: `const TwampPlugin *twamp_plugin_v1(void)`.
#define TWAMP_C_DOOR "twamp_plugin_v1"

// An engine of the plugin; only its address crosses.
typedef struct TwampEngine TwampEngine;

/// The major version: another major is another contract.
#define TWAMP_ABI_MAJOR 1

/// The minor version: counts what was appended.
#define TWAMP_ABI_MINOR 2

/// No id: no line, no group, no class.
#define TWAMP_NONE UINT64_MAX

// What the functions of the table answer.

/// Done.
#define TWAMP_CODE_OK 0

/// An argument can't be right: a null pointer, a `struct_size` too small, text that is no UTF-8.
#define TWAMP_CODE_INVALID (-1)

/// The configuration or request is refused; the sink says every mistake.
#define TWAMP_CODE_CONFIGURATION (-2)

/// The engine is not in a state for this call: started twice, used before `start`.
#define TWAMP_CODE_STATE (-3)

/// This plugin can't do that; its capability bit is off.
#define TWAMP_CODE_UNSUPPORTED (-4)

/// No such line, group, class or run.
#define TWAMP_CODE_UNKNOWN (-5)

/// That id or name is taken.
#define TWAMP_CODE_EXISTS (-6)

/// The local system refused: no such address, port in use, no permission.
#define TWAMP_CODE_SYSTEM (-7)

/// Not now: a queue is full. Try again.
#define TWAMP_CODE_BUSY (-8)

/// Called from inside a callback of the same engine.
#define TWAMP_CODE_REENTRANT (-9)

/// The engine has failed; only `destroy` helps.
#define TWAMP_CODE_FAILED (-10)

/// The plugin panicked inside; the panic was caught and logged.
#define TWAMP_CODE_PANIC (-100)

// What a host may offer; unknown bits are ignored.

/// `log` and `log_enabled` are there.
#define TWAMP_CAPABILITY_OF_HOST_LOG 1

/// `run_ended` is there.
#define TWAMP_CAPABILITY_OF_HOST_RUN_ENDED (1 << 1)

/// `choice_changed` is there.
#define TWAMP_CAPABILITY_OF_HOST_CHOICE_CHANGED (1 << 2)

/// `open_socket` is there: the plugin opens no socket of its own, so it needs no privilege.
/// `start` then binds nothing: sockets are asked for once the engine runs.
#define TWAMP_CAPABILITY_OF_HOST_OPEN_SOCKET (1 << 3)

// What a socket of the host's is for. The host binds it; an unknown purpose is to be refused.

/// TCP, bound to `local`: takes connections of TWAMP-Control. The plugin listens on it.
#define TWAMP_SOCKET_PURPOSE_CONTROL_LISTENER 1

/// TCP, bound or not, not connected: the plugin connects it to `remote` for TWAMP-Control.
#define TWAMP_SOCKET_PURPOSE_CONTROL_CONNECTION 2

/// UDP, bound, not connected: sends the probes of a session to `remote`, whose port may be
/// another one.
#define TWAMP_SOCKET_PURPOSE_SENDER 3

/// UDP, bound, not connected: answers probes.
#define TWAMP_SOCKET_PURPOSE_REFLECTOR 4

// Flags of a line; unknown bits are refused.

/// Traffic is paid by volume: probes are sparing.
#define TWAMP_LINE_FLAG_METERED 1

/// Flows may be moved between lines while they live (inside tunnels; not behind NAT).
#define TWAMP_LINE_FLAG_FLOWS_MOVABLE (1 << 1)

/// Send probes on this line.
#define TWAMP_LINE_FLAG_SENDER (1 << 2)

/// Answer probes on this line's local address.
#define TWAMP_LINE_FLAG_RESPONDER (1 << 3)

// States of an engine; treat an unknown one as `TWAMP_ENGINE_STATE_FAILED`.

/// Created, not started.
#define TWAMP_ENGINE_STATE_CREATED 0

/// Measuring.
#define TWAMP_ENGINE_STATE_RUNNING 1

/// Stopped.
#define TWAMP_ENGINE_STATE_STOPPED 2

/// Failed: a thread died three times.
#define TWAMP_ENGINE_STATE_FAILED 3

// States of a line; treat an unknown one as `TWAMP_LINE_STATE_UNMEASURED`.

/// No verdict yet.
#define TWAMP_LINE_STATE_UNKNOWN 0

/// Replies come.
#define TWAMP_LINE_STATE_ALIVE 1

/// No reply although probes leave and the far end was there.
#define TWAMP_LINE_STATE_DEAD 2

/// Not measured: no session yet, refused, or local trouble. Not a fault of the line.
#define TWAMP_LINE_STATE_UNMEASURED 3

// Flags of a score.

/// The loss figures are known.
#define TWAMP_SCORE_FLAG_LOSS_KNOWN 1

/// The delay figures are known.
#define TWAMP_SCORE_FLAG_DELAY_KNOWN (1 << 1)

/// The split of the loss into directions is known.
#define TWAMP_SCORE_FLAG_DIRECTIONS_KNOWN (1 << 2)

/// Both ends say that their clocks are synchronised: one-way levels mean something.
#define TWAMP_SCORE_FLAG_CLOCKS_SYNCHRONISED (1 << 3)

/// The stamps are the kernel's.
#define TWAMP_SCORE_FLAG_KERNEL_STAMPS (1 << 4)

/// `score` is known.
#define TWAMP_SCORE_FLAG_SCORE_KNOWN (1 << 5)

/// Within the class's SLA.
#define TWAMP_SCORE_FLAG_WITHIN_SLA (1 << 6)

// The four answers of `choose`. None of them says *drop*.

/// No opinion: use your own routing.
#define TWAMP_ANSWER_NO_OPINION 0

/// This line.
#define TWAMP_ANSWER_LINE 1

/// This line, the best of a bad lot: none is within the class's SLA.
#define TWAMP_ANSWER_BEST_OF_BAD 2

/// Keep what you have: the figures are getting old.
#define TWAMP_ANSWER_KEEP 3

// Flags of a choice.

/// The line is another than the `current` one of the question.
#define TWAMP_CHOICE_FLAG_MOVE 1

/// The flow is asked to leave at once: its line is dead.
#define TWAMP_CHOICE_FLAG_AT_ONCE (1 << 1)

// Why a choice stands or changed. Treat an unknown one as `TWAMP_REASON_NONE`.

/// No verdict yet.
#define TWAMP_REASON_NONE 0

/// The first verdict: the most preferred line within the SLA.
#define TWAMP_REASON_FIRST 1

/// The former line is dead.
#define TWAMP_REASON_DEAD 2

/// The former line breaks the SLA by loss.
#define TWAMP_REASON_LOSS 3

/// The former line breaks the SLA by round trip.
#define TWAMP_REASON_LATENCY 4

/// The former line breaks the SLA by jitter.
#define TWAMP_REASON_JITTER 5

/// A more preferred line was shown good for the fail-back time.
#define TWAMP_REASON_FAILBACK 6

/// All lines are bad; this is the best of them.
#define TWAMP_REASON_BEST_OF_BAD 7

/// The former line was taken away by the host.
#define TWAMP_REASON_LINE_GONE 8

/// Somebody has pinned the class to this line.
#define TWAMP_REASON_PINNED 9

/// Somebody keeps classes off the former line: it is drained, or in maintenance.
#define TWAMP_REASON_WITHDRAWN 10

/// The flows are shared by several lines, or by others than before.
#define TWAMP_REASON_SPREAD 11

/// This line is shown to be better, though the former one keeps the SLA as well.
#define TWAMP_REASON_BETTER 12

/// The former line suffered since the class came: it goes back.
#define TWAMP_REASON_FILLED 13

/// Packets as large as the class needs don't come through the former line.
#define TWAMP_REASON_PACKET_SIZE 14

// Kinds of observation.

/// A reply to a probe handed out by `advance`.
#define TWAMP_OBSERVATION_REPLY 1

/// A round trip that the host measured by its own means (ICMP, BFD echo).
#define TWAMP_OBSERVATION_DELAY 2

/// A probe of the host's own that was not answered.
#define TWAMP_OBSERVATION_LOST 3

/// Packet counters of the tunnel under the line.
#define TWAMP_OBSERVATION_COUNTERS 4

/// The host's own liveness check says: up (`sequence` 1) or down (0).
#define TWAMP_OBSERVATION_LIVENESS 5

/// Manual clock: the host stood still for `sequence` nanoseconds until `at_ns`, and no line is
/// to blame for it. `line` says nothing.
#define TWAMP_OBSERVATION_PAUSED 6

/// Manual clock, for a host that plays what was recorded: the next probe of the line leaves at
/// `at_ns`, whatever its own schedule says; `u64::MAX`: not before another word. To be said
/// again after each probe.
#define TWAMP_OBSERVATION_DUE 7

/// Manual clock: another session of the line was agreed on; numbers begin at 0 again, at both
/// ends, and what is in flight is set aside.
#define TWAMP_OBSERVATION_NEW_SESSION 8

// Kinds of sample.

/// It came back in time.
#define TWAMP_SAMPLE_KIND_ANSWERED 1

/// No reply in time.
#define TWAMP_SAMPLE_KIND_LOST 2

/// Set aside: it was answered, but its times can't be used, as a clock was stepped.
#define TWAMP_SAMPLE_KIND_CLOCK_STEP 3

/// Set aside: it was answered, with times that can't be.
#define TWAMP_SAMPLE_KIND_ANOMALY 4

/// Set aside: this host stood still, or lost packets by its own fault.
#define TWAMP_SAMPLE_KIND_LOCAL_TROUBLE 5

/// Set aside: not answered before too many others were sent.
#define TWAMP_SAMPLE_KIND_OVERRUN 6

/// No probe: another session was agreed on, and numbers begin at 0 again, at both ends.
#define TWAMP_SAMPLE_KIND_NEW_SESSION 7

/// No probe: this host stood still.
#define TWAMP_SAMPLE_KIND_PAUSED 8

// Flags of a sample.

/// `reflector_sequence` and `epoch` are known.
#define TWAMP_SAMPLE_FLAG_REFLECTOR_SEQUENCE 1

/// `ttl_forward` is known.
#define TWAMP_SAMPLE_FLAG_TTL_FORWARD (1 << 1)

/// `ttl_backward` is known.
#define TWAMP_SAMPLE_FLAG_TTL_BACKWARD (1 << 2)

/// `tos_forward` is known.
#define TWAMP_SAMPLE_FLAG_TOS_FORWARD (1 << 3)

/// `tos_backward` is known.
#define TWAMP_SAMPLE_FLAG_TOS_BACKWARD (1 << 4)

/// T1 and T4 were stamped by the kernel, or both by the interface.
#define TWAMP_SAMPLE_FLAG_KERNEL_STAMPS (1 << 5)

/// The far end says that its clock is synchronised.
#define TWAMP_SAMPLE_FLAG_FAR_SYNCHRONISED (1 << 6)

// What a plugin can do. A call whose bit is off answers `TWAMP_CODE_UNSUPPORTED`.

/// TWAMP-Control and TWAMP-Test, RFC 5357, open mode.
#define TWAMP_CAPABILITY_TWAMP 1

/// TWAMP Light, RFC 5357 appendix I.
#define TWAMP_CAPABILITY_LIGHT (1 << 1)

/// STAMP, RFC 8762.
#define TWAMP_CAPABILITY_STAMP (1 << 2)

/// Authenticated, encrypted and mixed mode.
#define TWAMP_CAPABILITY_SECURITY (1 << 3)

/// Kernel stamps for sent and received packets.
#define TWAMP_CAPABILITY_KERNEL_STAMPS (1 << 4)

/// `save_state` and `load_state`.
#define TWAMP_CAPABILITY_STATE (1 << 5)

/// `line_load`.
#define TWAMP_CAPABILITY_LINE_LOAD (1 << 6)

/// `observe` for measurements by the host.
#define TWAMP_CAPABILITY_OBSERVE (1 << 7)

/// Engines under a manual clock: `advance`, and `observe` for replies.
#define TWAMP_CAPABILITY_MANUAL_CLOCK (1 << 8)

/// `classify`.
#define TWAMP_CAPABILITY_CLASSIFY (1 << 9)

/// Sockets opened by the host.
#define TWAMP_CAPABILITY_OPEN_SOCKET (1 << 10)

/// Export by IPFIX.
#define TWAMP_CAPABILITY_IPFIX (1 << 11)

/// `keep_samples` and `take_samples`.
#define TWAMP_CAPABILITY_SAMPLES (1 << 12)

/// `renew`.
#define TWAMP_CAPABILITY_RENEW (1 << 13)

/// Borrowed UTF-8 text; null and 0 is the empty text.
typedef struct TwampText {
  /// First octet; may be null when `len` is 0.
  const uint8_t *data;
  /// Octets.
  size_t len;
} TwampText;

/// A class of a group has changed its line, for the callback `choice_changed`.
typedef struct TwampChange {
  /// `sizeof(TwampChange)` as the plugin knows it.
  uint32_t struct_size;
  /// One of `TWAMP_REASON_*`.
  uint32_t reason;
  /// The group.
  uint64_t group;
  /// The class.
  uint64_t class_;
  /// The former line, or `TWAMP_NONE`.
  uint64_t from;
  /// The new line, or `TWAMP_NONE`.
  uint64_t to;
  /// When it was decided.
  uint64_t at_ns;
  /// The set of choices it is first in.
  uint64_t epoch;
  /// A sentence with the numbers it stands on.
  struct TwampText sentence;
} TwampChange;

/// An IP address with port and scope.
typedef struct TwampAddress {
  /// 4, 6, or 0 for no address.
  uint32_t family;
  /// Interface index of a link-local IPv6 address, else 0.
  uint32_t scope;
  /// Port in host order; 0 where none is meant.
  uint16_t port;
  /// Zero.
  uint16_t reserved;
  /// Network order; IPv4 uses the first four octets.
  uint8_t octets[16];
} TwampAddress;

/// The host's side of the contract. `create` copies it; `ctx` and the functions must stay valid
/// until `destroy` has returned. A null function is a capability that the host has not.
typedef struct TwampHost {
  /// `sizeof(TwampHost)` as the host knows it.
  uint32_t struct_size;
  /// The major version that the host was built against.
  uint16_t abi_major;
  /// The minor version that the host was built against.
  uint16_t abi_minor;
  /// Bits of `TWAMP_CAPABILITY_OF_HOST_*`.
  uint64_t capabilities;
  /// Handed back to each callback.
  void *ctx;
  /// Would a message of this level (1 error … 5 trace) be kept? Non-zero: yes.
  int32_t (*log_enabled)(void *ctx, uint32_t level);
  /// One log message.
  void (*log)(void *ctx, uint32_t level, struct TwampText target, struct TwampText message);
  /// A run has ended, or a session that this engine served: its result as JSON.
  void (*run_ended)(void *ctx, uint64_t run, struct TwampText result);
  /// A class of a group has changed its line.
  void (*choice_changed)(void *ctx, const struct TwampChange *change);
  /// Opens a socket in the plugin's place and answers its descriptor; negative: refused.
  /// 
  /// `purpose` is one of `TWAMP_SOCKET_PURPOSE_*`, which says what kind of socket is meant. `line` is
  /// whose it is, `TWAMP_NONE` for a run and for what answers without belonging to a line: its device,
  /// mark and network namespace are the host's business then. `local` is the address to bind; an unspecified address (`0.0.0.0`, `::`) leaves it to the host, port 0
  /// leaves the port to it. `remote` is the far end, or no address. Both live during the call.
  /// 
  /// The descriptor is the plugin's from then on, whatever comes of it: the plugin closes it,
  /// the host must neither use nor close it, and hands over another one each time.
  int32_t (*open_socket)(void *ctx,
                         uint64_t line,
                         uint32_t purpose,
                         const struct TwampAddress *local,
                         const struct TwampAddress *remote);
} TwampHost;

/// Where a call writes its answer: called any number of times before the call returns, with
/// consecutive pieces. A null `write` throws the answer away.
typedef struct TwampSink {
  /// Handed back to `write`.
  void *ctx;
  /// Takes one piece of the answer.
  void (*write)(void *ctx, const uint8_t *data, size_t len);
} TwampSink;

/// How the packets of a line leave this host.
typedef struct TwampBinding {
  /// Interface name, or empty.
  struct TwampText device;
  /// Descriptor of the network namespace, or -1. The plugin duplicates it.
  int32_t namespace_fd;
  /// Firewall mark (`SO_MARK`), or 0.
  uint32_t mark;
  /// Address that packets are sent from; no address: the system's choice. Port 0.
  struct TwampAddress source;
  /// Zero.
  uint32_t reserved;
} TwampBinding;

/// One line, for `line_up` and `line_update`.
typedef struct TwampLine {
  /// `sizeof(TwampLine)` as the host knows it.
  uint32_t struct_size;
  /// Bits of `TWAMP_LINE_FLAG_*`.
  uint32_t flags;
  /// The host's id of the line.
  uint64_t line;
  /// What people call it.
  struct TwampText name;
  /// The physical uplink it runs over; empty: its own. Lines of one underlay share its fate.
  struct TwampText underlay;
  /// Who is at the other end; empty: the far address. Lines to one far end share its fate.
  struct TwampText far_end;
  /// How its packets leave.
  struct TwampBinding binding;
  /// Address and control port of the far end; no address: a line that only the host feeds.
  struct TwampAddress far;
  /// What a packet costs, in the host's own unit: lower is preferred.
  uint32_t cost;
  /// Largest IP packet in octets, or 0 for not known.
  uint32_t mtu;
  /// Towards the far end, in bit/s, or 0 for not known.
  uint64_t capacity_up;
  /// From the far end, in bit/s, or 0 for not known.
  uint64_t capacity_down;
  /// Ids of the groups it is in.
  const uint64_t *groups;
  /// How many.
  size_t group_count;
} TwampLine;

/// What the host itself sees of a line's traffic, for `line_load`.
typedef struct TwampLineLoad {
  /// `sizeof(TwampLineLoad)` as the host knows it.
  uint32_t struct_size;
  /// Zero.
  uint32_t flags;
  /// The line.
  uint64_t line;
  /// When the counters were read.
  uint64_t at_ns;
  /// Octets sent since the line came up.
  uint64_t sent_octets;
  /// Octets received since the line came up.
  uint64_t received_octets;
  /// Octets waiting in the local queue now.
  uint64_t queued_octets;
  /// Packets that the local queue dropped since the line came up.
  uint64_t queue_drops;
} TwampLineLoad;

/// One thing the host saw, for `observe`.
typedef struct TwampObservation {
  /// The line.
  uint64_t line;
  /// The probe class it belongs to.
  uint64_t probe_class;
  /// One of `TWAMP_OBSERVATION_*`; an unknown kind is refused.
  uint32_t kind;
  /// Bit 0: `ttl` is known; bit 1: `tos` is known.
  uint32_t flags;
  /// When.
  uint64_t at_ns;
  /// Reply: the four stamps T1–T4, wall clock. Delay: `stamps_wall_ns[0]` is the round trip.
  int64_t stamps_wall_ns[4];
  /// Reply: the sender's number. Counters: packets sent. Paused: for how long, nanoseconds.
  uint64_t sequence;
  /// Reply: the reflector's number. Counters: packets received.
  uint64_t reflector_sequence;
  /// TTL as received.
  uint32_t ttl;
  /// TOS octet as received.
  uint32_t tos;
} TwampObservation;

/// One probe that an engine under a manual clock wants sent, from `advance`.
typedef struct TwampProbe {
  /// The line it leaves by.
  uint64_t line;
  /// Its probe class; `u64::MAX`: it is one of full size that may not be fragmented.
  uint64_t probe_class;
  /// When it leaves.
  uint64_t at_ns;
  /// T1, wall clock.
  int64_t t1_wall_ns;
  /// Sender sequence number.
  uint32_t sequence;
  /// UDP payload in octets.
  uint32_t octets;
  /// TOS octet it carries.
  uint32_t tos;
  /// Zero.
  uint32_t reserved;
} TwampProbe;

/// What `classify` looks at. Addresses as in `TwampAddress`, ports in host order.
typedef struct TwampFlowKey {
  /// `sizeof(TwampFlowKey)` as the host knows it.
  uint32_t struct_size;
  /// 4 or 6.
  uint32_t family;
  /// IP protocol number.
  uint8_t protocol;
  /// DSCP, 0–63.
  uint8_t dscp;
  /// Source port, or 0.
  uint16_t source_port;
  /// Destination port, or 0.
  uint16_t destination_port;
  /// Zero.
  uint16_t reserved;
  /// Source address.
  uint8_t source[16];
  /// Destination address.
  uint8_t destination[16];
} TwampFlowKey;

/// What `choose` answers. The caller sets `struct_size`.
typedef struct TwampChoice {
  /// `sizeof(TwampChoice)` as the host knows it.
  uint32_t struct_size;
  /// One of `TWAMP_ANSWER_*`; treat an unknown one as `TWAMP_ANSWER_NO_OPINION`.
  uint32_t answer;
  /// The line, or `TWAMP_NONE` where the answer names none.
  uint64_t line;
  /// Bits of `TWAMP_CHOICE_FLAG_*`.
  uint32_t flags;
  /// Why this line: one of `TWAMP_REASON_*`.
  uint32_t reason;
  /// Grows with each published set of choices.
  uint64_t epoch;
  /// The choice must not be used after this time.
  uint64_t valid_until_ns;
} TwampChoice;

/// The state of one line.
typedef struct TwampLineState {
  /// The host's id of the line.
  uint64_t line;
  /// One of `TWAMP_LINE_STATE_*`; treat an unknown one as `TWAMP_LINE_STATE_UNMEASURED`.
  uint32_t state;
  /// Zero.
  uint32_t flags;
  /// When the state began.
  uint64_t since_ns;
  /// When the last reply came in, or 0 for never.
  uint64_t last_reply_ns;
  /// The row must not be used after this time.
  uint64_t valid_until_ns;
} TwampLineState;

/// A delay over the rolling window, signed (clocks of two ends may differ).
typedef struct TwampDelay {
  /// Smallest, ns.
  int64_t min_ns;
  /// Mean, ns: inbound mean + outbound mean = round-trip mean, exactly.
  int64_t mean_ns;
  /// Largest, ns.
  int64_t max_ns;
  /// RFC 3550 jitter, ns.
  uint64_t jitter_ns;
} TwampDelay;

/// The score of one line for one probe class, over the rolling window.
typedef struct TwampScore {
  /// The host's id of the line.
  uint64_t line;
  /// The class of traffic that the score is for.
  uint64_t class_;
  /// 0 (useless) to 100 (nothing to improve for this class).
  uint32_t score;
  /// Bits of `TWAMP_SCORE_FLAG_*`.
  uint32_t flags;
  /// Probes sent in the window whose fate is known.
  uint32_t probes;
  /// Of them, answered in time.
  uint32_t samples;
  /// Lost, parts per million, both directions.
  uint32_t loss_ppm;
  /// Lower end of the 95 % interval of the loss.
  uint32_t loss_low_ppm;
  /// Upper end of the 95 % interval of the loss.
  uint32_t loss_high_ppm;
  /// Lost towards the far end.
  uint32_t loss_forward_ppm;
  /// Lost on the way back.
  uint32_t loss_backward_ppm;
  /// Zero.
  uint32_t reserved;
  /// Age of the newest sample when the picture was taken.
  uint64_t age_ns;
  /// The row must not be used after this time.
  uint64_t valid_until_ns;
  /// Round trip without the far end's processing.
  struct TwampDelay round_trip;
  /// Towards the far end; a level only if `TWAMP_SCORE_FLAG_CLOCKS_SYNCHRONISED`, else variation only.
  struct TwampDelay outbound;
  /// From the far end; as `outbound`.
  struct TwampDelay inbound;
} TwampScore;

/// One published picture. Never changes while held.
typedef struct TwampSnapshot {
  /// `sizeof(TwampSnapshot)` as the plugin knows it.
  uint32_t struct_size;
  /// One of `TWAMP_ENGINE_STATE_*`.
  uint32_t engine_state;
  /// Grows with each picture.
  uint64_t epoch;
  /// When it was taken.
  uint64_t taken_ns;
  /// When it was taken, wall clock.
  int64_t taken_wall_ns;
  /// It must not be used after this time.
  uint64_t valid_until_ns;
  /// The lines, `line_count` rows of `line_size` octets.
  const struct TwampLineState *lines;
  /// The scores, `score_count` rows of `score_size` octets, ordered as the lines are.
  const struct TwampScore *scores;
  /// Rows in `lines`.
  uint32_t line_count;
  /// Octets from one line to the next.
  uint32_t line_size;
  /// Rows in `scores`.
  uint32_t score_count;
  /// Octets from one score to the next.
  uint32_t score_size;
} TwampSnapshot;

/// A held snapshot: filled by `acquire` or `renew`, given back by `release`. Zero it before first
/// use; it may be moved and released by another thread. Hold it for microseconds, at most eight a
/// thread; one that is renewed now and then may be kept.
typedef struct TwampGuard {
  /// The picture, valid until `release`.
  const struct TwampSnapshot *snapshot;
  /// The plugin's own: what keeps the picture alive.
  size_t hold[2];
  /// The plugin's own: non-null while held.
  const void *owner;
} TwampGuard;

/// What became of one probe of a line, or something that concerns those beside it. They come in
/// the order in which the engine learnt of them.
typedef struct TwampSample {
  /// The line; `TWAMP_NONE` for a pause.
  uint64_t line;
  /// The probe class.
  uint64_t probe_class;
  /// One of `TWAMP_SAMPLE_KIND_*`; pass over an unknown one.
  uint32_t kind;
  /// Bits of `TWAMP_SAMPLE_FLAG_*`.
  uint32_t flags;
  /// When the probe was handed out. Paused, new session: when the engine learnt of it.
  uint64_t sent_ns;
  /// Answered: when the reply was received. Lost: when it was given up. Paused: for how long.
  uint64_t until_ns;
  /// Answered: T1 to T4, wall clock.
  int64_t stamps_wall_ns[4];
  /// The sender's number.
  uint64_t sequence;
  /// The reflector's number, if a flag says so.
  uint64_t reflector_sequence;
  /// How many times the reflector's numbers have begun anew in this session.
  uint32_t epoch;
  /// TTL at the reflector, if a flag says so.
  uint8_t ttl_forward;
  /// TTL of the reply, if a flag says so.
  uint8_t ttl_backward;
  /// TOS octet at the reflector, if a flag says so.
  uint8_t tos_forward;
  /// TOS octet of the reply, if a flag says so.
  uint8_t tos_backward;
} TwampSample;

/// What the plugin can do, by function. The rules of the boundary say
/// what holds for threads, pointers and codes.
typedef struct TwampPlugin {
  /// `sizeof(TwampPlugin)` as the plugin knows it: functions beyond it are not there.
  uint32_t struct_size;
  /// The major version.
  uint16_t abi_major;
  /// The minor version.
  uint16_t abi_minor;
  /// Bits of `TWAMP_CAPABILITY_*`.
  uint64_t capabilities;
  /// Makes an engine from a JSON configuration; starts no thread and opens no socket.
  /// Every mistake in the configuration goes to `errors`.
  int32_t (*create)(const struct TwampHost *host,
                    const uint8_t *config,
                    size_t config_len,
                    struct TwampSink errors,
                    TwampEngine **out);
  /// Binds everything, then starts the threads. After any `fork` of the host. When it is
  /// refused nothing is left half-way, and it may be called again.
  int32_t (*start)(TwampEngine *engine, struct TwampSink errors);
  /// Ends all sessions and threads; the last snapshot stays readable, `choose` has no opinion.
  int32_t (*stop)(TwampEngine *engine);
  /// Stops if need be and frees the engine. Every guard must have been released.
  int32_t (*destroy)(TwampEngine *engine);
  /// Makes `document` the whole wanted state, all or nothing, and answers the difference as
  /// JSON; with `dry_run` non-zero it only answers. A `generation` not above the last applied
  /// one is refused, unless it is 0.
  int32_t (*apply)(TwampEngine *engine,
                   const uint8_t *document,
                   size_t document_len,
                   uint64_t generation,
                   uint32_t dry_run,
                   struct TwampSink answer);
  /// The wanted state as JSON, without secrets.
  int32_t (*export_config)(TwampEngine *engine, struct TwampSink answer);
  /// What was learned of the lines, as an opaque blob for `load_state`.
  int32_t (*save_state)(TwampEngine *engine, struct TwampSink answer);
  /// Takes back a blob of `save_state`, before `start`.
  int32_t (*load_state)(TwampEngine *engine,
                        const uint8_t *state,
                        size_t state_len,
                        struct TwampSink errors);
  /// Everything people ask for: a JSON request, a JSON answer. Never waits; long work answers
  /// with the id of a run.
  int32_t (*manage)(TwampEngine *engine,
                    const uint8_t *request,
                    size_t request_len,
                    struct TwampSink answer);
  /// A descriptor that becomes readable when a choice or a line's state changed; read eight
  /// octets to clear it. The engine owns it. Negative: a code.
  int32_t (*event_fd)(TwampEngine *engine);
  /// A new line.
  int32_t (*line_up)(TwampEngine *engine, const struct TwampLine *line, struct TwampSink errors);
  /// A line has changed; what was learned of it is kept.
  int32_t (*line_update)(TwampEngine *engine,
                         const struct TwampLine *line,
                         struct TwampSink errors);
  /// A line is gone.
  int32_t (*line_down)(TwampEngine *engine, uint64_t line);
  /// The host's own counters of a line.
  int32_t (*line_load)(TwampEngine *engine, const struct TwampLineLoad *load);
  /// Measurements by the host, and answers to probes under a manual clock:
  /// `count` of them, `size` octets apart.
  int32_t (*observe)(TwampEngine *engine,
                     const struct TwampObservation *observations,
                     size_t count,
                     size_t size);
  /// Manual clock: goes on to `until_ns`, but stops at the first probes due, of which up to
  /// `room` are written; `reached_ns` is where it stopped.
  int32_t (*advance)(TwampEngine *engine,
                     uint64_t until_ns,
                     struct TwampProbe *probes,
                     size_t room,
                     size_t *count,
                     uint64_t *reached_ns);
  /// The class of a flow, by the rules of the wanted state; `UNKNOWN`, and `TWAMP_NONE` as its class, if
  /// none matches. Any thread; never waits.
  int32_t (*classify)(const TwampEngine *engine,
                      const struct TwampFlowKey *flow,
                      uint64_t *class_);
  /// Which line for a flow of this class in this group: `current` is the line it is on or
  /// `TWAMP_NONE`; `now_ns` the time, or 0 to have the plugin read it. Any thread; never waits.
  int32_t (*choose)(const TwampEngine *engine,
                    uint64_t group,
                    uint64_t class_,
                    uint64_t flow_hash,
                    uint64_t current,
                    uint64_t now_ns,
                    struct TwampChoice *out);
  /// Holds the newest snapshot. Any thread; never waits.
  int32_t (*acquire)(const TwampEngine *engine, struct TwampGuard *out);
  /// Gives it back. Any thread; never waits. Harmless on a guard that holds nothing.
  int32_t (*release)(struct TwampGuard *guard);
  /// From 1.1. What became of single probes is kept for `take_samples` from now on, the newest
  /// `room` of them; 0: no more, and those that are there go.
  int32_t (*keep_samples)(TwampEngine *engine, size_t room);
  /// From 1.1. Moves the oldest that are kept to `samples`: up to `room` rows, `size` octets
  /// apart. `count` is how many there were; `dropped` how many were driven out by newer ones
  /// since the last call.
  int32_t (*take_samples)(TwampEngine *engine,
                          struct TwampSample *samples,
                          size_t room,
                          size_t size,
                          size_t *count,
                          uint64_t *dropped);
  /// From 1.2. Makes `guard` hold the newest snapshot, whatever it held before; zero it before
  /// first use. For a thread that keeps a guard and reads often: as long as nothing newer is
  /// published it costs a comparison. Such a guard may be held for as long as it is renewed; it
  /// is released as others are. Any thread, one at a time for each guard; never waits.
  int32_t (*renew)(const TwampEngine *engine, struct TwampGuard *guard);
} TwampPlugin;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The C door. The table is static.
const struct TwampPlugin *twamp_plugin_v1(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TWAMP_PLUGIN_H */
