//! Fills an empty data directory with very many users and their logins, for `cargo xtask bench grants`: `fill_grants DIRECTORY URL COUNT CALLERS`. Says the keys of the
//! first callers, one a line.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a chore for measurements, which nobody is shipped"
)]

#[path = "../tests/gateway/support/fill.rs"]
mod fill;

use sortie_model::Secret;
use sortie_server::{Config, House, HouseConfig};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, url, count, callers] = arguments.as_slice() else { panic!("fill_grants DIRECTORY URL COUNT CALLERS") };
    let (count, callers) = (count.parse().unwrap(), callers.parse().unwrap());
    let database = std::env::var("SORTIE_DATABASE_URL").ok().map(Secret::new);
    let setup = HouseConfig { data_directory: directory.into(), config: Config::default(), database, root_key: None };
    let house = House::open(&setup).await.unwrap();
    for key in fill::fill(&house, url, count, callers).await {
        println!("{}", key.expose());
    }
    house.store().close().await;
}
