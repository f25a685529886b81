// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where `argv` comes from: the command line, else `/init.argv`, else `["init"]`.

use seed_tests::case::Case;
use seed_tests::program::Program::Bare;

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
