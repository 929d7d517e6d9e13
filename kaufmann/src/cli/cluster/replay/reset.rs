//! `replay --reset-group`: moves the service's own group.

use std::process::ExitCode;

use serde::Serialize;

use super::{Request, topic_partitions};
use crate::base::error::{Error, ErrorKind};
use crate::cli::cluster::columns::{Side, table};
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::config::Config;
use crate::kafka::cluster::Cluster;

/// The result: the group's old and new offsets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Moved {
    pub(super) group: String,
    pub(super) partitions: Vec<Row>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Row {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// The offset committed before.
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
            "group `{}` has {members} live members, which would continue from their own positions; stop the service first",
            config.group
        );
        return Err(Error::new(ErrorKind::Start, text));
    }
    let topic_partitions = topic_partitions(config, &cluster, &request.partitions)?;
    let before = cluster.committed(&topic_partitions)?;
    let to = from.resolve(&cluster, &topic_partitions)?;
    let commits: Vec<_> = to
        .iter()
        .map(|(topic_partition, offset)| (topic_partition.clone(), *offset, None))
        .collect();
    cluster.commit(&commits)?;
    let row = |(topic_partition, to): (crate::kafka::cluster::TopicPartition, i64)| Row {
        from: before.get(&topic_partition).copied(),
        topic: topic_partition.topic,
        partition: topic_partition.partition,
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
    print_line(&text).or_else(unless_closed)?;
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
            "group {} was moved; `run` continues from there\n{}",
            self.group,
            table(&head, &rows, paint)
        )
    }
}
