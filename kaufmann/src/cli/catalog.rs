//! The events that a service knows: those it handles, and those it may publish.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::handler::event::EventInfo;
use crate::handler::{Service, emitted};

/// All events of a service, those it handles first, each once.
pub(crate) fn events<V: Service>() -> Vec<&'static EventInfo> {
    let mut all: Vec<&'static EventInfo> = Vec::new();
    for info in taken::<V>().chain(emitted::<V>()) {
        if !all.iter().any(|known| known.name == info.name) {
            all.push(info);
        }
    }
    all
}

/// The events that a service handles, and those of which it takes the tombstones; one twice if it does both.
pub(crate) fn taken<V: Service>() -> impl Iterator<Item = &'static EventInfo> {
    V::HANDLERS.iter().filter_map(|entry| entry.event)
}

/// The event with this name.
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
        "it knows none".to_owned()
    } else {
        format!("it knows {}", names.join(", "))
    };
    let text = format!(
        "{} knows no event `{name}`{}\n  {known}",
        V::NAME,
        meant.unwrap_or_default()
    );
    Err(Error::new(ErrorKind::Usage, text))
}

/// The topic on which an event is written from outside of the service: where the service itself would publish it, else the
/// one topic that it consumes, if it handles the event.
pub(crate) fn topic<V: Service>(config: &Config, info: &EventInfo) -> Result<String, Error> {
    if let Some(topic) = config.publish.topic_of(info.name, info.topic) {
        return Ok(topic.to_owned());
    }
    let is_handled = taken::<V>().any(|taken| taken.name == info.name);
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
