//! What is thrown away while something runs, by reason: the sums of `media_drops_total`, or of another counter by its label, or a gauge.

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Of one thread, for as long as `record` runs.
#[derive(Clone)]
pub(crate) struct Drops(Arc<Mutex<BTreeMap<String, u64>>>, &'static str);

impl Default for Drops {
    fn default() -> Self {
        Self::of("media_drops_total")
    }
}

impl Drops {
    /// Of a counter or gauge that has one label or none.
    pub(crate) fn of(counter: &'static str) -> Self {
        Self(Arc::default(), counter)
    }

    /// Counts what is thrown away in there.
    pub(crate) fn record(&self, run: impl FnOnce()) {
        with_local_recorder(self, run);
    }

    /// How much so far.
    pub(crate) fn by_reason(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().clone()
    }
}

struct Reason(String, Drops);

impl CounterFn for Reason {
    fn increment(&self, value: u64) {
        if value > 0 {
            *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() += value;
        }
    }

    fn absolute(&self, _: u64) {}
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
impl GaugeFn for Reason {
    fn increment(&self, value: f64) {
        *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() += value as u64;
    }

    fn decrement(&self, value: f64) {
        *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() -= value as u64;
    }

    fn set(&self, value: f64) {
        self.1.0.lock().unwrap().insert(self.0.clone(), value as u64);
    }
}

impl Recorder for Drops {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() != self.1 {
            return Counter::noop();
        }
        let reason = key.labels().next().map(|label| label.value().to_owned());
        Counter::from_arc(Arc::new(Reason(reason.unwrap_or_default(), self.clone())))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if key.name() != self.1 {
            return Gauge::noop();
        }
        let label = key.labels().next().map(|label| label.value().to_owned());
        Gauge::from_arc(Arc::new(Reason(label.unwrap_or_default(), self.clone())))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
