// SPDX-License-Identifier: Apache-2.0 OR MIT

//! lua, built from its distribution's source package, runs a script of substance.

use seed_tests::case::Case;
use seed_tests::program::Program::Packaged;

#[test]
fn tables_strings_files_and_coroutines() {
    Case::new(Packaged("lua5.4", "lua"))
        .append("lua in/tour.lua one two")
        .file("in/tour.lua", include_bytes!("../programs/tour.lua"))
        .status(5)
        .packed_once()
        .limit(180)
        .same_on_host()
        .run();
}
