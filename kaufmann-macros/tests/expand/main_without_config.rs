async fn start() -> Result<App, Error> {
    Ok(App)
}
fn main() -> ::std::process::ExitCode {
    ::kaufmann::__private::main::<
        Accounts,
        _,
    >(async |__config: &::kaufmann::Config| {
        let _ = __config;
        start().await
    })
}
