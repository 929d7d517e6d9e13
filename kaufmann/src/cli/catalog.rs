//! The events of a service: those it handles, and those it may publish.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::handler::event::EventInfo;
use crate::handler::{Service, emitted};

/// All events of a service, each once; those it handles come first.
pub(crate) fn events<V: Service>() -> Vec<&'static EventInfo> {
    let mut all: Vec<&'static EventInfo> = Vec::new();
    for info in handled::<V>().chain(emitted::<V>()) {
        if !all.iter().any(|known| known.name == info.name) {
            all.push(info);
        }
    }
    all
}

/// The events whose records or tombstones a service handles; an event occurs twice if it handles both.
pub(crate) fn handled<V: Service>() -> impl Iterator<Item = &'static EventInfo> {
    V::HANDLERS.iter().filter_map(|entry| entry.event)
}

/// The event with this name or full name.
pub(crate) fn find<V: Service>(name: &str) -> Result<&'static EventInfo, Error> {
    let all = events::<V>();
    if let Some(info) = all
        .iter()
        .find(|info| info.name == name || info.full_name == name)
    {
        return Ok(info);
    }
    let names: Vec<_> = all.iter().map(|info| info.name).collect();
    let meant =
        kaufmann_avro::suggest::closest(name, &names).map(|meant| format!("; did you mean `{meant}`?"));
    let known = if names.is_empty() {
        "it has no events".to_owned()
    } else {
        format!("its events: {}", names.join(", "))
    };
    let text = format!(
        "{} has no event `{name}`{}\n  {known}",
        V::NAME,
        meant.unwrap_or_default()
    );
    Err(Error::new(ErrorKind::Usage, text))
}

/// The topic to which a command publishes an event: where the service itself would publish it, else the only topic that the
/// service consumes, if it handles the event.
pub(crate) fn topic<V: Service>(config: &Config, info: &EventInfo) -> Result<String, Error> {
    if let Some(topic) = config.publish.topic_of(info.name, info.topic) {
        return Ok(topic.to_owned());
    }
    let is_handled = handled::<V>().any(|handled| handled.name == info.name);
    match config.topics.as_slice() {
        [topic] if is_handled => Ok(topic.clone()),
        _ => Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "no topic is set for `{0}`; give its schema ({1}) the attribute `\"topic\"`, set \
                 `publish.topics.\"{0}\"` or `publish.topic`, or use --topic",
                info.name, info.defined_at,
            ),
        )),
    }
}
