//! Writes metrics whose values are counted elsewhere, in the text format of Prometheus, version 0.0.4.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::store::measures::Distribution;

pub(super) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Microseconds in a second, the unit of all durations in the text.
const MICROS: f64 = 1_000_000.0;

/// The text of all metrics of a collector.
pub(super) fn text(collector: impl Collector) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    // Writing to a String never fails.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

/// The metrics that a collector writes.
pub(super) struct Exposition<'a>(pub(super) DescriptorEncoder<'a>);

/// Names and values of labels, with the value of the sample.
type Sample<'a, const LABELS: usize, V> = ([(&'static str, &'a str); LABELS], V);

impl Exposition<'_> {
    /// Writes `{name}_total`.
    pub(super) fn counter<'a, const LABELS: usize, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a, LABELS, V>>,
    ) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        each(metric, samples, |mut metric, value| metric.encode_counter::<NoLabelSet, V, f64>(&value, None))
    }

    pub(super) fn gauges<'a, const LABELS: usize, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a, LABELS, V>>,
    ) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        each(metric, samples, |mut metric, value| metric.encode_gauge(&value))
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: Option<impl EncodeGaugeValue>) -> fmt::Result {
        self.gauges(name, help, value.map(|value| ([], value)))
    }

    /// Writes distributions of microseconds, in seconds.
    pub(super) fn durations<'a, const LABELS: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a, LABELS, &'a Distribution>>,
    ) -> fmt::Result {
        self.distributions(name, help, MICROS, samples)
    }

    pub(super) fn numbers(&mut self, name: &str, help: &str, values: &Distribution) -> fmt::Result {
        self.distributions(name, help, 1.0, [([], values)])
    }

    #[expect(clippy::cast_precision_loss, reason = "the text has floating-point numbers")]
    fn distributions<'a, const LABELS: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: f64,
        samples: impl IntoIterator<Item = Sample<'a, LABELS, &'a Distribution>>,
    ) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        each(metric, samples, |mut metric, values| {
            let bounds = values.bounds.iter().map(|bound| *bound as f64 / unit).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(values.buckets.iter().copied()).collect();
            metric.encode_histogram::<NoLabelSet>(values.sum as f64 / unit, values.count(), &buckets, None)
        })
    }
}

fn each<'a, const LABELS: usize, V>(
    mut metric: MetricEncoder,
    samples: impl IntoIterator<Item = Sample<'a, LABELS, V>>,
    encode: impl Fn(MetricEncoder, V) -> fmt::Result,
) -> fmt::Result {
    samples.into_iter().try_for_each(|(labels, value)| encode(metric.encode_family(&labels)?, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::measures::Histogram;

    #[derive(Debug)]
    struct Example;

    impl Collector for Example {
        fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
            let mut out = Exposition(encoder);
            out.gauge("a_bytes", "Bytes.", Some(7))?;
            out.gauge("b_bytes", "None.", None::<u64>)?;
            out.counter("c", "Counted.", [([("x", "\"\\\n"), ("y", "z")], 1_u64)])?;
            let times = Histogram::new(&[250, 1_000_000]);
            for micros in [100, 200, 2_000_000] {
                times.count(micros);
            }
            out.durations("d_seconds", "Times.", [([("r", "/")], &times.get())])
        }
    }

    #[test]
    fn the_text_is_as_the_format_wants_it() {
        assert_eq!(
            text(Example),
            "# HELP a_bytes Bytes.\n# TYPE a_bytes gauge\na_bytes 7\n\
             # HELP b_bytes None.\n# TYPE b_bytes gauge\n\
             # HELP c_total Counted.\n# TYPE c_total counter\nc_total{x=\"\\\"\\\\\\n\",y=\"z\"} 1\n\
             # HELP d_seconds Times.\n# TYPE d_seconds histogram\n\
             d_seconds_bucket{r=\"/\",le=\"0.00025\"} 2\nd_seconds_bucket{r=\"/\",le=\"1\"} 2\n\
             d_seconds_bucket{r=\"/\",le=\"+Inf\"} 3\nd_seconds_sum{r=\"/\"} 2.0003\nd_seconds_count{r=\"/\"} 3\n"
        );
    }
}
