//! The run: start everybody, one series a case, then a fixed rate, memory and what else was asked for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::GatewayOptions;
use super::callgrind::{Callgrind, can_tell_sha256_apart};
use super::case::{CASES, Case};
use super::instructions::Counter;
use super::load::{Pace, Request};
use super::machine::{LOAD_CORE, MEASURED_CORE, memory_kib, stay_on};
use super::measure::{CONNECTIONS, Candidate, Contestant, Plan, series};
use super::nginx::{self, Peer, Upstream};
use super::progress::Progress;
use super::report::{CandidateReport, CaseReport, DurabilityReport, InstructionsMethod, MemoryReport, RateReport, Report, ThousandReport};
use super::sortie::{Durability, Sortie};
use super::subject::Subject;
use crate::process::{Failure, during, is_installed};

/// A rate that keeps none of the candidates busy: what it shows is latency without a queue.
const PER_SECOND: u32 = 3_000;

/// Indices of the two that are always there.
const SUBJECT: usize = 0;
const PEER: usize = 1;

/// Measures everything and reports it.
pub(super) fn run(options: &GatewayOptions) -> Result<(), Failure> {
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    let sortie = if options.noise { None } else { Some(Sortie::build(options.sortie.as_deref())?) };
    let temporary = tempfile::Builder::new().prefix("sortie-bench-").tempdir().map_err(during("cannot make a directory"))?;
    let directory = temporary.path();
    stay_on(LOAD_CORE)?;
    let upstream = Upstream::start(directory)?;
    let counter = Counter::look(directory);
    let under_callgrind = match &sortie {
        Some(sortie) => cases_under_callgrind(options, &counter, sortie)?,
        None => &[],
    };
    let bench = Bench { plan, directory, upstream: &upstream, sortie: sortie.as_ref(), counter: &counter };
    let steps = CASES.len()
        + 1
        + usize::from(sortie.is_some())
        + usize::from(options.compare_durability)
        + usize::from(!under_callgrind.is_empty());
    let mut progress = Progress::new(steps);

    let mut report = bench.compare(&mut progress)?;
    if options.compare_durability {
        report.durability = Some(bench.compare_durability(&mut progress)?);
    }
    report.memory.thousand = bench.thousand(&mut progress)?;
    if !under_callgrind.is_empty() {
        let kept = options.callgrind.as_ref().and_then(Option::as_deref);
        bench.count_under_callgrind(under_callgrind, kept, &mut report, &mut progress)?;
    }
    progress.end();
    report.print(&plan);
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&report).map_err(during("cannot write JSON"))?;
        fs::write(file, json + "\n").map_err(during(&format!("cannot write {}", file.display())))?;
        println!("\nwritten to {}", file.display());
    }
    Ok(())
}

/// The cases whose user instructions valgrind counts: those that were asked for, or else, if it can, what the processor's counters do not tell.
fn cases_under_callgrind(options: &GatewayOptions, counter: &Counter, sortie: &Sortie) -> Result<&'static [Case], Failure> {
    let has_names = can_tell_sha256_apart(sortie.program())?;
    match (&options.callgrind, counter) {
        (Some(_), _) if !has_names => Err(Failure::new(format!(
            "{} holds no names of functions, by which valgrind's SHA-256 in software is told apart: `cargo xtask dist` leaves them in",
            sortie.program().display()
        ))),
        (Some(_), _) => Ok(CASES),
        (None, Counter::Unavailable { .. }) if has_names && is_installed("valgrind") => Ok(if options.quick { &CASES[..1] } else { CASES }),
        (None, _) => Ok(&[]),
    }
}

struct Bench<'a> {
    plan: Plan,
    directory: &'a Path,
    upstream: &'a Upstream,
    /// `None`: nginx beside nginx.
    sortie: Option<&'a Sortie>,
    counter: &'a Counter,
}

impl Bench<'_> {
    /// All cases and the fixed rate, with one subject and one peer from beginning to end.
    fn compare(&self, progress: &mut Progress) -> Result<Report, Failure> {
        let subject = match self.sortie {
            Some(sortie) => Subject::sortie(sortie.start(&self.directory.join("sortie"), self.upstream, Durability::Process)?),
            None => Subject::noise(self.directory, self.upstream)?,
        };
        let peer = Peer::start(self.directory, self.upstream, Command::new(nginx::program()))?;
        let mut candidates = [
            Candidate::open(subject.title, subject.server.pid(), subject.address, subject.authorization.clone())?,
            Candidate::open("nginx", peer.server.pid(), peer.address, String::new())?,
        ];
        let mut cases = Vec::new();
        for case in CASES {
            progress.step(case.title);
            cases.push(self.case(case, &subject, &mut candidates, progress)?);
        }
        progress.step(&format!("{PER_SECOND} a second"));
        let fixed_rate = self.fixed_rate(&CASES[0], &subject, &mut candidates, progress)?;
        let memory = MemoryReport {
            subject_after_run_kib: memory_kib(subject.server.pid(), "VmRSS")?,
            peer_after_run_kib: memory_kib(peer.server.pid(), "VmRSS")?,
            thousand: None,
        };
        drop(candidates);
        subject.server.stop()?;
        Ok(Report {
            subject: self.sortie.map_or_else(nginx::version, Sortie::version)?,
            peer: nginx::version()?,
            connections: CONNECTIONS,
            rounds: self.plan.rounds,
            window_ms: self.plan.window.as_millis() as u64,
            instructions_method: matches!(self.counter, Counter::Available { .. }).then_some(InstructionsMethod::Perf),
            perf_unavailable: match self.counter {
                Counter::Available { .. } => None,
                Counter::Unavailable { reason } => Some(reason.clone()),
            },
            cases,
            fixed_rate: Some(fixed_rate),
            durability: None,
            memory,
        })
    }

    fn case(&self, case: &Case, subject: &Subject, candidates: &mut [Candidate], progress: &mut Progress) -> Result<CaseReport, Failure> {
        let contestants = contestants(case, subject, candidates);
        let series = series(candidates, &contestants, self.plan.rounds, Pace::Closed(self.plan.window), progress)?;
        let mut candidate = |index: usize| -> Result<CandidateReport, Failure> {
            Ok(CandidateReport {
                figures: series.figures(index),
                instructions_per_callout: self.counter.per_callout(&mut candidates[index], &contestants[index].request)?,
                user_instructions: None,
            })
        };
        let (subject, peer) = (candidate(SUBJECT)?, candidate(PEER)?);
        let cpu_ratio = series.cpu_ratio(SUBJECT, PEER);
        Ok(CaseReport {
            case: *case,
            instructions_ratio: subject.instructions_per_callout.zip(peer.instructions_per_callout).map(|(subject, peer)| subject / peer),
            cpu_ratio: cpu_ratio.median,
            cpu_ratio_min: cpu_ratio.min,
            cpu_ratio_max: cpu_ratio.max,
            requests_per_second_ratio: series.throughput_ratio(SUBJECT, PEER).median,
            subject,
            peer,
            cpu_ratio_unbuffered: case.unbuffered_path.map(|_| series.cpu_ratio(SUBJECT, PEER + 1)),
            user_instructions_ratio: None,
            user_instructions_ratio_without_sha256: None,
        })
    }

    fn fixed_rate(
        &self,
        case: &Case,
        subject: &Subject,
        candidates: &mut [Candidate],
        progress: &mut Progress,
    ) -> Result<RateReport, Failure> {
        let contestants = contestants(case, subject, candidates);
        let pace = Pace::Rate { per_second: PER_SECOND, duration: self.plan.rated_window };
        let series = series(candidates, &contestants, self.plan.rated_rounds, pace, progress)?;
        Ok(RateReport {
            per_second: PER_SECOND,
            cpu_ratio: series.cpu_ratio(SUBJECT, PEER),
            subject: series.figures(SUBJECT),
            peer: series.figures(PEER),
        })
    }

    /// Two Sorties that differ in one setting.
    fn compare_durability(&self, progress: &mut Progress) -> Result<DurabilityReport, Failure> {
        let Some(sortie) = self.sortie else { return Err(Failure::new("only Sortie keeps an audit")) };
        progress.step("audit durability");
        let case = &CASES[0];
        let (mut subjects, mut candidates, mut contestants) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (title, durability)) in [("machine", Durability::Machine), ("process", Durability::Process)].into_iter().enumerate() {
            let subject = Subject::sortie(sortie.start(&self.directory.join(title), self.upstream, durability)?);
            let candidate = Candidate::open(title, subject.server.pid(), subject.address, subject.authorization.clone())?;
            contestants.push(Contestant { candidate: index, request: candidate.request(&subject.path(case), case) });
            candidates.push(candidate);
            subjects.push(subject);
        }
        let series = series(&mut candidates, &contestants, self.plan.rounds, Pace::Closed(self.plan.window), progress)?;
        Ok(DurabilityReport {
            cpu_ratio: series.cpu_ratio(0, 1),
            requests_per_second_ratio: series.throughput_ratio(0, 1),
            machine: series.figures(0),
            process: series.figures(1),
        })
    }

    /// Memory with 1,000 named credentials more than the cases need.
    fn thousand(&self, progress: &mut Progress) -> Result<Option<ThousandReport>, Failure> {
        let Some(sortie) = self.sortie else { return Ok(None) };
        progress.step("memory with 1,000 named credentials");
        let (running, names) = sortie.start_with_thousand(&self.directory.join("thousand"), self.upstream)?;
        let subject = Subject::sortie(running);
        let pid = subject.server.pid();
        let at_start_kib = memory_kib(pid, "VmRSS")?;
        let mut candidate = Candidate::open(subject.title, pid, subject.address, subject.authorization.clone())?;
        let case = &CASES[0];
        let request = |candidate: &Candidate, name: &str| candidate.request(&format!("/callout/{name}{}", case.path), case);
        let one = request(&candidate, case.named_credential);
        candidate.send(&one, Pace::Closed(Duration::from_secs(2)))?;
        let after_load_kib = memory_kib(pid, "VmRSS")?;
        for name in names {
            let each: Request = request(&candidate, &name);
            candidate.send(&each, Pace::Count(1))?;
        }
        let all_used_kib = memory_kib(pid, "VmRSS")?;
        drop(candidate);
        subject.server.stop()?;
        Ok(Some(ThousandReport { at_start_kib, after_load_kib, all_used_kib }))
    }

    /// User instructions of both, each under valgrind; never at the same time as anything else is measured.
    fn count_under_callgrind(
        &self,
        cases: &[Case],
        kept: Option<&Path>,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        progress.step("user instructions under callgrind");
        let directory = self.directory.join("callgrind");
        let callgrind = Callgrind::new(kept.unwrap_or(&directory))?;
        let subject = match self.sortie {
            Some(sortie) => Subject::sortie(sortie.start_under(&callgrind, &directory.join("sortie"), self.upstream)?),
            None => return Err(Failure::new("nginx beside itself has the same instructions")),
        };
        let peer = Peer::start(&directory, self.upstream, callgrind.command(nginx::program(), "nginx"))?;
        let mut candidates = [
            Candidate::open("Sortie under callgrind", subject.server.pid(), subject.address, subject.authorization.clone())?,
            Candidate::open("nginx under callgrind", peer.server.pid(), peer.address, String::new())?,
        ];
        let method = *report.instructions_method.get_or_insert(InstructionsMethod::Callgrind);
        for (index, report) in report.cases.iter_mut().take(cases.len()).enumerate() {
            progress.round(index + 1, cases.len());
            let contestants = contestants(&report.case, &subject, &candidates);
            let ours = callgrind.count("sortie", report.case.key, &mut candidates[SUBJECT], &contestants[SUBJECT].request)?;
            let peers = callgrind.count("nginx", report.case.key, &mut candidates[PEER], &contestants[PEER].request)?;
            (report.subject.user_instructions, report.peer.user_instructions) = (Some(ours), Some(peers));
            report.user_instructions_ratio = Some(ours.per_callout / peers.per_callout);
            report.user_instructions_ratio_without_sha256 = Some(ours.without_sha256() / peers.without_sha256());
            if method == InstructionsMethod::Callgrind {
                report.instructions_ratio = report.user_instructions_ratio_without_sha256;
            }
        }
        Ok(())
    }
}

/// The subject, the peer, and the peer without buffers where that is another path.
fn contestants(case: &Case, subject: &Subject, candidates: &[Candidate]) -> Vec<Contestant> {
    let of = |candidate: usize, path: &str| Contestant { candidate, request: candidates[candidate].request(path, case) };
    let both = [of(SUBJECT, &subject.path(case)), of(PEER, case.peer_path)];
    both.into_iter().chain(case.unbuffered_path.map(|path| of(PEER, path))).collect()
}

const _: () = assert!(MEASURED_CORE != LOAD_CORE);
