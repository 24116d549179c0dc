//! The trace that a request belongs to (W3C Trace Context).

/// A well-formed `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    parent: u64,
    flags: u8,
}

/// The length of version 00. Later versions may be longer, after another dash.
const LENGTH: usize = 55;

impl TraceParent {
    /// Parses the header. None for all that the specification calls invalid: another length, uppercase letters, the
    /// version `ff`, and ids of zeros.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
        let is_version = version != "ff" && (rest.is_empty() || version != "00" && rest.starts_with('-'));
        if !fits || !is_version {
            return None;
        }
        let (trace, parent) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(parent, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (trace != 0 && parent != 0).then_some(Self { trace, parent, flags })
    }

    /// The id of the trace in hexadecimal.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// As the client sent it, in version 00.
    pub fn to_header(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }

    /// The value of `traceresponse` for a span of this server, which records none: no flag is set.
    pub fn response(&self, span: u64) -> String {
        format!("00-{:032x}-{span:016x}-00", self.trace)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_answered() {
        let trace = TraceParent::parse(GOOD).unwrap();
        assert_eq!(trace.to_header(), GOOD);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.response(10), "00-4bf92f3577b34da6a3ce929d0e0e4736-000000000000000a-00");
        let later = GOOD.replacen("00", "cc", 1) + "-more";
        assert_eq!(TraceParent::parse(&later).unwrap().trace_id(), trace.trace_id());
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        for bad in [
            "",
            &GOOD[..54],
            &format!("{GOOD}-more"),
            &format!("{GOOD} "),
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "0g", 1),
            &GOOD.replacen('-', "_", 1),
            &(GOOD.replacen("00", "cc", 1) + ".more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", part in "[0-9a-f-]{50,60}") {
            let _ = (TraceParent::parse(&text), TraceParent::parse(&part));
        }
    }
}
