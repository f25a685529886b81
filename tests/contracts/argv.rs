// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where `argv` comes from: the command line, else `/init.argv`, else `["init"]`.

use std::process::Command;
use std::time::Duration;

use seed_tests::archive::Writer;
use seed_tests::backend;
use seed_tests::case::Case;
use seed_tests::paths::{self, Scratch};
use seed_tests::process;
use seed_tests::program::{self, Program::Bare};

fn args_of(case: Case) -> Vec<String> {
    let results = case.run();
    let text = String::from_utf8_lossy(&results.stdout).into_owned();
    let args = text.lines().filter_map(|line| line.strip_prefix("arg [")?.strip_suffix(']'));
    args.map(str::to_owned).collect()
}

#[test]
fn the_command_line_is_split_at_white_space() {
    let case = Case::new(Bare("args")).append("  a b\tc  d=\"e ");
    assert_eq!(args_of(case), ["a", "b", "c", "d=\"e"]);
}

#[test]
fn without_a_command_line_the_file_counts() {
    let case = Case::new(Bare("args")).file("init.argv", b"from a  file\n");
    assert_eq!(args_of(case), ["from", "a", "file"]);
}

#[test]
fn the_command_line_comes_before_the_file() {
    let case = Case::new(Bare("args")).append("line").file("init.argv", b"file\n");
    assert_eq!(args_of(case), ["line"]);
}

#[test]
fn without_either_it_is_init() {
    assert_eq!(args_of(Case::new(Bare("args"))), ["init"]);
}

#[test]
fn an_empty_command_line_is_none() {
    assert_eq!(args_of(Case::new(Bare("args")).append("")), ["init"]);
}

#[test]
fn many_arguments_arrive_in_order() {
    let words: Vec<String> = (0..400).map(|number| format!("w{number}")).collect();
    assert_eq!(args_of(Case::new(Bare("args")).append(&words.join(" "))), words);
}

#[test]
fn the_first_stack_is_that_of_the_abi() {
    Case::new(Bare("stack")).append("stack a b").same_status_on_host().run();
}

#[test]
fn the_program_may_be_a_script() {
    let script = b"#!/tools/args one  two\nnobody reads this\n";
    let image = Writer::default()
        .program("init", script)
        .program("tools/args", &program::bytes(Bare("args")))
        .finish();
    let scratch = Scratch::new();
    let image = scratch.write("in.img", &image);
    for &backend in backend::available() {
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(&image).args(["--append", "init three"]);
        let outcome = process::run(&mut command, Duration::from_secs(60));
        let text = outcome.expect_status(0).stdout_text();
        let args: Vec<_> = text.lines().filter(|line| line.starts_with("arg ")).collect();
        let wanted = ["arg [/tools/args]", "arg [one  two]", "arg [/init]", "arg [three]"];
        assert_eq!(args, wanted, "{backend}");
    }
}
