use crate::variants::*;
use plugin_abi::host::Plugin;
#[test]
fn explore() {
    for file in [another_major(), another_release(), newer_minor().plugin.clone(), swapped_fields(), longer_rows(), c_door_only(), with_faults()] {
        println!("== {}", file.display());
        println!("checked: {:?}", Plugin::load_checked(&file).map(|p| p.version()).map_err(|e| e.to_string()));
        println!("c:       {:?}", Plugin::load_c(&file).map(|p| p.version()).map_err(|e| e.to_string()));
    }
    println!("{}", crate::tools::good(std::process::Command::new(&newer_minor().host).arg(&autoflow_tests::artifacts().plugin)));
}
