//! Missing rights: each command names the right, and how to grant it.

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{PASSWORD, Rig};

use crate::shop::Shop;

crate::tests![each_command_names_the_right_that_is_missing];

fn each_command_names_the_right_that_is_missing(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let kafka = rig.guarded()?;
    let shop = Shop::plan(&servers, &kafka, "rights")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.client.produce(&shop.dead_letters, &[shop.letter()])?;
    let allow = |user: &str, operations: &str, kind: &str| {
        servers
            .foreign
            .allow(&kafka.brokers(), user, operations, kind, "*")
    };
    allow("viewer", "DESCRIBE,DESCRIBE_CONFIGS", "TOPIC")?;
    allow("reader", "READ", "TOPIC")?;

    // Reading needs no right on the group.
    let output = shop
        .as_user("tail", &kafka, "reader", PASSWORD)?
        .with_arguments(&["--from", "beginning", "--until-end"])
        .output()?;
    ensure!(output.code == 0 && output.stdout.contains("ada-0"), "{output:?}");
    allow("reader", "READ", "GROUP")?;

    let says = |user: &str, command: &[&str], code: i32, text: &str| -> Result<()> {
        let (name, arguments) = command.split_first().context("no command")?;
        let output = shop
            .as_user(name, &kafka, user, PASSWORD)?
            .with_arguments_first(arguments)
            .output()?;
        let said = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            output.code == code && said.contains(text) && said.contains("kafka-acls.sh"),
            "{user} {command:?} should say `{text}` and {code}: {output:?}"
        );
        Ok(())
    };
    let unseen = "the service's principal lacks `Describe` on topic `rights.shop`";
    let unread = "the service's principal lacks `Read` on topic `rights.shop`";
    let foreign_group = "the service's principal lacks `Read` on group `rights";
    let from_the_beginning = ["--from", "beginning"];

    says("nobody", &["lag"], 69, unseen)?;
    says("viewer", &["lag"], 69, foreign_group)?;

    says("nobody", &["tail", "--until-end"], 69, unseen)?;
    says(
        "viewer",
        &[&["tail", "--until-end"][..], &from_the_beginning].concat(),
        69,
        unread,
    )?;

    says(
        "nobody",
        &["topics", "plan"],
        2,
        "the service's principal lacks `Describe` on topic `rights.confirmations`",
    )?;
    let wanted = format!("{}.partitions=2", shop.topic);
    says(
        "viewer",
        &["topics", "apply", "--declare", &wanted],
        1,
        "the service's principal lacks `Alter` on topic `rights.shop`",
    )?;
    says(
        "viewer",
        &["topics", "apply", "--declare", "rights.new.partitions=2"],
        1,
        "the service's principal lacks `Create` on topic `rights.new`",
    )?;

    let unseen_letters = "the service's principal lacks `Describe` on topic `rights.dead-letter`";
    says("nobody", &["dlq", "list"], 69, unseen_letters)?;
    says("viewer", &["dlq", "list"], 69, foreign_group)?;
    let all = [&["dlq", "show"][..], &["dlq", "discard", "--all"]];
    for command in all {
        says("nobody", command, 69, unseen_letters)?;
        says("viewer", command, 69, foreign_group)?;
    }
    // Without any right to write, idempotent writes are refused too.
    says(
        "reader",
        &["dlq", "replay", "--all"],
        70,
        "the service's principal lacks `IdempotentWrite` on the cluster",
    )?;
    servers
        .foreign
        .allow(&kafka.brokers(), "reader", "WRITE", "TOPIC", &shop.dead_letters)?;
    says(
        "reader",
        &["dlq", "replay", "--all"],
        1,
        "the service's principal lacks `Write` on topic `rights.shop`",
    )?;
    ensure!(
        shop.client.end_offsets(&shop.topic)?[&0] == 1,
        "nothing was sent back"
    );

    says(
        "nobody",
        &[&["replay"][..], &from_the_beginning].concat(),
        69,
        unseen,
    )?;
    says(
        "viewer",
        &[&["replay"][..], &from_the_beginning].concat(),
        69,
        foreign_group,
    )?;

    let order = r#"{"order_id": "o-1", "customer": "ada", "amount_cents": 1, "sequence": 0}"#;
    says(
        "reader",
        &["publish", "--topic", &shop.topic, "shop.order_placed", order],
        70,
        "the service's principal lacks `Write` on topic `rights.shop`",
    )?;
    says("viewer", &["doctor"], 1, "may not read")?;

    allow("viewer", "READ", "GROUP")?;
    let unread_letters = "the service's principal lacks `Read` on topic `rights.dead-letter`";
    for command in all {
        says("viewer", command, 69, unread_letters)?;
    }
    Ok(())
}
