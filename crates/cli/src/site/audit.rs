//! The end of the audit, how it goes on, and whether it is what was written.

use serde::Serialize;
use sortie_client::{AuditPage, AuditRecord, AuditVerification, Client};
use sortie_server::audit::{Line, Positions, Verified, files, last_lines, read_lines, verify};

use super::{Site, shown};
use crate::failure::Failure;

/// As many as the API gives at once.
const PAGE: u32 = 1_000;

/// Then they are shown before there are more.
const AT_ONCE: usize = 10_000;

/// How far it was read.
pub(crate) enum AuditTail<'s> {
    House { directory: &'s std::path::Path, positions: Positions },
    Server { client: &'s Client, page: AuditPage },
}

impl Site {
    /// The last records, and from where on there will be more.
    pub(crate) async fn audit_tail(&self, count: usize) -> Result<(Vec<Line>, AuditTail<'_>), Failure> {
        match self {
            Self::House(opened) => {
                let directory = opened.house.audit_directory();
                let (lines, positions) = last_lines(directory, count)?;
                Ok((lines, AuditTail::House { directory, positions }))
            }
            Self::Server(client) => {
                if count > PAGE as usize {
                    let message = format!("a server shows at most the last {PAGE} records");
                    return Err(Failure::new("argument_invalid", message, format!("give --lines {PAGE} or less, or ask beside the data")));
                }
                let page = client.audit().last(u32::try_from(count).unwrap_or(PAGE).max(1)).await?;
                let surplus = page.records.len().saturating_sub(count);
                Ok((lines_of(&page).split_off(surplus), AuditTail::Server { client, page }))
            }
        }
    }
}

impl Site {
    /// Of the house, or of the node that answers.
    pub(crate) async fn verify_audit(&self) -> Result<AuditVerification, Failure> {
        #[derive(Serialize)]
        struct Verification {
            lanes: Vec<Verified>,
            intact: bool,
            lanes_elsewhere: usize,
        }
        match self {
            Self::House(opened) => {
                let anchors = opened.house.anchors().await;
                let (anchors, lanes_elsewhere) =
                    anchors.map_err(|error| Failure::new(error.code(), error.to_string(), "look at the database, then try again"))?;
                let lanes = verify(opened.house.audit_directory(), &opened.house.chain_key(), &anchors)?;
                let intact = lanes.iter().all(|lane| lane.finding.is_none());
                shown(&Verification { lanes, intact, lanes_elsewhere })
            }
            Self::Server(client) => Ok(client.audit().verify().await?),
        }
    }
}

impl AuditTail<'_> {
    /// What has come since the last look, also in files that are new.
    pub(crate) async fn fresh(&mut self) -> Result<Vec<Line>, Failure> {
        match self {
            Self::House { directory, positions } => {
                for path in files(directory)? {
                    if !positions.iter().any(|(known, _)| *known == path) {
                        positions.push((path, 0));
                    }
                }
                let mut fresh = Vec::new();
                for (path, position) in positions {
                    let (lines, next) = read_lines(path, *position)?;
                    *position = next;
                    fresh.extend(lines);
                }
                fresh.sort_by(|one, other| one.at.cmp(&other.at));
                Ok(fresh)
            }
            Self::Server { client, page } => {
                let mut fresh = Vec::new();
                while fresh.len() < AT_ONCE {
                    match client.audit().behind_up_to(page, PAGE).await {
                        Ok(next) if next.records.is_empty() => break,
                        Ok(next) => {
                            fresh.extend(lines_of(&next));
                            *page = next;
                        }
                        // Whoever follows wants to go on when the server is back.
                        Err(error) if error.is_retryable() => {
                            tracing::warn!(code = error.code(), "the audit cannot be asked for at the moment: {error}");
                            break;
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(fresh)
            }
        }
    }
}

fn lines_of(page: &AuditPage) -> Vec<Line> {
    let line = |record: &AuditRecord| {
        let read: serde_json::Value = record.read().unwrap_or_default();
        Line { at: read["at"].as_str().unwrap_or_default().to_owned(), text: record.text().to_owned() }
    };
    page.records.iter().map(line).collect()
}
