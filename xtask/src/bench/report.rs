//! What was measured, for a person and for a program.

use serde::{Serialize, Serializer};

use super::callgrind::UserInstructions;
use super::case::{Case, Targets};
use super::measure::{Figures, Plan, Spread};

/// All of a run. Its JSON is what CI compares.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `sortie 0.1.0`, or nginx again when the noise is measured.
    pub(super) subject: String,
    /// `nginx/1.22.1`
    pub(super) peer: String,
    pub(super) connections: usize,
    pub(super) rounds: usize,
    pub(super) window_ms: u64,
    /// What `instructions_ratio` compares; absent where nobody counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instructions_method: Option<InstructionsMethod>,
    /// Why `perf stat` counts nothing here; absent where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) perf_unavailable: Option<String>,
    /// In the JSON an object with a member for each case.
    #[serde(serialize_with = "by_key")]
    pub(super) cases: Vec<CaseReport>,
    pub(super) fixed_rate: Option<RateReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) durability: Option<DurabilityReport>,
    pub(super) memory: MemoryReport,
}

/// How instructions were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum InstructionsMethod {
    /// By the processor.
    #[serde(rename = "perf stat: user and kernel")]
    Perf,
    /// By valgrind. The kernel's share, which is about the same for both, is not in it: the ratio is further from 1 than that of all instructions.
    #[serde(rename = "callgrind: user only, without SHA-256")]
    Callgrind,
}

/// One case: ratios are the subject's figure as a multiple of the peer's.
#[derive(Debug, Serialize)]
pub(super) struct CaseReport {
    #[serde(skip)]
    pub(super) case: Case,
    /// By the report's `instructions_method`.
    pub(super) instructions_ratio: Option<f64>,
    pub(super) cpu_ratio: f64,
    pub(super) cpu_ratio_min: f64,
    pub(super) cpu_ratio_max: f64,
    pub(super) requests_per_second_ratio: f64,
    pub(super) subject: CandidateReport,
    pub(super) peer: CandidateReport,
    /// Against the peer with `proxy_buffering off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_ratio_unbuffered: Option<Spread>,
    /// From callgrind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_instructions_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_instructions_ratio_without_sha256: Option<f64>,
}

/// What one server did in one case.
#[derive(Debug, Serialize)]
pub(super) struct CandidateReport {
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) instructions_per_callout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_instructions: Option<UserInstructions>,
}

/// Both at the same fixed rate, which neither is busy with.
#[derive(Debug, Serialize)]
pub(super) struct RateReport {
    pub(super) per_second: u32,
    pub(super) cpu_ratio: Spread,
    pub(super) subject: Figures,
    pub(super) peer: Figures,
}

/// The audit safe from the machine's death beside the audit safe from the process's.
#[derive(Debug, Serialize)]
pub(super) struct DurabilityReport {
    pub(super) cpu_ratio: Spread,
    pub(super) requests_per_second_ratio: Spread,
    pub(super) machine: Figures,
    pub(super) process: Figures,
}

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct MemoryReport {
    pub(super) subject_after_run_kib: u64,
    pub(super) peer_after_run_kib: u64,
    pub(super) thousand: Option<ThousandReport>,
}

/// Sortie with 1,000 named credentials more.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ThousandReport {
    pub(super) at_start_kib: u64,
    /// After the gated case's load on one of them.
    pub(super) after_load_kib: u64,
    /// After a callout through each, with 1,000 upstream connections that wait.
    pub(super) all_used_kib: u64,
}

/// 40 MiB with 1,000 named credentials.
const MEMORY_TARGET_KIB: u64 = 40 * 1024;

impl Report {
    /// The tables, and what was promised beside what is.
    pub(super) fn print(&self, plan: &Plan) {
        let Self { subject, peer, connections, rounds, .. } = self;
        println!("{subject} beside {peer}: medians of {rounds} rounds of {} ms, {connections} connections\n", plan.window.as_millis());
        println!(
            "{:28} {:>21} {:>8} {:>8} {:>15} {:>17} {:>17}",
            "", "CPU ratio (min-max)", "instr.", "user", "CPU µs", "requests/s", "p50/p99 µs"
        );
        for report in &self.cases {
            report.print();
        }
        self.print_methods();
        if let Some(RateReport { per_second, cpu_ratio, subject, peer }) = &self.fixed_rate {
            println!(
                "\nAt {per_second}/s: CPU ratio {}; p50 {:.0} µs beside {:.0}, p99 {:.0} µs beside {:.0}",
                shown(*cpu_ratio),
                subject.p50_us,
                peer.p50_us,
                subject.p99_us,
                peer.p99_us
            );
        }
        if let Some(DurabilityReport { cpu_ratio, requests_per_second_ratio, machine, process }) = &self.durability {
            println!(
                "\nAudit durability `machine` beside `process`: CPU ratio {}, requests per second {}; p50 {:.0} µs beside {:.0}, p99 {:.0} µs beside {:.0}",
                shown(*cpu_ratio),
                shown(*requests_per_second_ratio),
                machine.p50_us,
                process.p50_us,
                machine.p99_us,
                process.p99_us
            );
        }
        self.memory.print();
        self.print_verdict();
    }

    fn print_methods(&self) {
        if let Some(reason) = &self.perf_unavailable {
            let instead = match self.instructions_method {
                Some(_) => "instr. is the same as user",
                None => {
                    "instructions_ratio is missing. valgrind could count user instructions of a program from `cargo xtask dist` (Debian: valgrind)"
                }
            };
            println!("\n`perf stat` does not count: {reason}; {instead}");
        }
        if self.cases.iter().any(|report| report.user_instructions_ratio.is_some()) {
            println!("\nuser: user instructions under callgrind, without SHA-256, which valgrind's processor can only do in software");
        }
    }

    fn print_verdict(&self) {
        println!();
        let gated = self.cases.iter().filter_map(|report| Some((report, report.case.targets?)));
        for (report, Targets { instructions_ratio, cpu_ratio }) in gated {
            let method = if self.instructions_method == Some(InstructionsMethod::Callgrind) { "user instructions" } else { "instructions" };
            verdict(&format!("{}: {method}", report.case.title), report.instructions_ratio, instructions_ratio, "times nginx");
            verdict(&format!("{}: CPU time", report.case.title), Some(report.cpu_ratio), cpu_ratio, "times nginx");
        }
        if let Some(thousand) = &self.memory.thousand {
            verdict("memory with 1,000 named credentials", Some(mib(thousand.after_load_kib)), mib(MEMORY_TARGET_KIB), "MiB");
        }
    }
}

impl CaseReport {
    fn print(&self) {
        let Self { case, cpu_ratio, cpu_ratio_min, cpu_ratio_max, subject, peer, .. } = self;
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let both = |measure: fn(&Figures) -> f64, digits: usize| {
            format!("{:.digits$} / {:.digits$}", measure(&subject.figures), measure(&peer.figures))
        };
        println!(
            "{:28} {:>21} {:>8} {:>8} {:>15} {:>17} {:>17}",
            case.title,
            format!("{cpu_ratio:.2} ({cpu_ratio_min:.2}-{cpu_ratio_max:.2})"),
            ratio(self.instructions_ratio),
            ratio(self.user_instructions_ratio_without_sha256),
            both(|figures| figures.cpu_us_per_callout, 1),
            both(|figures| figures.requests_per_second, 0),
            format!("{:.0}/{:.0} · {:.0}/{:.0}", subject.figures.p50_us, subject.figures.p99_us, peer.figures.p50_us, peer.figures.p99_us),
        );
        if let Some(unbuffered) = self.cpu_ratio_unbuffered {
            println!("{:28} {:>21}", "  … proxy_buffering off", shown(unbuffered));
        }
    }
}

impl MemoryReport {
    fn print(&self) {
        let Self { subject_after_run_kib, peer_after_run_kib, thousand } = self;
        println!("\nResident memory after the run: {:.1} MiB beside {:.1}", mib(*subject_after_run_kib), mib(*peer_after_run_kib));
        if let Some(ThousandReport { at_start_kib, after_load_kib, all_used_kib }) = thousand {
            println!(
                "With 1,000 named credentials: {:.1} MiB at the start, {:.1} after load, {:.1} after a callout through each",
                mib(*at_start_kib),
                mib(*after_load_kib),
                mib(*all_used_kib)
            );
        }
    }
}

fn by_key<S: Serializer>(cases: &[CaseReport], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(cases.iter().map(|report| (report.case.key, report)))
}

fn verdict(what: &str, measured: Option<f64>, target: f64, unit: &str) {
    match measured {
        Some(measured) if measured <= target => println!("kept    {what}: {measured:.2} {unit}, at most {target}"),
        Some(measured) => println!("MISSED  {what}: {measured:.2} {unit}, at most {target}"),
        None => println!("unknown {what}: not measured here, at most {target} {unit}"),
    }
}

fn shown(Spread { median, min, max }: Spread) -> String {
    format!("{median:.2} ({min:.2}-{max:.2})")
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
