//! Reproducible names for a million spaces, and search patterns for them.

/// Reproducible random numbers (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A random number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        #[expect(clippy::cast_possible_truncation, reason = "it is below a length")]
        let place = self.below(words.len() as u64) as usize;
        words[place]
    }
}

const TEAMS: [&str; 16] = [
    "risk",
    "growth",
    "platform",
    "search",
    "pricing",
    "support",
    "vision",
    "speech",
    "logistics",
    "credit",
    "claims",
    "energy",
    "health",
    "retail",
    "robotics",
    "security",
];

const TASKS: [&str; 24] = [
    "fraud",
    "churn",
    "forecast",
    "ranking",
    "routing",
    "scoring",
    "matching",
    "labelling",
    "translation",
    "summary",
    "detection",
    "planning",
    "sampling",
    "grading",
    "triage",
    "recall",
    "quality",
    "anomaly",
    "demand",
    "inventory",
    "document",
    "retrieval",
    "evaluation",
    "baseline",
];

const STAGES: [&str; 8] = ["dev", "test", "staging", "prod", "lab", "demo", "archive", "pilot"];

/// Words of other scripts. One name in a hundred contains one.
const FOREIGN: [&str; 6] = ["Prüfstand", "Ölfeld", "Größe", "прогноз", "分析室", "Ναυτιλία"];

/// The name of the space with this number. All names are different.
pub fn name(number: u64) -> String {
    let mut dice = Dice::new(number);
    let (team, task, stage) = (dice.one_of(&TEAMS), dice.one_of(&TASKS), dice.one_of(&STAGES));
    if dice.below(100) == 0 {
        return format!("{} {team} {task} {number}", dice.one_of(&FOREIGN));
    }
    format!("{team}-{task}-{stage}-{number:07}")
}

/// A kind of search pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Matches one name or a few.
    Rare,
    /// Matches tens of thousands of names.
    Common,
    /// Matches no name, and no part of it does.
    Absent,
    /// Matches no name, but each three letters of it occur in many.
    AbsentOfCommonParts,
    /// One character.
    One,
    /// Two characters.
    Two,
    /// In another script, and in another case than in the names.
    Foreign,
    /// One or two characters that occur in no name.
    ShortAbsent,
}

impl Pattern {
    pub const ALL: [Self; 8] = [
        Self::Rare,
        Self::Common,
        Self::Absent,
        Self::AbsentOfCommonParts,
        Self::One,
        Self::Two,
        Self::Foreign,
        Self::ShortAbsent,
    ];

    /// The name of the kind in the report.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rare => "rare",
            Self::Common => "common",
            Self::Absent => "absent",
            Self::AbsentOfCommonParts => "absent, of common parts",
            Self::One => "one character",
            Self::Two => "two characters",
            Self::Foreign => "another script",
            Self::ShortAbsent => "one or two characters, absent",
        }
    }

    /// Up to 32 different patterns of this kind.
    pub fn examples(self) -> Vec<String> {
        let mut dice = Dice::new(self as u64 + 1);
        let mut found: Vec<String> = match self {
            Self::Rare => (0..32).map(|_| format!("{:07}", dice.below(1_000_000))).collect(),
            Self::Common => TEAMS.iter().chain(&TASKS).take(32).map(|word| (*word).to_owned()).collect(),
            Self::Absent => (0..32).map(|number| format!("zqxj{number}wvk")).collect(),
            Self::AbsentOfCommonParts => {
                // In a name, a stage is always followed by a number. These two end as tasks do, so all their parts are
                // common.
                let pairs = ["test", "staging"].into_iter().flat_map(|one| STAGES.map(|two| format!("{one}-{two}")));
                pairs.collect()
            }
            Self::One => "abcdefghilmnoprstuvwy0123456789-".chars().map(String::from).collect(),
            Self::Two => (10..42).map(|number: u32| format!("{number}")).collect(),
            Self::Foreign => FOREIGN.iter().flat_map(|word| [word.to_uppercase(), word.to_lowercase()]).collect(),
            Self::ShortAbsent => ["j", "X", "z", "ж", "Щ", "jj", "xz", "ZZ", "жж", "jЩ"].map(str::to_owned).to_vec(),
        };
        found.dedup();
        found
    }
}
