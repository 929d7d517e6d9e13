//! `replay --reset-group`: the service's own group goes elsewhere.

use std::process::ExitCode;

use serde::Serialize;

use super::{Request, places};
use crate::base::error::{Error, ErrorKind};
use crate::cli::cluster::columns::{Side, table};
use crate::cli::output::{say, unread};
use crate::cli::paint::Paint;
use crate::config::Config;
use crate::kafka::cluster::Cluster;

/// Where a group goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Moved {
    pub(super) group: String,
    pub(super) partitions: Vec<Row>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Row {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// What was committed before.
    pub(super) from: Option<i64>,
    pub(super) to: i64,
}

/// Moves the group, if it has no members.
pub(super) fn reset(config: &Config, request: &Request) -> Result<ExitCode, Error> {
    let Some(from) = request.from else {
        return Err(Error::new(ErrorKind::Usage, "--reset-group needs --from"));
    };
    let cluster = Cluster::new(config)?;
    let members = cluster.group()?.map_or(0, |group| group.members.len());
    if members > 0 {
        let text = format!(
            "group `{}` has {members} live members, which would go on from where they are; stop the service first",
            config.group
        );
        return Err(Error::new(ErrorKind::Start, text));
    }
    let places = places(config, &cluster, &request.partitions)?;
    let before = cluster.committed(&places)?;
    let to = from.resolve(&cluster, &places)?;
    let commits: Vec<_> = to
        .iter()
        .map(|(place, offset)| (place.clone(), *offset, None))
        .collect();
    cluster.commit(&commits)?;
    let row = |(place, to): (crate::kafka::cluster::TopicPartition, i64)| Row {
        from: before.get(&place).copied(),
        topic: place.topic,
        partition: place.partition,
        to,
    };
    let moved = Moved {
        group: config.group.clone(),
        partitions: to.into_iter().map(row).collect(),
    };
    let text = match request.json {
        true => serde_json::to_string_pretty(&moved).unwrap_or_default(),
        false => moved.text(Paint::stdout()),
    };
    say(&text).or_else(unread)?;
    Ok(ExitCode::SUCCESS)
}

impl Moved {
    pub(super) fn text(&self, paint: Paint) -> String {
        let head = [
            ("topic", Side::Left),
            ("partition", Side::Right),
            ("from", Side::Right),
            ("to", Side::Right),
        ];
        let rows: Vec<_> = self
            .partitions
            .iter()
            .map(|row| {
                let from = row
                    .from
                    .map_or_else(|| "-".to_owned(), |offset| offset.to_string());
                vec![
                    row.topic.clone().into(),
                    row.partition.to_string().into(),
                    from.into(),
                    row.to.to_string().into(),
                ]
            })
            .collect();
        format!(
            "group {} is moved; `run` goes on from there\n{}",
            self.group,
            table(&head, &rows, paint)
        )
    }
}
