//! How late threads of this machine wake up while something else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_millis(10);
/// This share of the beats is no later than what is told.
const SHARE: f64 = 0.95;

/// A thread that wants to wake up a hundred times a second.
pub(crate) struct Metronome {
    over: Arc<AtomicBool>,
    beats: JoinHandle<Vec<Duration>>,
}

impl Metronome {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let beats = thread::spawn(move || {
            let mut late = Vec::new();
            while !end.load(Ordering::Relaxed) {
                let asked = Instant::now();
                thread::sleep(BEAT);
                late.push(asked.elapsed().saturating_sub(BEAT));
            }
            late
        });
        Self { over, beats }
    }

    /// How late the 95th of a hundred beats was, in seconds; of the same length as what went on.
    pub(crate) fn late_s(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        let mut late = self.beats.join().expect("it only sleeps");
        late.sort_unstable();
        let place = (SHARE * late.len() as f64) as usize;
        late.get(place).map_or(0.0, Duration::as_secs_f64)
    }
}
