//! Writes the text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use crate::store::measures::Distribution;

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Microseconds in a second, the unit of all durations in the text.
const MICROS: f64 = 1_000_000.0;

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The text that is written.
#[derive(Default)]
pub(super) struct Exposition(String);

/// A metric, whose samples follow its head.
pub(super) struct Metric<'a> {
    text: &'a mut String,
    name: &'static str,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    /// Begins a metric. `help` must be one line without a backslash.
    pub(super) fn metric(&mut self, kind: Kind, name: &'static str, help: &str) -> Metric<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String never fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Metric { text: &mut self.0, name }
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: Option<impl Display>) {
        let mut metric = self.metric(Kind::Gauge, name, help);
        if let Some(value) = value {
            metric.sample(&[], value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Metric<'_> {
    pub(super) fn sample(&mut self, labels: Labels, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// A distribution of microseconds, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "the text has floating-point numbers")]
    pub(super) fn durations(&mut self, labels: Labels, values: &Distribution) {
        self.distribution(labels, values, |micros| micros as f64 / MICROS);
    }

    #[expect(clippy::cast_precision_loss, reason = "the text has floating-point numbers")]
    pub(super) fn numbers(&mut self, labels: Labels, values: &Distribution) {
        self.distribution(labels, values, |number| number as f64);
    }

    fn distribution(&mut self, labels: Labels, values: &Distribution, unit: impl Fn(u64) -> f64) {
        let mut below = 0;
        for (bound, count) in values.bounds.iter().zip(&values.buckets) {
            below += count;
            self.line("_bucket", labels, Some(&unit(*bound).to_string()), below);
        }
        self.line("_bucket", labels, Some("+Inf"), values.count());
        self.line("_sum", labels, None, unit(values.sum));
        self.line("_count", labels, None, values.count());
    }

    fn line(&mut self, suffix: &str, labels: Labels, bound: Option<&str>, value: impl Display) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let bound = bound.map(|bound| ("le", bound));
        let mut is_first = true;
        for (name, value) in labels.iter().copied().chain(bound) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{}{name}=\"{value}\"", if is_first { '{' } else { ',' });
            is_first = false;
        }
        if !is_first {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::measures::Histogram;

    #[test]
    fn the_text_is_as_the_format_wants_it() {
        let mut out = Exposition::default();
        out.gauge("a_bytes", "Bytes.", Some(7));
        out.gauge("b_bytes", "None.", None::<u64>);
        out.metric(Kind::Counter, "c_total", "Counted.").sample(&[("x", "\"\\\n"), ("y", "z")], 1);
        let times = Histogram::new(&[250, 1_000_000]);
        for micros in [100, 200, 2_000_000] {
            times.count(micros);
        }
        out.metric(Kind::Histogram, "d_seconds", "Times.").durations(&[("r", "/")], &times.get());
        assert_eq!(
            out.into_text(),
            "# HELP a_bytes Bytes.\n# TYPE a_bytes gauge\na_bytes 7\n\
             # HELP b_bytes None.\n# TYPE b_bytes gauge\n\
             # HELP c_total Counted.\n# TYPE c_total counter\nc_total{x=\"\\\"\\\\\\n\",y=\"z\"} 1\n\
             # HELP d_seconds Times.\n# TYPE d_seconds histogram\n\
             d_seconds_bucket{r=\"/\",le=\"0.00025\"} 2\nd_seconds_bucket{r=\"/\",le=\"1\"} 2\n\
             d_seconds_bucket{r=\"/\",le=\"+Inf\"} 3\nd_seconds_sum{r=\"/\"} 2.0003\nd_seconds_count{r=\"/\"} 3\n"
        );
    }
}
