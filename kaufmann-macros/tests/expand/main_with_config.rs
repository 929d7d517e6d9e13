async fn start(config: &Config) -> Result<App, Error> {
    App::connect(config).await
}
fn main() -> ::std::process::ExitCode {
    ::kaufmann::__private::main::<Accounts, _>(start)
}
