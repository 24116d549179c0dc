//! The results: written as JSON lines during the measurements, and printed as tables at the end.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::bench::reusable_folder;
use super::error::Result;
use super::goals::Goal;
use super::load::Run;
use super::table::Table;

/// The required value of a measure.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Both bounds are included.
    Between(f64, f64),
    /// Reported without a requirement.
    Reported,
}

impl Target {
    fn reached(self, measured: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bound) => Some(measured >= bound),
            Self::AtMost(bound) => Some(measured <= bound),
            Self::Between(least, most) => Some((least..=most).contains(&measured)),
            Self::Reported => None,
        }
    }

    fn describe(self, unit: &str) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {}{unit}", short(bound)),
            Self::AtMost(bound) => format!("<= {}{unit}", short(bound)),
            Self::Between(least, most) => format!("{} to {}{unit}", short(least), short(most)),
            Self::Reported => "-".to_owned(),
        }
    }
}

/// A measured figure of a goal.
#[derive(Clone, Debug)]
struct Measure {
    goal: Goal,
    what: String,
    target: String,
    measured: String,
    outcome: &'static str,
}

/// The runs of one contender of a goal.
#[derive(Clone, Debug)]
struct Contender {
    goal: Goal,
    name: String,
    runs: Vec<Run>,
}

pub struct Report {
    file: File,
    place: PathBuf,
    measures: Vec<Measure>,
    contenders: Vec<Contender>,
    notes: Vec<String>,
}

impl Report {
    /// Begins a report. Its JSON lines are kept under the target directory.
    pub fn begin(arguments: &Arguments) -> Result<Self> {
        let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let place = reusable_folder()?.join(format!("result-{moment}.jsonl"));
        let mut report = Self {
            file: File::create(&place)?,
            place,
            measures: Vec::new(),
            contenders: Vec::new(),
            notes: Vec::new(),
        };
        let machine = rustix::system::uname();
        let head = json!({
            "kind": "head",
            "at": moment,
            "version": env!("CARGO_PKG_VERSION"),
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "system": machine.release().to_string_lossy(),
            "binary_bytes": fs::metadata(&arguments.binary)?.len(),
            "rounds": arguments.rounds,
            "seconds": arguments.run.as_secs_f64(),
            "quick": arguments.quick,
            "set": arguments.set,
        });
        report.line(&head)?;
        Ok(report)
    }

    /// The file of the JSON lines.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Records one run of a contender.
    pub fn run(&mut self, goal: Goal, round: usize, name: &str, run: &Run) -> Result<()> {
        self.line(&json!({
            "kind": "run",
            "goal": goal.name(),
            "round": round,
            "contender": name,
            "answers": run.responses,
            "seconds": run.seconds,
            "per_second": run.per_second(),
            "p50_us": number(run.p50()),
            "p99_us": number(run.p99()),
            "most_us": number(run.longest()),
            "cpu_us_each": number(run.cpu_each()),
            "cpu_seconds": run.cpu(),
            "resident_kib": run.memory.resident,
            "most_resident_kib": run.memory.most,
            "wrong": run.wrong,
        }))?;
        eprintln!(
            "{:4} round {} {name:32} {:>10.0}/s  p50 {:>8.0} us  p99 {:>8.0} us  cpu {:>7.1} us  rss {:>7} KiB",
            goal.name(),
            round + 1,
            run.per_second(),
            run.p50(),
            run.p99(),
            run.cpu_each(),
            run.memory.resident,
        );
        match self.contenders.iter_mut().find(|contender| contender.goal == goal && contender.name == name) {
            Some(contender) => contender.runs.push(run.clone()),
            None => self.contenders.push(Contender { goal, name: name.to_owned(), runs: vec![run.clone()] }),
        }
        Ok(())
    }

    /// Records a measure: its value in each round, of which the median counts.
    pub fn measure(&mut self, goal: Goal, what: &str, unit: &str, target: Target, values: &[f64]) -> Result<()> {
        let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if values.is_empty() {
            return self.absent(goal, what, "no round gave a figure");
        }
        let (least, middle, most) = (least(&values), median(&values), most(&values));
        let reached = target.reached(middle);
        let outcome = match reached {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "told",
        };
        self.line(&json!({
            "kind": "measure", "goal": goal.name(), "what": what, "unit": unit, "target": target.describe(unit),
            "values": values, "median": middle, "least": least, "most": most, "reached": reached,
        }))?;
        let spread = if values.len() > 1 { format!(" ({} to {})", short(least), short(most)) } else { String::new() };
        let measured = format!("{}{unit}{spread}", short(middle));
        eprintln!("{:4} {what}: {measured}, {} {outcome}", goal.name(), target.describe(unit));
        self.measures.push(Measure { goal, what: what.to_owned(), target: target.describe(unit), measured, outcome });
        Ok(())
    }

    /// Records a figure that could not be measured.
    pub fn absent(&mut self, goal: Goal, what: &str, why: &str) -> Result<()> {
        self.line(&json!({ "kind": "absent", "goal": goal.name(), "what": what, "why": why }))?;
        eprintln!("{:4} {what}: not measured: {why}", goal.name());
        self.measures.push(Measure {
            goal,
            what: what.to_owned(),
            target: "-".to_owned(),
            measured: why.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect(),
            outcome: "NOT MEASURED",
        });
        Ok(())
    }

    /// Records a note for the reader of the table.
    pub fn note(&mut self, goal: Goal, text: &str) -> Result<()> {
        self.line(&json!({ "kind": "note", "goal": goal.name(), "words": text }))?;
        self.notes.push(format!("{}: {text}", goal.name()));
        Ok(())
    }

    /// The tables: by goal, then by contender with the medians of the rounds.
    pub fn tables(&self) -> String {
        let mut goals = Table::new(&["goal", "what", "wanted", "measured", "outcome"]);
        for measure in &self.measures {
            goals.row([measure.goal.name(), &measure.what, &measure.target, &measure.measured, measure.outcome]);
        }
        let head = ["goal", "contender", "per second", "p50 ms", "p99 ms", "CPU us each", "resident MiB", "most MiB"];
        let mut contenders = Table::new(&head);
        for Contender { goal, name, runs } in &self.contenders {
            let of = |figure: &dyn Fn(&Run) -> f64| {
                let values: Vec<f64> = runs.iter().map(figure).filter(|value| value.is_finite()).collect();
                if values.is_empty() { "-".to_owned() } else { short(median(&values)) }
            };
            let mebibytes = |kib: u64| super::load::count(kib) / 1024.0;
            contenders.row([
                goal.name(),
                name,
                &of(&|run| run.per_second()),
                &of(&|run| run.p50() / 1e3),
                &of(&|run| run.p99() / 1e3),
                &of(&|run| run.cpu_each()),
                &of(&|run| mebibytes(run.memory.resident)),
                &of(&|run| mebibytes(run.memory.most)),
            ]);
        }
        let notes = self.notes.iter().fold(String::new(), |notes, note| format!("{notes}- {note}\n"));
        format!("{goals}\n{contenders}\n{notes}")
    }

    fn line(&mut self, value: &Value) -> Result<()> {
        Ok(writeln!(self.file, "{value}")?)
    }
}

/// The median; of an even number of values, the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// A number with three significant digits; large numbers as integers.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

/// JSON cannot represent infinity or NaN.
fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}
