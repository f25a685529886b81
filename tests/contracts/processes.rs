// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Many processes: a distribution's shell runs scripts as it does on the host.
//!
//! `in/busybox` is a link to the running program, so scripts find every applet by one name on the
//! host and in the guest.

use seed_tests::case::Case;
use seed_tests::program::Program::{Busybox, Glibc, Musl};

fn script(text: &str) -> Case {
    let text = format!("b=in/busybox\n{text}");
    Case::new(Busybox)
        .append("busybox sh in/script")
        .file("in/script", text.as_bytes())
        .link("in/busybox", "/proc/self/exe")
        .same_on_host()
}

#[test]
fn a_pipeline_of_five() {
    script("$b seq 1 2000 | $b sort -rn | $b head -50 | $b tr '\\n' ' ' | $b sed 's/ $/\\n/'")
        .run();
}

#[test]
fn a_writer_whose_reader_is_gone_ends() {
    script("$b yes | $b head -3; echo done").run();
}

#[test]
fn substitution_and_here_documents() {
    script("x=$(echo hello | $b tr a-z A-Z)\n$b cat <<END\n<$x> $(echo 1; echo 2)\nEND").run();
}

#[test]
fn background_jobs_are_waited_for() {
    let text = "($b sleep 2; echo late > out/late; exit 7) & p=$!\n$b sleep 1; echo early\n\
                wait $p; echo $?; $b cat out/late";
    script(text).run();
}

#[test]
fn a_killed_job_tells_its_signal() {
    // Whether the shell says "Terminated" depends on who is quicker.
    script("$b sleep 1000 & p=$!\n{ kill -TERM $p; wait $p; } 2>/dev/null; echo $?").run();
}

#[test]
fn a_job_that_is_stopped_and_let_go_before_its_turn_runs() {
    let job = "($b sleep 0.1; echo ran; exit 3)";
    script(&format!("{job} & p=$!; kill -STOP $p; kill -CONT $p; wait $p; echo $?")).run();
}

#[test]
fn traps_run_and_the_script_goes_on() {
    let text = "trap 'echo caught' USR1; trap 'echo bye' EXIT\nkill -USR1 $$; echo after\nexit 3";
    script(text).status(3).run();
}

#[test]
fn statuses_of_subshells_and_pipes() {
    script("(exit 9); echo $?; $b true | $b false; echo $?; ! $b false; echo $?; exit 12")
        .status(12)
        .run();
}

#[test]
fn a_thousand_external_commands() {
    script("i=0; while [ $i -lt 1000 ]; do $b true || exit 1; i=$((i+1)); done; echo $i")
        .packed_once()
        .limit(180)
        .run();
}

#[test]
fn an_archive_through_pipes() {
    let text = "$b mkdir -p out/d/e; for n in 1 2 3; do $b seq ${n}0000 > out/d/e/f$n; done\n\
                $b tar cf - -C out d | $b gzip | $b gzip -d | $b tar tf - | $b sort\n\
                $b tar cf - -C out/d e | $b gzip -9 | $b tar xzf - -C out && $b rm -r out/d";
    script(text).run();
}

#[test]
fn find_feeds_xargs() {
    let text = "$b mkdir -p out/t/a out/t/b; echo x > out/t/a/1; echo y > out/t/b/2\n\
                $b find out/t -type f | $b sort | $b xargs -n1 $b cat";
    script(text).run();
}

#[test]
fn a_script_names_its_interpreter() {
    let text = "echo '#!in/busybox sh' > out/s; echo 'echo $0 $1' >> out/s\n\
                $b chmod +x out/s; out/s one";
    script(text).run();
}

#[test]
fn a_program_that_runs_is_not_written_and_the_other_way_round() {
    // Who opens the pipe to write waits for the program that reads it: by then it runs.
    let text = "$b cp in/busybox out/busybox; $b mkfifo out/started\n\
                (echo x >>init) 2>&1; (: >init) 2>&1; $b truncate -s 0 init 2>&1\n\
                (out/busybox true) 3>>out/busybox 2>&1; echo $?; out/busybox true; echo $?\n\
                out/busybox cat out/started & exec 4>out/started\n\
                $b rm out/busybox out/started; echo written >out/busybox\n\
                exec 4>&-; wait; $b cat out/busybox";
    script(text).run();
}

#[test]
fn a_script_runs_its_interpreter_under_its_own_name() {
    let text = "echo '#!in/busybox sh' > out/s; $b chmod +x out/s\n\
                echo 'in/busybox readlink /proc/$$/exe | in/busybox sed s,.*/,,' >> out/s\n\
                echo 'in/busybox cat /proc/$$/comm' >> out/s\n\
                out/s";
    script(text).stdout(b"init\ns\n").run();
}

#[test]
fn standard_descriptors_have_names() {
    script("echo text > /dev/stdout; echo lost > /dev/null; $b ls /proc/self/fd | $b head -1")
        .run();
}

#[test]
fn forks_signals_and_pipes_from_inside() {
    for program in [Musl("family"), Glibc("family")] {
        Case::new(program).append("family").same_on_host().run();
    }
}

/// Not on the host: containers often refuse it there.
#[test]
fn children_by_clone3() {
    Case::new(Musl("clone3")).append("clone3").stdout(b"").run();
}

#[test]
fn the_seeds_own_spawn() {
    let expected = "probe: ENOENT\nmissing: ENOENT\nchild: me argument\nspawned\n\
                    waitid: 0, code 1, status 7\n";
    Case::new(Musl("spawn")).append("spawn").stdout(expected.as_bytes()).run();
}
