//! A host built against a changed contract: what do the two doors of a plugin say to it?

use plugin_abi::host::{Plugin, Silent};

fn main() {
    let file = std::env::args().nth(1).expect("the plugin's file");
    for (door, loaded) in [
        ("checked", Plugin::load_checked(&file)),
        ("c", Plugin::load_c(&file)),
    ] {
        match loaded {
            Ok(plugin) => {
                let made = plugin
                    .create("{}", Silent)
                    .map(|engine| engine.export_config());
                println!(
                    "{door}: loaded {:?}, works: {}",
                    plugin.version(),
                    made.is_ok()
                );
            }
            Err(error) => println!("{door}: {error}"),
        }
    }
}
