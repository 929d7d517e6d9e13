//! Records that cannot be read at first, and rebalances before they can be read.

use super::*;

#[test]
fn a_record_that_could_not_be_read_at_first_is_not_skipped_after_a_rebalance() {
    let broker = broker("t", 2);
    let keys: Vec<String> = (0..20).map(|key| format!("k{key}")).collect();
    let all = || {
        keys.iter()
            .map(|key| message("t", Some(key.as_bytes()), Some(b"x")))
    };
    publish(&broker, all());
    let config = config(&broker, "g", "t", &[]);
    let mut first = Member::join(&config);
    first.until("the first records", |member| member.got.len() == keys.len());

    // Errors for both partitions, which may be fetched apart, at the offset of the record that comes next.
    let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN;
    broker
        .cluster()
        .request_errors(RDKafkaApiKey::Fetch, &[unknown; 6]);
    first.until("an error of each partition", |member| member.troubles.len() == 2);

    // The partition that it keeps is paused meanwhile.
    let mut second = Member::join(&config);
    (first.releases, second.releases) = (true, true);
    both(&mut first, &mut second, "a partition each", |a, b| {
        a.assigned.len() == 1 && b.assigned.len() == 1
    });
    publish(&broker, all());
    both(&mut first, &mut second, "records of both partitions", |a, b| {
        let count = |partition| {
            let got = a
                .got
                .iter()
                .chain(&b.got)
                .filter(|got| got.partition == partition);
            got.map(|got| got.offset).max()
        };
        let last: i64 = (0..2).filter_map(count).map(|offset| offset + 1).sum();
        last == 2 * i64::try_from(keys.len()).unwrap()
    });
    // It was never given back, so no record is missing and none comes twice.
    let kept = first.assigned[0].partition();
    let got = first.got.iter().filter(|got| got.partition == kept);
    let offsets: Vec<i64> = got.map(|got| got.offset).collect();
    let expected: Vec<i64> = (0..).take(offsets.len()).collect();
    assert_eq!(offsets, expected, "partition {kept}");
}
