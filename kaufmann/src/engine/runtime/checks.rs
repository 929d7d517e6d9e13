//! What is checked of a service before it reads its first record.

use tracing::warn;

use crate::base::error::{Error, ErrorKind};
use crate::config::{Config, OnFailure};
use crate::handler::event::EventInfo;
use crate::handler::{Service, emitted};
use crate::publish::error_event::ERROR;
use crate::publish::{Outbound, PublishError, PublishErrorKind};

/// Returns an error if the configuration sets limits for a handler that the service does not have: they would have no effect.
pub(super) fn check_handler_names<V: Service>(config: &Config) -> Result<(), Error> {
    let paths = || V::HANDLERS.iter().map(|entry| entry.path);
    for name in config.dead_letter.handlers.keys() {
        if !paths().any(|path| path == name) {
            let hint = kaufmann_avro::suggest::closest(name, paths()).map_or_else(
                || "use a name from the service's list".to_owned(),
                |closest| format!("did you mean `{closest}`?"),
            );
            let text = format!(
                "`dead_letter.handlers` has `{name}`, which is not a handler of {}; {hint}",
                V::NAME
            );
            return Err(Error::new(ErrorKind::Configuration, text));
        }
    }
    Ok(())
}

/// Returns the events that the service publishes: those of its handlers, and the error event if a failure may cause one.
pub(crate) fn published<V: Service>(on_failure: OnFailure) -> Vec<&'static EventInfo> {
    let own = V::HANDLERS.iter().filter_map(|entry| entry.limits.on_failure);
    let is_error_event = |how| matches!(how, OnFailure::ErrorEvent | OnFailure::Both);
    let errors = own.chain([on_failure]).any(is_error_event).then_some(&ERROR);
    emitted::<V>().into_iter().chain(errors).collect()
}

/// Finds the topic and the schema id of every event that the service publishes, and returns an error if one has none. If the
/// registry does not answer, the service starts without the id.
pub(super) async fn check_events<V: Service>(
    outbound: &Outbound,
    on_failure: OnFailure,
) -> Result<(), Error> {
    for info in published::<V>(on_failure) {
        let configuration = |error: PublishError| Error::new(ErrorKind::Configuration, error.to_string());
        let route = outbound.routes().of(info).map_err(configuration)?;
        match outbound.routes().id(&route).await {
            Ok(_) => {}
            Err(error) if error.kind() == PublishErrorKind::Registry => {
                warn!(event = info.name, %error, "starting without the id of this event's schema; it is requested again when it is needed");
            }
            Err(error) => return Err(Error::new(ErrorKind::Schema, error.to_string())),
        }
    }
    Ok(())
}
