//! A good session beside the flood.

use autoflow_tests::accounted;
use autoflow_tests::host::Running;
use serde_json::Value;

use crate::responder::Responder;

/// A sender that was there before the flood.
pub(crate) struct Bystander(Running);

impl Bystander {
    /// A hundred probes a second until it is told to end.
    pub(crate) fn of(responder: &Responder) -> Self {
        let far = responder.control();
        let words = format!("ping --count 1000000 --interval 10 --timeout 5000 {far}");
        let running = Running::host_sim(&format!("{words} --json"));
        // It shall be in before the flood begins; that it was, its count of replies shows.
        std::thread::sleep(std::time::Duration::from_secs(1));
        Self(running)
    }

    /// Ends it: probes were sent all the time, and none is lost.
    pub(crate) fn has_lost_nothing(self) {
        self.0.interrupt();
        let answer = self.0.end();
        assert_eq!(answer.code, 0, "{answer:?}");
        let result = answer.object();
        let count = |field: &str| result[field].as_u64().unwrap();
        assert_eq!(result["lost"]["percent"], 0.0, "{result}");
        assert_eq!(result["lost"]["forward"], Value::from(0), "{result}");
        assert!(count("received") > 50, "{result}");
        let known = accounted(count("sent"), count("received"), count("set_aside"));
        assert!(known, "{result}");
    }
}
