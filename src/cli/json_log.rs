//! A log line as a JSON object, for programs that collect logs.

use std::io::{self, Write};

use log::{Level, Record};
use serde_json::Map;

use crate::app::runtime::current_request;
use crate::domain::timestamp::Timestamp;

/// Writes a record: `time`, `level`, `target` and `message`, and of the request that the thread handles `request_id`, with
/// a trace `trace_id`, `span_id` and `traceparent`, and the parts of its line once it is answered.
pub(super) fn write(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let mut fields = head(record.level(), record.target(), &record.args().to_string());
    current_request::get(|current| {
        if let Some(parts) = current.parts() {
            let entries = [
                ("method", parts.method.as_str().into()),
                ("route", parts.route.as_str().into()),
                ("status", parts.status.into()),
                ("duration_us", parts.micros.into()),
                ("user", parts.user.as_str().into()),
                ("address", parts.address.as_str().into()),
            ];
            fields.extend(entries.map(|(key, value)| (key.to_owned(), value)));
        }
        fields.insert("request_id".to_owned(), current.id.to_string().into());
        if let Some(trace) = current.trace {
            fields.insert("trace_id".to_owned(), trace.trace_id().into());
            fields.insert("span_id".to_owned(), format!("{:016x}", current.span()).into());
            fields.insert("traceparent".to_owned(), trace.to_header().into());
        }
    });
    write_line(out, fields)
}

/// Writes a warning of the log itself.
pub(super) fn write_warning(out: &mut impl Write, message: &str) -> io::Result<()> {
    write_line(out, head(Level::Warn, module_path!(), message))
}

type Object = Map<String, serde_json::Value>;

fn head(level: Level, target: &str, message: &str) -> Object {
    let entries = [
        ("time", Timestamp::now().zulu().into()),
        ("level", level.as_str().into()),
        ("target", target.into()),
        ("message", message.into()),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn write_line(out: &mut impl Write, fields: Object) -> io::Result<()> {
    let mut line = serde_json::Value::Object(fields).to_string();
    line.push('\n');
    out.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(record: &Record) -> Value {
        let mut out = Vec::new();
        write(&mut out, record).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n') && text.trim_end().lines().count() == 1, "{text:?}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_record_is_one_object_on_one_line() {
        let line = written(
            &Record::builder()
                .level(Level::Warn)
                .target("atelier::x")
                .args(format_args!("a \"quoted\"\nline\u{1b}[0m"))
                .build(),
        );
        assert_eq!((&line["level"], &line["target"]), (&json!("WARN"), &json!("atelier::x")));
        assert_eq!(line["message"], "a \"quoted\"\nline\u{1b}[0m");
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert!(line.get("request_id").is_none(), "there is no request");
    }

    #[test]
    fn a_warning_of_the_log_is_an_object_too() {
        let mut out = Vec::new();
        write_warning(&mut out, "3 log lines lost").unwrap();
        let line: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&json!("WARN"), &json!("3 log lines lost")));
    }
}
